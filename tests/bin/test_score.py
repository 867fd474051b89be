import json

from espnet_gmot.bin import score


def test_one_error_in_four_characters(tmp_path, monkeypatch, capsys):
    for name, lines in (
        ("ref", "u1 今天\nu2 下雨\n"),
        ("hyp", "u1 今天\nu2 下雪\n"),
        ("utt2spk", "u1 s\nu2 s\n"),
    ):
        (tmp_path / name).write_text(lines, encoding="utf-8")
    tables = [f"--{name}={tmp_path / name}" for name in ("ref", "hyp", "utt2spk")]
    out = tmp_path / "score_cer"
    monkeypatch.setattr("sys.argv", ["score", *tables, f"--out={out}"])
    score.main()
    assert capsys.readouterr().out == f"25.00 % errors in 4 chars: {out / 'result.txt'}\n"
    assert {path.name for path in out.iterdir()} == {"result.txt", "result.json", "per_utt.txt"}
    assert json.loads((out / "result.json").read_text())["total"]["substitutions"] == 1
