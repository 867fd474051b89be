"""The rows of a comparison, from scored sets and logs as the recipe leaves them."""

import json
from pathlib import Path

import pytest
import torch

from espnet_gmot.errors import InputError
from espnet_gmot.score.comparison import System, compare
from espnet_gmot.score.result_files import score_files

CTC = System("ctc", Path("exp/asr_ctc"), "greedy")
GMOT = System("gmot", Path("exp/asr_gmot"), "greedy")
GREEDY = "# python3 -m espnet_gmot -m espnet_gmot.bin.asr_ctc_greedy --ngpu 0\n"
BEAM = "# python3 -m espnet_gmot -m espnet2.bin.asr_inference --ngpu 0\n"


def score(system, dataset="test", wrong=3, prefix="utt", char="一", unit="char"):
    """Twenty utterances of ten characters, with so many substitutions in each."""
    decoded = system.experiment / system.decode / dataset
    decoded.mkdir(parents=True, exist_ok=True)
    ids = [f"{prefix}{i}" for i in range(20)]
    Path("ref").write_text("".join(f"{i} {char * 10}\n" for i in ids))
    Path("utt2spk").write_text("".join(f"{i} spk\n" for i in ids))
    (decoded / "text").write_text("".join(f"{i} {'误' * wrong + char * (10 - wrong)}\n" for i in ids))
    score_files(Path("ref"), decoded / "text", Path("utt2spk"), unit, system.result(dataset).parent)


def write_log(system, command, utterances=20):
    """One job that takes 2 s for twenty seconds of audio."""
    (system.experiment / "config.yaml").write_text("frontend_conf:\n    fs: 16k\n")
    log = system.experiment / system.decode / "test/logdir/asr_inference.1.log"
    log.parent.mkdir()
    begin = "2025-01-01 00:00:00,000 (asr:1) INFO: speech length: 16000\n"
    log.write_text(command + begin * utterances + "2025-01-01 00:00:02,000 (asr:2) INFO: best hypo\n")


@pytest.fixture
def scored(tmp_path, monkeypatch):
    """The baseline and another system, both scored on test."""
    monkeypatch.chdir(tmp_path)
    score(CTC, wrong=4)
    score(GMOT, wrong=3)
    return [CTC, GMOT]


def test_what_an_earlier_run_left_is_no_result_of_one_that_failed(scored):
    failed = System(GMOT.name, GMOT.experiment, GMOT.decode, failed=True)
    _, row = compare([CTC, failed], ["test"], "./run_comparison.sh --systems SYSTEM")
    assert (row.result, row.margin) == (None, None)
    assert row.not_run == "failed, as its log says; run ./run_comparison.sh --systems gmot"


def test_margins_are_against_the_first_system(scored):
    hybrid = System("hybrid", Path("exp/asr_hybrid"), "greedy")
    score(hybrid, wrong=4)
    baseline, gmot, equal = compare([*scored, hybrid], ["test"])
    assert baseline.margin is None
    assert baseline.interval == (40.0, 40.0)
    assert gmot.margin.difference == pytest.approx(-10.0)
    assert gmot.margin.interval == (-10.0, -10.0)
    assert gmot.margin.change == pytest.approx(-25.0)
    assert gmot.margin.p == pytest.approx(2 / 2**20)
    assert gmot.p_holm == pytest.approx(2 * gmot.margin.p)
    assert (equal.margin.difference, equal.margin.p) == (0.0, 1.0)


def test_a_perfect_baseline_has_no_relative_change(scored):
    score(CTC, wrong=0)
    assert compare(scored, ["test"])[1].margin.change is None


def test_the_order_of_the_utterances_does_not_matter(scored):
    record = json.loads(GMOT.result("test").read_text())
    for name in ("utterances", "references"):
        record[name] = dict(reversed(record[name].items()))
    GMOT.result("test").write_text(json.dumps(record))
    assert compare(scored, ["test"])[1].margin.difference == pytest.approx(-10.0)


