"""What is refused before the first stage, and which stages run."""

import shlex
from pathlib import Path

import pytest

from espnet_gmot.driver import jobs
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.plan import check, selected
from espnet_gmot.errors import InputError


@pytest.fixture
def options(asr_sh_options, tmp_path, monkeypatch):
    """Make the options of a recipe with changes."""
    monkeypatch.chdir(tmp_path)
    Path("local").mkdir()
    Path("local/data.sh").touch(mode=0o755)
    Path("train.yaml").write_text("max_epoch: 1\n")
    own = {
        "train_set": "train",
        "valid_set": "dev",
        "test_sets": "test",
        "ngpu": "0",
        "asr_config": "train.yaml",
    }
    own |= dict.fromkeys(("train_cmd", "cuda_cmd", "decode_cmd"), "python3 -m espnet_gmot.bin.run_jobs")

    def make(changes=""):
        words = shlex.split(changes)
        given = [word for name, value in (asr_sh_options | own).items() for word in (f"--{name}", value)]
        return Options.parse([*given, *words])

    return make


def test_a_recipe_is_accepted(options):
    check(options())


@pytest.mark.parametrize("rate", ["0.5k", "16K", "16kHz", "16.5k", "22050"])
def test_a_rate_is_accepted_as_espnet_reads_it(options, rate):
    check(options(f"--fs {rate}"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("--nj 0", "--nj is at least 1"),
        ("--inference_nj 0", "--inference_nj is at least 1"),
        ("--num_nodes 0", "--num_nodes is at least 1"),
        ("--train_set ''", "--train_set is required"),
        (
            "--test_sets 'test ../eval'",
            "--test_sets ../eval leads out of its directory; give a name without / and ..",
        ),
        ("--valid_set ''", "--valid_set is required"),
        ("--dumpdir ''", "--dumpdir is required"),
        ("--expdir ''", "--expdir is required"),
        ("--test_sets ''", "--test_sets is required"),
        ("--fs fast", "--fs is a sampling rate such as 16k or 16000, not 'fast'"),
        ("--fs 0k", "--fs is a sampling rate such as 16k or 16000, not '0k'"),
        ("--fs 22050.5", "--fs is a sampling rate such as 16k or 16000, not '22050.5'"),
        ("--token_type hugging_face", "--token_type hugging_face needs --hugging_face_model_name_or_path"),
        ("--stage 5 --stop_stage 3", "--stage 5 comes after --stop_stage 3"),
        ("--stage 16 --stop_stage 20", "--stage is 1 to 15, not 16"),
        ("--stage 0", "--stage is 1 to 15, not 0"),
        ("--use_lm true", "--lm_config is required for stages 6 and 7"),
        ("--use_lm true --lm_config no.yaml", "--lm_config no.yaml does not exist"),
        ("--stage 7 --stop_stage 8", "stage 7 (language model training) needs --use_lm true"),
        (
            "--use_lm true --token_type hugging_face --hugging_face_model_name_or_path x",
            "ESPnet's language models have no --token_type hugging_face; use --use_lm false",
        ),
        (
            "--use_lm true --ctc_greedy true",
            "--ctc_greedy true decodes without a language model; choose it or --use_lm true",
        ),
        (
            "--asr_args '--model_conf ctc_weight=1.0'",
            "--inference_asr_model valid.acc.ave.pth: train.yaml keeps no models by valid.acc, but by "
            "train.loss, valid.loss; name valid.loss.ave.pth",
        ),
        ("--use_ngram true", "stage 9 (n-gram) is not in this driver yet; use --use_ngram false"),
        ("--stage 14", "stage 14 (packing) needs --skip_packing false"),
        ("--stop_stage 9", "stage 9 (n-gram) is not in this driver yet"),
        ("--stage 9", "stage 9 (n-gram) is not in this driver yet"),
        ("--stage 15 --stop_stage 15", "stage 15 (upload) is not in this driver yet"),
        ("--asr_config no.yaml", "--asr_config no.yaml does not exist"),
        ("--asr_config ''", "--asr_config is required for stages 10 and 11"),
        ("--inference_config no.yaml", "--inference_config no.yaml does not exist"),
        (
            "--asr_config no.yaml --inference_config x.yaml --nlsyms_txt no --stage 5",
            "3 faults:\n  --asr_config no.yaml does not exist\n  --inference_config x.yaml does not exist\n  "
            "--nlsyms_txt no does not exist",
        ),
        (
            "--dumpdir ' x'",
            "--dumpdir ' x' begins or ends with a blank, which tables of Kaldi lose; choose another name",
        ),
        ("--asr_tag --expdir", "--asr_tag '--expdir' begins with a dash, as options do; choose another name"),
        (
            '--local_data_opts "it\'s"',
            "--local_data_opts it's cannot be split into words: No closing quotation; close the quote",
        ),
        ("--min_wav_duration 20", "--min_wav_duration 20 is not below --max_wav_duration 20"),
        ("--max_wav_duration nan", "--min_wav_duration 0.1 is not below --max_wav_duration nan"),
        (
            "--speed_perturb_factors '0.9 fast'",
            "speed factor 'fast' is not a number from 0.5 to 2; write for example 0.9 1.0 1.1",
        ),
        (
            "--speed_perturb_factors ' '",
            "speed factors are missing or repeated; write for example 0.9 1.0 1.1",
        ),
        ("--cleaner no_such", "--cleaner no_such cannot be used: Not supported: type=no_such"),
        ("--num_nodes 2", "--num_nodes 2 needs slurm.pl or queue.pl as cuda_cmd in cmd.sh"),
    ],
)
def test_what_no_stage_could_do_is_refused(options, changes, message):
    with pytest.raises(InputError) as refusal:
        check(options(changes))
    assert str(refusal.value) == message


