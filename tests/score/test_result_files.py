"""The files of stage 13, through its command."""

import json
import os
import subprocess
import sys

import pytest

from espnet_gmot.bin import score as score_command
from espnet_gmot.errors import InputError
from espnet_gmot.score.error_rates import ErrorCounts
from espnet_gmot.score.result_files import Result, add_results, read_references, read_result, references_of

# What ESPnet's show_asr_result.sh does with `grep -H Avg`.
ESPNET_TABLE = r"""grep -H -e Avg exp/decode/test/score_cer/result.txt \
| sed -e 's#exp/\([^/]*/[^/]*\)/score_cer/result.txt:#|\1#g' \
| sed -e 's#Sum/Avg##g' | tr '|' ' ' | tr -s ' ' '|'"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A set of three utterances by two speakers, one hypothesis empty."""
    monkeypatch.chdir(tmp_path)
    decoded = tmp_path / "exp/decode/test"
    decoded.mkdir(parents=True)
    (tmp_path / "ref").write_text("s1-a 今天天气好\ns1-b 天气\ns2-a 北京 天\n", encoding="utf-8")
    (tmp_path / "utt2spk").write_text("s1-a s1\ns1-b s1\ns2-a s2\n")
    (decoded / "text").write_text("s1-a 天天汽好啊\ns1-b 天气\ns2-a\n", encoding="utf-8")
    return tmp_path


def run_command(monkeypatch, *options):
    command = "score --ref ref --hyp exp/decode/test/text --utt2spk utt2spk --out exp/decode/test/score_cer"
    monkeypatch.setattr(sys, "argv", [*command.split(), *options])
    score_command.main()


def test_the_files_of_a_scored_set(files, monkeypatch, capsys):
    run_command(monkeypatch)
    assert "60.00 % errors in 10 chars: exp/decode/test/score_cer/result.txt" in capsys.readouterr().out
    out = files / "exp/decode/test/score_cer"

    lines = (out / "result.txt").read_text(encoding="utf-8").splitlines()
    cells = [line.replace("|", " ").split() for line in lines if line.startswith("| s") or "Sum/Avg" in line]
    assert cells == [
        ["s1", "2", "7", "71.4", "14.3", "14.3", "14.3", "42.9", "50.0"],
        ["s2", "1", "3", "0.0", "0.0", "100.0", "0.0", "100.0", "100.0"],
        ["Sum/Avg", "3", "10", "50.0", "10.0", "40.0", "10.0", "60.0", "66.7"],
    ]
    assert len({len(line) for line in lines[2:]}) == 1, "columns line up"

    assert json.loads((out / "result.json").read_text(encoding="utf-8"))["total"]["deletions"] == 4
    result = read_result(out / "result.json")
    assert result.unit == "char"
    assert result.speakers == {"s1-a": "s1", "s1-b": "s1", "s2-a": "s2"}
    assert result.utterances["s1-a"] == ErrorCounts(3, 1, 1, 1, 1, 1)
    assert result.total == ErrorCounts(5, 1, 4, 1, 3, 2)

    per_utt = (out / "per_utt.txt").read_text(encoding="utf-8").splitlines()
    assert per_utt[1] == "s1-a\t5\t3\t1\t1\t1\t今天天气好\t天天汽好啊"
    assert per_utt[3] == "s2-a\t3\t0\t0\t3\t0\t北京 天\t"
    references = {"s1-a": "今天天气好", "s1-b": "天气", "s2-a": "北京 天"}
    assert read_references(out / "per_utt.txt") == references
    assert references_of(out / "result.json", result) == result.references == references
    assert result.hypotheses == {"s1-a": "天天汽好啊", "s1-b": "天气", "s2-a": ""}


def test_espnets_own_script_reads_the_summary(files, monkeypatch):
    run_command(monkeypatch)
    row = subprocess.run(["sh", "-c", ESPNET_TABLE], capture_output=True, text=True, check=True).stdout
    assert row == "|decode/test|3|10|50.0|10.0|40.0|10.0|60.0|66.7|\n"