def test_one_model_can_stand_there_twice_with_the_parameters_each_decoding_runs(scored):
    attention = System("attention", GMOT.experiment, "beam10")
    score(attention, wrong=2)
    weights = {"encoder.w": torch.zeros(5), "ctc.w": torch.zeros(2), "decoder.w": torch.zeros(3)}
    torch.save(weights, GMOT.experiment / "valid.acc.ave.pth")
    write_log(GMOT, GREEDY)
    write_log(attention, BEAM)
    rows = compare([*scored, attention], ["test"])
    assert [row.parameters for row in rows] == [None, 7, 10]
    assert [row.rtf for row in rows] == [None, pytest.approx(0.1), pytest.approx(0.1)]
    assert [row.result.total.err_rate for row in rows] == [40.0, 30.0, 20.0]


def test_rows_not_run_say_what_is_missing_and_what_to_run(scored):
    score(CTC, "dev")
    decoded = System("decoded", Path("exp/asr_decoded"), "greedy")
    score(decoded)
    decoded.result("test").unlink()
    trained = System("trained", Path("exp/asr_trained"), "greedy")
    trained.experiment.mkdir()
    (trained.experiment / "valid.acc.ave.pth").touch()
    absent = System("absent", Path("exp/asr_absent"), "greedy")
    systems = [*scored, decoded, trained, absent]
    assert [row.not_run is None for row in compare(systems, ["dev", "test"])] == [
        True,
        *[False] * 4,
        *[True] * 2,
        *[False] * 3,
    ]
    reasons = [row.not_run for row in compare(systems, ["test"])]
    assert reasons == [
        None,
        None,
        "not scored (exp/asr_decoded/greedy/test/score_cer/result.json is missing); run stage 13",
        "not decoded (exp/asr_trained/greedy/test/text is missing); run stages 12 to 13",
        "not trained (exp/asr_absent has no averaged model); run stages 11 to 13",
    ]
    absent_row = compare(systems, ["test"], "./run_comparison.sh --systems SYSTEM")[-1]
    assert absent_row.not_run.endswith("; run ./run_comparison.sh --systems absent")


def test_without_the_baseline_there_is_no_margin(scored):
    absent = System("absent", Path("exp/asr_absent"), "greedy")
    rows = compare([absent, *scored], ["test"])
    assert [row.margin for row in rows] == [None] * 3
    assert rows[1].interval == (40.0, 40.0)


def test_nothing_run_is_refused(scored):
    with pytest.raises(InputError, match=r"no system has a result; ctc: not trained .*; run stages 11"):
        compare(scored, ["eval"])


def test_a_system_given_twice_is_refused():
    with pytest.raises(InputError, match=r"system ctc is given 2 times; give each a name"):
        compare([CTC, CTC], ["test"])


def test_systems_scored_on_other_utterances_are_refused(scored):
    score(GMOT, prefix="utterance")
    with pytest.raises(InputError, match=r"20 utterances of exp/asr_ctc.*\(first: utt0.*; run stages 12"):
        compare(scored, ["test"])


def test_systems_scored_against_other_transcripts_are_refused(scored):
    score(GMOT, char="二")
    message = (
        r"asr_gmot\S*per_utt.txt and exp/asr_ctc\S*per_utt.txt: 20 utterances .*\(first: utt0\); prepare"
    )
    with pytest.raises(InputError, match=message):
        compare(scored, ["test"])


def test_spaces_between_words_make_no_other_transcript(scored):
    result = GMOT.result("test")
    result.write_text(result.read_text().replace("一一一一一一一一一一", "一一 一一一一一一一一"))
    assert compare(scored, ["test"])[1].margin is not None


def test_transcripts_of_an_earlier_version_s_result_stand_in_per_utt_txt(scored):
    result = GMOT.result("test")
    record = json.loads(result.read_text())
    del record["references"], record["hypotheses"]
    result.write_text(json.dumps(record))
    per_utt = result.with_name("per_utt.txt")
    per_utt.write_text(per_utt.read_text().replace("一一一一一一一一一一", "一一 一一一一一一一一"))
    assert compare(scored, ["test"])[1].margin is not None
    per_utt.write_text(per_utt.read_text().replace("一一 一一一一一一一一", "一一一一一一一一一二"))
    with pytest.raises(InputError, match="20 utterances were scored against other transcripts"):
        compare(scored, ["test"])