def test_a_g2p_that_espnet_does_not_have(options):
    with pytest.raises(InputError, match="--g2p is none or one of: g2p_en .*pypinyin_g2p.*; not 'g2p_cn'"):
        check(options("--g2p g2p_cn"))
    check(options("--g2p pypinyin_g2p"))


def test_a_symbol_file_that_stage_1_may_make_is_waited_for(options):
    check(options("--nlsyms_txt data/nlsyms.txt"))
    with pytest.raises(InputError, match="--nlsyms_txt data/nlsyms.txt does not exist"):
        check(options("--nlsyms_txt data/nlsyms.txt --stage 2"))


def test_no_stage_left_is_said(options, caplog):
    check(options("--stage 12 --skip_eval true"))
    assert "--stage, --stop_stage and the --skip_ options leave no stage to run" in caplog.text


def test_local_data_sh_that_is_not_executable(options):
    Path("local/data.sh").chmod(0o644)
    with pytest.raises(InputError, match="local/data.sh is missing or not executable; run in a recipe's"):
        check(options())
    check(options("--stage 2"))


@pytest.mark.parametrize("gpus", [[], ["0"]])
def test_a_gpu_asked_for_where_there_is_none(options, monkeypatch, gpus):
    monkeypatch.setattr(jobs, "driver_gpus", lambda: gpus)
    if gpus:
        return check(options("--ngpu 1"))
    with pytest.raises(InputError, match="--ngpu 1 and this machine shows no GPU; use --ngpu 0"):
        check(options("--ngpu 1"))
    check(options("--ngpu 1 --stop_stage 10"))
    return check(options("--ngpu 1 --num_nodes 2 --cuda_cmd slurm.pl"))  # it may have those of other machines


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ("", [1, 2, 3, 4, 5, 10, 11, 12, 13]),
        ("--use_lm true --skip_packing false", [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14]),
        ("--stage 3 --stop_stage 11", [3, 4, 5, 10, 11]),
        ("--skip_data_prep true --skip_eval true", [10, 11]),
        ("--skip_train true --use_lm true", [1, 2, 3, 4, 5, 12, 13]),
        ("--stage 12 --skip_eval true", []),
    ],
)
def test_stages_are_chosen_by_number_and_skipped_by_kind(options, changes, stages):
    assert selected(options(changes)) == stages
