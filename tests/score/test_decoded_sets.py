"""Where decoded sets lie, and the errors of all that ESPnet's asr.sh decoded."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet_gmot.errors import InputError
from espnet_gmot.score.comparison import System, compare
from espnet_gmot.score.decoded_sets import decoded_set, score_decoded_sets
from espnet_gmot.score.result_files import read_result

EXP = Path("exp/asr_ctc")
NAMES = st.text("abc_.-", min_size=1, max_size=5).filter(lambda name: name not in (".", ".."))


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


@pytest.fixture(autouse=True)
def decoded(tmp_path, monkeypatch):
    """A model with which ESPnet's asr.sh decoded dev, of which stage 4 left one utterance out, and test."""
    monkeypatch.chdir(tmp_path)
    for dset, texts in {"org/dev": ("今天", "好"), "dev": ("今天",), "test": ("公园",)}.items():
        write(Path(f"dump/raw/{dset}/text"), "".join(f"u{i} {text}\n" for i, text in enumerate(texts)))
        write(Path(f"dump/raw/{dset}/utt2spk"), "".join(f"u{i} s\n" for i in range(len(texts))))
    hypothesise("org/dev", "u0 今\nu1 好\n")
    hypothesise("test", "u0 公圆\n")


def hypothesise(dset, text, decode="greedy", sclite="Scores: (#C #S #D #I) 1 1 0 0\n"):
    write(EXP / decode / dset / "text", text)
    write(
        EXP / decode / dset / "score_cer/result.txt", f"\n\n SYSTEM SUMMARY PERCENTAGES by SPEAKER\n{sclite}"
    )


def test_a_validation_set_is_scored_with_all_its_utterances(caplog):
    score_decoded_sets(EXP)
    counts = read_result(EXP / "greedy/org/dev/score_cer/result.json").total
    assert (counts.sentences, counts.deletions, counts.errors) == (2, 1, 1)
    assert read_result(EXP / "greedy/test/score_cer/result.json").total.substitutions == 1
    assert not caplog.records


def test_the_comparison_finds_it():
    score_decoded_sets(EXP)
    (EXP / "config.yaml").write_text("frontend_conf:\n    fs: 16k\n")
    log = (
        "2025-01-01 00:00:00,000 (asr:1) INFO: speech length: 16000\n" * 2
        + "2025-01-01 00:00:01,000 (b:1) INFO: x\n"
    )
    write(EXP / "greedy/org/dev/logdir/asr_inference.1.log", f"# python3 -m espnet2.bin.asr_inference\n{log}")
    dev, test = compare([System("ctc", EXP, "greedy")], ["dev", "test"])
    assert (dev.not_run, test.not_run) == (None, None)
    assert dev.result.total.units == 3
    assert dev.rtf == 0.5


def test_a_missing_result_is_reported_where_it_lies():
    score_decoded_sets(EXP)
    (EXP / "greedy/org/dev/score_cer/result.json").unlink()
    dev, _ = compare([System("ctc", EXP, "greedy")], ["dev", "test"])
    assert dev.not_run.startswith("not scored (exp/asr_ctc/greedy/org/dev/score_cer/result.json is missing)")


def test_what_was_decoded_or_transcribed_again_is_scored_again():
    score_decoded_sets(EXP)
    before = Path("exp/asr_ctc/greedy/test/score_cer/sclite.txt").read_text()
    write(EXP / "greedy/test/text", "u0 公园\n")  # by stage 12 alone: the page is ours
    score_decoded_sets(EXP)
    assert read_result(EXP / "greedy/test/score_cer/result.json").total.errors == 0
    assert Path("exp/asr_ctc/greedy/test/score_cer/sclite.txt").read_text() == before
    write(Path("dump/raw/test/text"), "u0 公圆\n")
    score_decoded_sets(EXP)
    assert read_result(EXP / "greedy/test/score_cer/result.json").total.errors == 1


def test_a_page_that_sclite_writes_again_takes_the_earlier_ones_place():
    score_decoded_sets(EXP)
    hypothesise("test", "u0 公园\n", sclite="Scores: (#C #S #D #I) 2 0 0 0\n")
    score_decoded_sets(EXP)
    page = EXP / "greedy/test/score_cer/sclite.txt"
    assert "2 0 0 0" in page.read_text()
    assert "Sum/Avg" in page.with_name("result.txt").read_text()


def test_other_totals_of_sclite_are_said(caplog):
    hypothesise("test", "u0 公圆\n", sclite="Scores: (#C #S #D #I) 2 0 0 0\n")
    score_decoded_sets(EXP)
    assert "exp/asr_ctc/greedy/test/score_cer/result.txt has 1 errors, sclite 0" in caplog.text


def test_a_set_that_cannot_be_scored_does_not_keep_the_others_from_it():
    hypothesise("elsewhere", "u0 公圆\n", decode="a_first_try")
    hypothesise("org/dev", "u0 今\n", decode="broken_off")
    with pytest.raises(InputError) as raised:
        score_decoded_sets(EXP)
    first, *others = str(raised.value).splitlines()
    assert first == "2 of 4 decoded sets cannot be used:"
    assert "dump/raw/elsewhere/text does not exist" in others[0]
    assert "exp/asr_ctc/broken_off/org/dev/text" in others[1]
    assert (EXP / "greedy/test/score_cer/result.json").exists()


@pytest.mark.parametrize("spaces, units", [(False, 4), (True, 5)])
def test_spaces_count_where_it_is_said(spaces, units):
    write(Path("dump/raw/spaced/text"), "u0 ab cd\n")
    write(Path("dump/raw/spaced/utt2spk"), "u0 s0\n")
    write(Path("exp/spaced/greedy/spaced/text"), "u0 ab cd\n")
    score_decoded_sets(Path("exp/spaced"), spaces=spaces)
    assert read_result(Path("exp/spaced/greedy/spaced/score_cer/result.json")).total.units == units


def test_two_decodings_of_one_set_are_refused():
    write(EXP / "greedy/dev/text", "u0 今\n")
    with pytest.raises(
        InputError, match="greedy/dev and exp/asr_ctc/greedy/org/dev both hold hypotheses of dev"
    ):
        decoded_set(EXP, "greedy", "dev")


@given(NAMES, NAMES, st.booleans())
def test_a_set_is_found_wherever_it_was_decoded(tmp_path_factory, decode, dataset, by_espnet):
    experiment = tmp_path_factory.mktemp("asr")
    assert decoded_set(experiment, decode, dataset) == experiment / decode / dataset
    expected = experiment.joinpath(decode, *["org"] * by_espnet, dataset)
    write(expected / "text", "u0 a\n")
    assert decoded_set(experiment, decode, dataset) == expected
