"""The whole recipe on a corpus of AISHELL's shape, from its archives to the page that compares systems."""

import json
import shutil
import subprocess
import zipfile

import pytest
import torch
import yaml
from aishell_shape import CHARACTERS, make_aishell
from recipe_copy import one_thread, run_script
from warm_server import warm_clone

from espnet_gmot.score.result_files import read_result

pytestmark = pytest.mark.slow

SYSTEMS = ("train_asr_ctc", "train_asr_gmot")
EXPERIMENTS = {system: f"exp/asr_{system}_raw_zh_char_sp" for system in SYSTEMS}
LM = "exp/lm_train_lm_zh_char"
# The tiny YAMLs, enlarged until ten chords are learnt in six epochs.
LEARN = (
    "--max_epoch 6 --batch_bins 100000 --optim_conf lr=0.008 --encoder_conf output_size=32 "
    "--encoder_conf linear_units=64 --specaug none --use_matplotlib false"
)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A copy of the recipe as a fresh clone has it; on PATH this python3, and one with ESPnet imported."""
    with warm_clone(tmp_path_factory.mktemp("clone"), "aishell") as recipe:
        yield recipe


@pytest.fixture(scope="module")
def run(recipe, teacher_dir):
    """Run a script of the recipe; return its exit status and what it printed."""

    def run(script, *options):
        common = ["--python", "warm_python", "--lm_config", "conf/tiny/train_lm.yaml"]
        common += ["--ngpu", "0", "--nj", "1", "--inference_nj", "1", "--allow_download", "false"]
        common += ["--local_data_opts", f"--aishell {recipe}/corpus", "--teacher", str(teacher_dir)]
        return run_script(recipe, script, *common, *options)

    return run


@pytest.fixture(scope="module")
def data(recipe, run):
    """Stages 1 to 5, after a first try with an archive that was cut off; gives what the first try said."""
    archive = make_aishell(recipe / "corpus") / "data_aishell.tgz"
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    status, refusal = run("run.sh", "--stop_stage", "5")
    assert status != 0
    archive.write_bytes(whole)
    status, log = run("run.sh", "--stop_stage", "5")
    assert status == 0, log
    return refusal


@pytest.fixture(scope="module")
def comparison(recipe, run, data):
    """Two systems, and a third one that cannot be trained, on one page; gives exit status and output."""
    broken = yaml.safe_load((recipe / "conf" / "tiny" / "train_asr_ctc.yaml").read_text())
    broken["encoder"] = "no_such_encoder"
    (recipe / "conf" / "tiny" / "train_asr_broken.yaml").write_text(yaml.safe_dump(broken))
    systems = " ".join(f"tiny/{system}" for system in (SYSTEMS[0], "train_asr_broken", SYSTEMS[1]))
    return run("run_comparison.sh", "--systems", systems, "--test_sets", "test", "--asr_args", LEARN)


@pytest.fixture(scope="module")
def with_lm(recipe, run, comparison):
    """Stages 6 to 8, then decoding, scoring and packing of the GM-OT model with the language model."""
    options = ["--use_lm", "true", "--asr_config", "conf/tiny/train_asr_gmot.yaml", "--test_sets", "test"]
    status, log = run("run.sh", *options, "--stage", "6", "--stop_stage", "8")
    assert status == 0, log
    options += ["--stage", "12", "--skip_packing", "false", "--inference_tag", "beam_lm"]
    status, log = run("run.sh", *options)
    assert status == 0, log
    return recipe / EXPERIMENTS["train_asr_gmot"]


def table(path):
    return dict(line.split(maxsplit=1) for line in path.read_text().splitlines())


def test_a_cut_off_archive_is_named_and_the_rerun_continues(recipe, data):
    assert "data_aishell.tgz" in data
    assert [len(table(recipe / "data" / dset / "text")) for dset in ("train", "dev", "test")] == [69, 7, 7]


def test_sets_have_three_speeds_and_lie_in_archives(recipe, data):
    dump = recipe / "dump" / "raw"
    assert [len(table(dump / dset / "wav.scp")) for dset in ("train_sp", "dev", "test")] == [207, 7, 7]
    assert all(".ark:" in place for place in table(dump / "train_sp" / "wav.scp").values())
    lengths = {key: int(value) for key, value in table(dump / "org" / "train_sp" / "utt2num_samples").items()}
    plain = next(key for key in lengths if not key.startswith("sp"))
    assert lengths[f"sp0.9-{plain}"] == pytest.approx(lengths[plain] / 0.9, abs=2)


def test_tokens_are_the_characters_without_the_spaces(recipe, data):
    tokens = (recipe / "data" / "zh_token_list" / "char" / "tokens.txt").read_text().split()
    assert (tokens[:2], tokens[-1]) == (["<blank>", "<unk>"], "<sos/eos>")
    assert sorted(tokens[2:-1]) == sorted(CHARACTERS)


def test_teacher_cache_holds_every_distinct_transcript_once(recipe, comparison):
    texts = {text for dset in ("train", "dev") for text in table(recipe / "data" / dset / "text").values()}
    assert len(table(recipe / "exp" / "teacher" / "cache" / "teacher.scp")) == len(texts)


def test_both_systems_learn_the_chords(recipe, comparison):
    rows = {row["system"]: row for row in json.loads((recipe / "exp" / "comparison.json").read_text())}
    for system in SYSTEMS:
        assert rows[system]["cer"] < 20, comparison[1]
    logs = "".join(path.read_text() for path in (recipe / EXPERIMENTS["train_asr_gmot"]).glob("train*.log"))
    assert "loss_fgw=" in logs


def test_the_system_that_fails_is_named_and_the_others_stand_on_the_page(recipe, comparison):
    status, log = comparison
    assert status == 1
    assert log.strip().endswith("these failed, for the reasons above: train_asr_broken")
    page = (recipe / "exp" / "comparison.md").read_text()
    for words in (*SYSTEMS, "not run", "2309.13650"):
        assert words in page


def test_a_rerun_trains_nothing_again(recipe, run, comparison):
    before = {path: path.stat().st_mtime_ns for path in recipe.rglob("*.pth")}
    systems = " ".join(f"tiny/{system}" for system in SYSTEMS)
    status, log = run("run_comparison.sh", "--systems", systems, "--test_sets", "test", "--asr_args", LEARN)
    assert status == 0, log
    assert {path: path.stat().st_mtime_ns for path in recipe.rglob("*.pth")} == before


def test_language_model_sees_the_training_split_alone(recipe, with_lm):
    texts = table(recipe / "exp" / "lm_stats_zh_char" / "train.txt")
    assert texts == table(recipe / "data" / "train" / "text")
    assert 1 < float((recipe / LM / "perplexity_test" / "ppl").read_text()) < len(CHARACTERS) + 3


def test_beam_search_with_the_language_model_decodes_the_chords(with_lm):
    total = read_result(with_lm / "beam_lm" / "test" / "score_cer" / "result.json").total
    assert total.sentences == 7
    assert total.err_rate < 20


def test_the_packed_model_decodes_elsewhere_as_it_does_here(recipe, with_lm, tmp_path):
    from espnet2.main_funcs.pack_funcs import unpack

    packed = with_lm / f"{with_lm.name}_valid.cer_ctc.ave.zip"
    names = zipfile.ZipFile(packed).namelist()
    for name in ("exp/RESULTS.md", "data/zh_token_list/char/tokens.txt", f"{LM}/config.yaml"):
        assert name in names
    assert "exp/asr_stats_raw_zh_char_sp/train/feats_stats.npz" in names
    files = unpack(packed, tmp_path / "model")
    assert files.keys() == {"asr_train_config", "asr_model_file", "lm_train_config", "lm_file"}
    command = f"warm_python -m espnet2.bin.asr_inference --output_dir {tmp_path}/out".split()
    command += ["--config", "conf/decode_ctc_beam_lm.yaml", "--data_path_and_name_and_type"]
    command += ["dump/raw/test/wav.scp,speech,kaldi_ark"]
    command += [word for name, path in files.items() for word in (f"--{name}", path)]
    done = subprocess.run(command, cwd=recipe, env=one_thread(recipe), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert table(tmp_path / "out" / "1best_recog" / "text") == table(with_lm / "beam_lm" / "test" / "text")


def test_a_sample_lies_beside_the_corpus_and_changes_nothing_of_it(recipe, run, data):
    made = [recipe / "data" / name for name in ("train", "dev", "test", "zh_token_list")] + [recipe / "dump"]
    before = {path: path.stat().st_mtime_ns for each in made for path in each.rglob("*") if path.is_file()}
    sizes = {"train": (2, 5), "dev": (1, 4), "test": (1, 4)}
    make_aishell(recipe / "small", packed=False, sizes=sizes)
    options = ["--preset", "sample", "--local_data_opts", "--aishell small", "--stop_stage", "5"]
    status, log = run("run.sh", *options)
    assert status == 0, log
    assert "dev_sample: 0 of its 1 speakers are in train" in log
    assert [len(table(recipe / "dump/raw" / f"{name}_sample" / "text")) for name in sizes] == [8, 3, 3]
    assert (recipe / "data" / "zh_sample_token_list" / "char" / "tokens.txt").is_file()
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_yaml_that_is_missing_is_refused_at_once(run):
    status, log = run("run.sh", "--asr_config", "conf/none.yaml")
    assert status != 0
    assert "conf/none.yaml does not exist; name a training YAML in conf/" in log


def test_a_checkpoint_of_another_vocabulary_is_refused_with_both_sizes(recipe, run, comparison):
    shutil.copytree(recipe / EXPERIMENTS["train_asr_ctc"], recipe / "exp" / "asr_copy", symlinks=True)
    tokens = recipe / "data" / "zh_token_list" / "char" / "tokens.txt"
    before = tokens.read_text()
    tokens.write_text(before.replace("<sos/eos>", "新\n<sos/eos>"))
    try:
        status, log = run(
            "run.sh", "--asr_config", "conf/tiny/train_asr_ctc.yaml", "--asr_exp", "exp/asr_copy",
            "--stage", "11", "--stop_stage", "11",
        )  # fmt: skip
    finally:
        tokens.write_text(before)
    assert status != 0
    assert "exp/asr_copy/checkpoint.pth was trained with 13 tokens" in log
    assert "tokens.txt has 14, and they differ from line 13 on" in log


def test_a_teacher_that_is_not_the_caches_is_refused(recipe, run, comparison, teacher_dir, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(teacher_dir, other)
    from safetensors.torch import load_file, save_file

    weights = load_file(other / "model.safetensors")
    save_file(
        {name: torch.ones_like(weight) for name, weight in weights.items()}, other / "model.safetensors"
    )
    options = ["--asr_config", "conf/tiny/train_asr_gmot.yaml", "--stage", "11", "--stop_stage", "11"]
    before = (recipe / "exp" / "teacher" / "cache" / "meta.json").read_text()
    status, log = run("run.sh", *options, "--teacher", str(other))
    assert status != 0
    assert f"exp/teacher/cache holds embeddings of teacher {teacher_dir}" in log
    assert str(other) in log
    assert (recipe / "exp" / "teacher" / "cache" / "meta.json").read_text() == before