@pytest.fixture
def seeds(tmp_path, monkeypatch):
    """A baseline with seeds 0, 1 and 2, and a system with 1 and 0, in this order."""
    monkeypatch.chdir(tmp_path)
    ctc = System("ctc", Path("exp/ctc0"), "greedy", repeats=(Path("exp/ctc1"), Path("exp/ctc2")))
    gmot = System("gmot", Path("exp/gmot1"), "greedy", repeats=(Path("exp/gmot0"),))
    for system, wrong, seconds in ((ctc, (4, 5, 9), (10, 20, 60)), (gmot, (4, 5), (10, 20))):
        for training, errors, time in zip(system.trainings, wrong, seconds, strict=True):
            score(training, wrong=errors)
            (training.experiment / "config.yaml").write_text(f"seed: {training.experiment.name[-1]}\n")
            line = f"1epoch results: [train] time={time} seconds, total_count=1, [valid] x\n"
            (training.experiment / "train.log").write_text(line)
    return ctc, gmot


def test_several_seeds_of_a_system_are_one_row_compared_over_the_common_ones(seeds):
    ctc, gmot = compare(seeds, ["test"])
    assert ctc.result.total.err_rate == pytest.approx(60.0)
    assert ctc.interval == pytest.approx((40.0, 90.0))  # of nine in 27 draws of three seeds all are one seed
    assert (ctc.seconds_train, gmot.seconds_train) == (30.0, 15.0)
    assert gmot.result.total.err_rate == pytest.approx(45.0)
    assert gmot.margin.seeds == (0, 1)
    assert gmot.margin.differences == pytest.approx((10.0, -10.0))
    assert gmot.margin.seeds_disagree
    assert (gmot.margin.difference, gmot.margin.other, gmot.margin.p) == pytest.approx((0.0, 45.0, 1.0))


def test_a_row_with_one_seed_missing_was_not_run(seeds):
    seeds[1].trainings[1].result("test").unlink()
    row = compare(seeds, ["test"])[1]
    assert row.result is None
    assert row.not_run == "not scored (exp/gmot0/greedy/test/score_cer/result.json is missing); run stage 13"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            "seed: 1\n",
            r"system gmot: exp/gmot1 and exp/gmot0 were both trained with seed 1; give each system a",
        ),
        ("max_epoch: 3\n", r"exp/gmot0/config.yaml names no seed; write the one"),
        ("", r"exp/gmot0/config.yaml is empty; train again"),
        ("seed: [1\n", r"(?s)exp/gmot0/config.yaml is no YAML .*; correct it, or train again with stage 11"),
    ],
)
def test_trainings_whose_seeds_cannot_be_told_apart_are_refused(seeds, config, message):
    Path("exp/gmot0/config.yaml").write_text(config)
    with pytest.raises(InputError, match=message):
        compare(seeds, ["test"])


def test_systems_without_a_common_seed_are_refused(seeds):
    ctc, gmot = seeds
    message = r"gmot \(seeds 1, 0\) and ctc \(seeds 2\) have no seed in common; train one"
    with pytest.raises(InputError, match=message):
        compare([ctc.trainings[2], gmot], ["test"])


def test_seeds_scored_on_other_utterances_are_refused(seeds):
    score(seeds[1].trainings[1], prefix="other")
    with pytest.raises(InputError, match=r"20 utterances of exp/gmot1.*exp/gmot0.*; run stages 12"):
        compare(seeds, ["test"])


def test_word_errors_are_no_cer(scored):
    score(GMOT, unit="word")
    with pytest.raises(InputError, match=r"asr_gmot\S*result.json counts words, but CER counts characters"):
        compare(scored, ["test"])


def test_word_errors_stand_beside_where_they_were_scored(scored, tmp_path):
    (tmp_path / "hyp").write_text("".join(f"utt{i} a b c {'d' if i else 'e'}\n" for i in range(20)))
    (tmp_path / "words").write_text("".join(f"utt{i} a b c d\n" for i in range(20)))
    words = GMOT.result("test").parent.with_name("score_wer")
    score_files(tmp_path / "words", tmp_path / "hyp", Path("utt2spk"), "word", words)
    assert [row.wer for row in compare(scored, ["test"])] == [None, pytest.approx(100 / 80)]