def test_words_are_counted_on_request(files, monkeypatch, capsys):
    run_command(monkeypatch, "--token_type", "word")
    assert "in 4 words" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda: os.remove("exp/decode/test/text"),
            r"exp/decode/test/text does not exist; decode .* stage 12",
        ),
        (
            lambda: os.truncate("utt2spk", 16),
            r"1 utterances of ref are not in utt2spk \(first: s2-a\); prepare",
        ),
        (
            lambda: os.truncate("exp/decode/test/text", 21),
            r"2 utterances of ref are not in exp/decode/test/text",
        ),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(files, monkeypatch, damage, message):
    damage()
    with pytest.raises(InputError, match=message):
        run_command(monkeypatch)
    assert not (files / "exp/decode/test/score_cer").exists()


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"unit": "char"}', '{"unit": "char", "utterances": {"a": {"x": 1}}}']
)
def test_a_damaged_result_names_the_file_and_the_stage(tmp_path, content):
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(InputError, match=r"result.json is not a result .*stages 11 to 13"):
        read_result(tmp_path / "result.json")


def test_a_result_of_hypotheses_that_were_decoded_again_is_refused(files, monkeypatch, tmp_path):
    run_command(monkeypatch)
    result = files / "exp/decode/test/score_cer/result.json"
    before = read_result(result)
    hypotheses = files / "exp/decode/test/text"
    written = hypotheses.read_text(encoding="utf-8")
    hypotheses.write_text(written.replace("汽", "气"), encoding="utf-8")
    with pytest.raises(InputError, match="counts other hypotheses than those in .*text; score them again"):
        read_result(result)
    hypotheses.unlink()  # results may be kept without them
    assert read_result(result) == before
    hypotheses.write_text(written, encoding="utf-8")
    assert read_result(result) == before
    elsewhere = files / "elsewhere"
    elsewhere.write_text(written, encoding="utf-8")
    run_command(monkeypatch, "--hyp", str(elsewhere))  # not the directory's own: nothing to compare with
    hypotheses.write_text("", encoding="utf-8")
    assert read_result(result) == before


def test_a_result_without_utterances_is_refused(tmp_path):
    (tmp_path / "result.json").write_text('{"unit": "char", "utterances": {}}')
    with pytest.raises(InputError, match=r"result.json holds no utterance; train, decode and score"):
        read_result(tmp_path / "result.json")


def test_counts_of_several_trainings_are_added_up():
    first = Result("char", {"a": ErrorCounts(3, 1, 0, 0, 1, 1), "b": ErrorCounts(2, 0, 0, 0, 1, 0)})
    other = Result("char", {"b": ErrorCounts(0, 0, 2, 1, 1, 1), "a": ErrorCounts(4, 0, 0, 0, 1, 0)})
    assert add_results([first, other]).utterances == {
        "a": ErrorCounts(7, 1, 0, 0, 2, 1), "b": ErrorCounts(2, 0, 2, 1, 2, 1),
    }  # fmt: skip
    assert add_results([first]) == first


@pytest.mark.parametrize("content", ["utt1\t3\n", "utterance\tN\nutt1\t3\n"])
def test_damaged_references_name_the_file_and_the_stage(tmp_path, content):
    (tmp_path / "per_utt.txt").write_text(content)
    with pytest.raises(InputError, match=r"per_utt.txt is not a result .*stages 11 to 13"):
        read_references(tmp_path / "per_utt.txt")


def test_a_reference_of_symbols_alone_has_no_unit(files, monkeypatch, caplog):
    (files / "nlsyms").write_text("<noise>\n<laugh>\n")
    (files / "ref").write_text("s1-a 今天<laugh>天气好\ns1-b 天气\ns2-a <noise>\n", encoding="utf-8")
    (files / "exp/decode/test/text").write_text(
        "s1-a 今天天气\ns1-b 天<noise>气\ns2-a 嗯\n", encoding="utf-8"
    )
    run_command(monkeypatch, "--nlsyms_txt", "nlsyms")
    assert "ref: 1 utterances have nothing to score (first: s2-a): they have 0 units" in caplog.text
    out = files / "exp/decode/test/score_cer"
    result = read_result(out / "result.json")
    assert result.utterances["s2-a"] == ErrorCounts(insertions=1, sentences=1, sentences_with_errors=1)
    assert (result.total.units, result.total.errors) == (7, 2)
    assert result.references == {"s1-a": "今天天气好", "s1-b": "天气", "s2-a": ""}
    assert read_references(out / "per_utt.txt") == result.references
    lines = (out / "result.txt").read_text(encoding="utf-8").splitlines()
    (speaker,) = [line.replace("|", " ").split() for line in lines if line.startswith("| s2")]
    assert speaker == ["s2", "1", "0", *5 * ["nan"], "100.0"]
    assert len({len(line) for line in lines[2:]}) == 1, "columns line up"


def test_spaces_are_counted_on_request(files, monkeypatch, capsys):
    run_command(monkeypatch, "--spaces", "true")
    assert "in 11 chars" in capsys.readouterr().out
