"""The whole recipe on a corpus of speechocean762's shape, from its archive to the page of the comparison."""

import json

import pytest
from recipe_copy import run_script
from speechocean762_shape import make_speechocean762, save_teacher
from warm_server import warm_clone

from espnet_gmot.score.result_files import read_result

pytestmark = [pytest.mark.slow, pytest.mark.once]

SYSTEMS = ("train_ctc_cpu", "train_gmot_cpu")
SETS = ("dev", "test", "test_seen")
SMALL = (
    "--max_epoch 1 --batch_bins 200000 --encoder_conf output_size=16 --encoder_conf linear_units=32 "
    "--encoder_conf num_blocks=1"
)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A copy of the recipe as a fresh clone has it; on PATH this python3, and one with ESPnet imported."""
    with warm_clone(tmp_path_factory.mktemp("clone"), "speechocean762") as recipe:
        yield recipe


@pytest.fixture(scope="module")
def run(recipe, tmp_path_factory):
    """Run a script of the recipe; return its exit status and what it printed."""
    teacher = save_teacher(tmp_path_factory.mktemp("teacher"))
    make_speechocean762(recipe / "downloads", packed=True)

    def run(script, *options):
        common = ["--python", "warm_python", "--nj", "1", "--inference_nj", "1", "--allow_download", "false"]
        return run_script(recipe, script, *common, "--teacher", str(teacher), *options)

    return run


@pytest.fixture(scope="module")
def data(recipe, run):
    """Stages 1 to 5; gives what they said."""
    status, log = run("run.sh", "--stop_stage", "5")
    assert status == 0, log
    return log


@pytest.fixture(scope="module")
def comparison(recipe, run, data):
    """Both systems, trained side by side for an epoch, on one page; gives exit status and output."""
    return run("run_comparison.sh", "--asr_args", SMALL)


def table(path):
    return dict(line.split(maxsplit=1) for line in path.read_text().splitlines())


def test_sets_are_those_of_the_corpus_train_at_three_speeds(recipe, data):
    dump = recipe / "dump" / "raw"
    assert [len(table(dump / name / "wav.scp")) for name in ("train_sp", *SETS)] == [36, 8, 4, 4]
    assert "dev: 8 utterances of 2 speakers; 0 of its 8 sentences stand in train" in data


def test_tokens_are_lower_case_letters_apostrophe_and_space(recipe, data):
    tokens = (recipe / "data" / "en_token_list" / "char" / "tokens.txt").read_text().splitlines()
    assert (tokens[:2], tokens[-1]) == (["<blank>", "<unk>"], "<sos/eos>")
    assert {"<space>", "'", "e"} < set(tokens)
    assert not {token for token in tokens if token != token.lower()}


def test_word_pieces_are_a_choice(recipe, run, data):
    status, log = run("run.sh", "--token_type", "bpe", "--nbpe", "30", "--stage", "5", "--stop_stage", "5")
    assert status == 0, log
    tokens = (recipe / "data" / "en_token_list" / "bpe_unigram30" / "tokens.txt").read_text().splitlines()
    assert len(tokens) >= 30
    assert any(token.startswith("▁") for token in tokens)


def test_both_systems_stand_on_the_page_with_words_and_characters_on_every_set(recipe, comparison):
    status, log = comparison
    assert status == 0, log
    rows = json.loads((recipe / "exp" / "comparison.json").read_text())
    assert {(row["system"], row["set"]) for row in rows} == {(row, name) for row in SYSTEMS for name in SETS}
    for row in rows:
        scored = recipe / row["experiment"] / "decode_ctc_greedy" / row["set"]
        words, characters = (
            read_result(scored / f"score_{unit}" / "result.json").total for unit in ("wer", "cer")
        )
        assert (row["cer"], row["wer"]) == pytest.approx((characters.err_rate, words.err_rate))
        text = list(table(recipe / "dump" / "raw" / row["set"] / "text").values())
        assert words.units == sum(len(each.split()) for each in text)
        assert characters.units == sum(map(len, text))  # with the spaces


def test_systems_side_by_side_have_logs_of_their_own(recipe, comparison):
    for system in SYSTEMS:
        assert "stage 13: scoring" in (recipe / "exp" / f"{system}.log").read_text()
        assert f"training and decoding {system}; logs: exp/{system}.log" in comparison[1]
    assert "loss_fgw=" in (recipe / "exp" / "asr_train_gmot_cpu_raw_en_char_sp" / "train.log").read_text()


def test_statistics_are_made_once_for_both(recipe, comparison):
    assert [path.name for path in recipe.glob("exp/asr_stats_*")] == ["asr_stats_raw_en_char_sp"]
    assert "already done" in (recipe / "exp" / "train_gmot_cpu.log").read_text()


def test_a_rerun_trains_nothing_again(recipe, run, comparison):
    before = {path: path.stat().st_mtime_ns for path in recipe.rglob("*.pth")}
    status, log = run("run_comparison.sh", "--asr_args", SMALL)
    assert status == 0, log
    assert {path: path.stat().st_mtime_ns for path in recipe.rglob("*.pth")} == before


def test_each_seed_is_a_training_of_its_own(recipe, run, comparison):
    status, log = run("run_comparison.sh", "--asr_args", SMALL, "--seeds", "3 4", "--test_sets", "test_seen")
    assert status == 0, log
    rows = json.loads((recipe / "exp" / "comparison.json").read_text())
    assert [(row["system"], [*row["seeds"]]) for row in rows] == [(system, ["3", "4"]) for system in SYSTEMS]
    for row in rows:
        for seed, training in row["seeds"].items():
            directory = f"exp/asr_{row['system']}_raw_en_char_sp_seed{seed}"
            assert training["experiment"] == directory
            assert f"\nseed: {seed}\n" in (recipe / directory / "config.yaml").read_text()
    assert "logs: exp/train_gmot_cpu_seed4.log" in log


def test_one_that_fails_beside_the_other_is_named_with_the_end_of_its_log(recipe, run, comparison):
    (recipe / "conf" / "train_broken_cpu.yaml").write_text(
        (recipe / "conf" / "train_ctc_cpu.yaml")
        .read_text()
        .replace("encoder: conformer", "encoder: none_such")
    )
    status, log = run("run_comparison.sh", "--asr_args", SMALL, "--systems", "train_ctc_cpu train_broken_cpu")
    assert status == 1
    assert log.strip().endswith("these failed, for the reasons above: train_broken_cpu")
    assert "none_such" in log
    assert "| train_ctc_cpu " in log


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("--at_once", "0", "--at_once is a number from 1 up"),
        ("--at_once", "two", "--at_once is a number from 1 up"),
        ("--seeds", "0 one", "--seeds are numbers"),
    ],
)
def test_numbers_are_checked(run, option, value, rule):
    status, log = run("run_comparison.sh", option, value)
    assert (status, log) == (2, f"run_comparison.sh: error: {rule}, not '{value}'\n")
