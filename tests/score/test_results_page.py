"""The results page, from an experiment's directory as ESPnet leaves it."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from espnet_gmot import __version__
from espnet_gmot.bin import stage
from espnet_gmot.errors import InputError
from espnet_gmot.score.error_rates import ErrorCounts
from espnet_gmot.score.result_files import Result

TRAIN = "python3 -m espnet_gmot -m espnet2.bin.asr_train --config conf/train_ctc.yaml --ngpu 0"
DECODE = "/usr/bin/python3 asr_inference.py --batch_size 1 --output_dir 'a b'"


@pytest.fixture
def expdir(tmp_path, monkeypatch):
    """One experiment decoded and scored in characters and words, one only trained."""
    monkeypatch.chdir(tmp_path)
    for name in ("asr_train_ctc", "asr_train_gmot"):
        (tmp_path / "exp" / name).mkdir(parents=True)
        (tmp_path / "exp" / name / "config.yaml").write_text(
            f"config: conf/{name.removeprefix('asr_')}.yaml\n"
        )
    experiment = tmp_path / "exp/asr_train_ctc"
    (experiment / "train.log").write_text(
        f"# Running on host\n# Started at noon\n# {TRAIN}\n[host] INFO: Model structure:\nModel(\n)\n"
        "Model summary:\n    Class Name: ESPnetASRModel\n    Total Number of model parameters: 2.61 M\n"
    )
    logs = experiment / "greedy/test/logdir"
    logs.mkdir(parents=True)
    (logs / "asr_inference.1.log").write_text(f"{DECODE}\n2025-01-01 INFO: go --go\n")
    (logs / "asr_inference.2.log").write_text("# another --job\n")
    for kind, counts in (("cer", ErrorCounts(7, 1, 2, 1, 3, 2)), ("wer", ErrorCounts(4, 1, 0, 0, 3, 1))):
        (logs.parent / f"score_{kind}").mkdir()
        result = Result("char", {"utt": counts})
        (logs.parent / f"score_{kind}/result.json").write_text(json.dumps(asdict(result)))
    return tmp_path / "exp"


def make_page(monkeypatch, expdir):
    monkeypatch.setattr(sys, "argv", ["stage", "results_page", "--expdir", "exp", "--out", "exp/RESULTS.md"])
    stage.main()
    return (expdir / "RESULTS.md").read_text(encoding="utf-8")


def test_a_language_model_has_its_perplexity(expdir, monkeypatch):
    (expdir / "lm_train/perplexity_test").mkdir(parents=True)
    (expdir / "lm_train/config.yaml").write_text("config: conf/train_lm.yaml\nlm: transformer\n")
    (expdir / "lm_train/perplexity_test/ppl").write_text("42.5\n")
    _, page = make_page(monkeypatch, expdir).split("## exp/lm_train")
    assert "- LM config: `conf/train_lm.yaml`" in page
    assert "- perplexity_test: 42.5" in page
    assert "Not decoded" not in page


def test_each_experiment_has_its_config_tables_and_commands(expdir, monkeypatch, capsys):
    page = make_page(monkeypatch, expdir)
    assert capsys.readouterr().out == "results page: exp/RESULTS.md\n"
    ctc, gmot = page.split("## exp/asr_train_")[1:]
    assert "- ASR config: `conf/train_ctc.yaml` → [config.yaml](asr_train_ctc/config.yaml)" in ctc
    assert "- Parameters: 2.61 M" in ctc
    header = "|dataset|Snt|Wrd|Corr|Sub|Del|Ins|Err|S.Err|\n|---|---|---|---|---|---|---|---|---|"
    assert f"### CER\n\n{header}\n|greedy/test|3|10|70.0|10.0|20.0|10.0|40.0|66.7|\n" in ctc
    assert f"### WER\n\n{header}\n|greedy/test|3|5|80.0|20.0|0.0|0.0|20.0|33.3|\n" in ctc
    assert f"`train.log`:\n```\n{TRAIN}\n```" in ctc
    assert f"`greedy/test/logdir/asr_inference.1.log`:\n```\n{DECODE}\n```" in ctc
    assert "another" not in ctc, "one job's command stands for all jobs of a set"
    assert "unknown, no train log" in gmot
    assert "Not decoded and scored yet (stages 12 and 13)." in gmot


def test_the_environment_names_versions_and_the_commit(expdir, monkeypatch):
    page = make_page(monkeypatch, expdir)
    assert f"- espnet_gmot version: `espnet_gmot {__version__}`" in page
    assert "- espnet version: `espnet 20" in page
    assert f"- python version: `{sys.version.split()[0]}`" in page
    assert "Git hash" not in page

    git = ["git", "-C", str(expdir), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "asr_train_ctc/config.yaml"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first", "--date", "2001-02-03T04:05:06Z"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    assert f"- Git hash: `{commit}`\n  - Commit date: `" in make_page(monkeypatch, expdir)
    (expdir / "asr_train_ctc/config.yaml").write_text("config: other\n")
    assert f"- Git hash: `{commit}` (with changes)\n" in make_page(monkeypatch, expdir)


def test_no_experiment_names_the_directory_and_the_stage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"exp holds no experiment .*stage 11"):
        make_page(monkeypatch, tmp_path)


def test_the_configuration_of_a_training_that_begins_may_be_half(expdir, monkeypatch):
    (expdir / "asr_begins").mkdir()
    (expdir / "asr_begins" / "config.yaml").write_text("token_list: [")
    assert "## exp/asr_begins\n\nNot trained yet; its config.yaml is not whole." in make_page(
        monkeypatch, expdir
    )
    (expdir / "asr_begins" / "valid.loss.ave.pth").touch()
    with pytest.raises(InputError, match="asr_begins/config.yaml is no YAML"):
        make_page(monkeypatch, expdir)


def test_a_damaged_configuration_is_refused(expdir, monkeypatch):
    (expdir / "asr_train_ctc/config.yaml").write_text("")
    with pytest.raises(InputError, match=r"asr_train_ctc/config.yaml is empty; train again with stage 11"):
        make_page(monkeypatch, expdir)
