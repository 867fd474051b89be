"""The table of what ESPnet's asr.sh and ours made of the same recipes, from files as both leave them."""

import sys
from pathlib import Path

import numpy as np
import pytest

from espnet_gmot.score.result_files import score_files

ROOT = Path(__file__).parents[2]
MODEL = "asr_train_ctc"
TEXTS = {"dev": {"u1": "今天", "u2": "好"}, "test": {"u3": "公园"}}
DEV_HYP = {"u1": "今<unk>", "u2": "好"}  # five characters in place of one to sclite, one error to us


@pytest.fixture
def stock_table(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    import stock_table

    return stock_table


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def lines(table):
    return "".join(f"{key} {text}\n" for key, text in table.items())


def write_recipe(recipe, ways, perturbed=False):
    """Tokens, statistics, decodings; ``ways`` has the directory of each decoding and where dev lies in it."""
    write(recipe / "data/zh_token_list/char/tokens.txt", "<blank>\n<unk>\n今\n<sos/eos>\n")
    for part in ("train", "valid"):
        for kind in ("speech", "text"):
            names = ["u1", "u2", *["sp0.9-u1"] * perturbed]
            write(recipe / f"exp/asr_stats_raw/{part}/{kind}_shape", lines(dict.fromkeys(names, "160")))
    sums = {"count": np.array(3), "sum": np.array([1.0, 2.0]), "sum_square": np.array([1.0, 4.0])}
    np.savez(recipe / "exp/asr_stats_raw/train/feats_stats.npz", **sums)
    for decode, dev in ways:
        for dset, texts in TEXTS.items():
            place = recipe / "exp" / MODEL / decode / (dev if dset == "dev" else dset)
            write(place / "text", lines(texts))


@pytest.fixture
def recipes(tmp_path):
    """The recipe with each asr.sh; with ESPnet's the sets are scored by sclite and by us."""
    stock, ours = (tmp_path / name / "egs2/tiny/asr1" for name in ("stock", "ours"))
    write_recipe(stock, [("decode_ctc_greedy", "org/dev")])
    write_recipe(ours, [("greedy_false", "dev"), ("greedy_true", "dev")])
    for place, hyp, page in (("org/dev", DEV_HYP, "2 1 0 4"), ("test", TEXTS["test"], "2 0 0 0")):
        scored = stock / "exp" / MODEL / "decode_ctc_greedy" / place
        write(scored / "ref", lines(TEXTS[scored.name]))
        write(scored / "hyp", lines(hyp))
        write(scored / "utt2spk", lines(dict.fromkeys(hyp, "s1")))
        score_files(*(scored / name for name in ("ref", "hyp", "utt2spk")), "char", scored / "score_cer")
        write(scored / "score_cer/sclite.txt", f"Scores: (#C #S #D #I) {page}\n")
    return stock, ours


def run(stock_table, recipes, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stock_table.py", *(str(recipe.parents[1]) for recipe in recipes)])
    stock_table.main()


def cells(printed):
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in printed.splitlines()[2:]]
    return {row[1]: tuple(row[2:4]) for row in rows}


def test_all_is_equal(stock_table, recipes, monkeypatch, capsys):
    run(stock_table, recipes, monkeypatch)
    assert cells(capsys.readouterr().out) == {
        "tokens": ("4", "4"),
        "shapes": ("8", "8"),
        "sums of features": ("3", "3"),
        "hypotheses of asr_inference": ("3", "3"),
        "best path and beam 1": ("3", "3"),
        "utterances, by the errors of their set": ("3", "3"),
    }


@pytest.mark.parametrize(
    ("path", "content", "what", "equal"),
    [
        ("data/zh_token_list/char/tokens.txt", "<blank>\n<unk>\n天\n<sos/eos>\n", "tokens", ("3", "4")),
        ("exp/asr_stats_raw/valid/speech_shape", "u1 160\n", "shapes", ("7", "8")),
        ("exp/asr_stats_raw/train/text_shape", "u1 160\nu2 161\n", "shapes", ("7", "8")),
        (f"exp/{MODEL}/greedy_false/dev/text", "u1 今\nu2 好\n", "hypotheses of asr_inference", ("2", "3")),
        (f"exp/{MODEL}/greedy_false/dev/text", "u1 今天\n", "hypotheses of asr_inference", ("2", "3")),
    ],
)
def test_what_differs_or_is_missing_is_counted_and_an_error(
    stock_table, recipes, monkeypatch, capsys, path, content, what, equal
):
    write(recipes[1] / path, content)
    with pytest.raises(SystemExit, match=f"error: not all equal, or not there: {what} of tiny$"):
        run(stock_table, recipes, monkeypatch)
    assert cells(capsys.readouterr().out)[what] == equal


def test_other_sums_of_features_are_an_error_but_for_perturbed_audio(
    stock_table, recipes, monkeypatch, capsys
):
    for perturbed in (False, True):
        for recipe in recipes:
            write_recipe(recipe, [], perturbed)
        np.savez(
            recipes[1] / "exp/asr_stats_raw/train/feats_stats.npz",
            count=3, sum=np.array([1.0, 2.0]), sum_square=np.array([1.0, 4.4]),
        )  # fmt: skip
        if perturbed:
            run(stock_table, recipes, monkeypatch)
            assert cells(capsys.readouterr().out)["shapes at other speeds"] == ("4", "4")
        else:
            with pytest.raises(SystemExit, match="sums of features of tiny"):
                run(stock_table, recipes, monkeypatch)
            printed = capsys.readouterr().out
            assert cells(printed)["sums of features"] == ("2", "3")
            assert "differ by 9.1e-02 at most" in printed


def test_a_set_that_sclite_counts_otherwise_is_an_error(stock_table, recipes, monkeypatch, capsys):
    page = recipes[0] / "exp" / MODEL / "decode_ctc_greedy/org/dev/score_cer/sclite.txt"
    page.write_text("Scores: (#C #S #D #I) 2 1 0 0\n")  # <unk> as one
    with pytest.raises(SystemExit, match="utterances, by the errors of their set of tiny"):
        run(stock_table, recipes, monkeypatch)
    printed = capsys.readouterr().out
    assert cells(printed)["utterances, by the errors of their set"] == ("1", "3")
    assert "sclite 1, ours 5 errors, -4 with <unk> as one" in printed


def test_two_decoders_may_differ(stock_table, recipes, monkeypatch, capsys):
    write(recipes[1] / f"exp/{MODEL}/greedy_true/test/text", "u3 公\n")
    run(stock_table, recipes, monkeypatch)
    assert cells(capsys.readouterr().out)["best path and beam 1"] == ("2", "3")


def test_nothing_to_compare_is_an_error(stock_table, tmp_path, monkeypatch):
    (tmp_path / "a/tiny/asr1").mkdir(parents=True)
    with pytest.raises(SystemExit, match="every recipe"):
        run(stock_table, [tmp_path / "a/tiny/asr1"] * 2, monkeypatch)
