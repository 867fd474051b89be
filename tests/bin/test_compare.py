"""The command of the comparison."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from espnet_gmot.bin import compare as command
from espnet_gmot.errors import InputError
from espnet_gmot.score.result_files import score_files


@pytest.fixture
def run(tmp_path, monkeypatch):
    """One experiment decoded in two ways; call it with the command's options."""
    monkeypatch.chdir(tmp_path)
    Path("ref").write_text("utt1 一二三四\n")
    Path("utt2spk").write_text("utt1 spk\n")
    for decode, text in (("greedy", "一二"), ("beam10", "一二三")):
        out = tmp_path / "exp/asr_hybrid" / decode / "test"
        out.mkdir(parents=True)
        (out / "text").write_text(f"utt1 {text}\n")
        score_files(Path("ref"), out / "text", Path("utt2spk"), "char", out / "score_cer")

    def run(*options):
        monkeypatch.setattr(sys, "argv", ["compare", *options, "--decode", "greedy", "--sets", "test"])
        command.main()

    return run


def test_a_model_decoded_twice_beside_published_figures(run, capsys):
    Path("p.tsv").write_text("system\ttest\tsource\tremark\nother\t4.3\tarXiv 1\t–\n")
    hybrid = ("--experiment", "ctc=exp/asr_hybrid", "--experiment", "attention=exp/asr_hybrid:beam10")
    run(*hybrid, "--experiment", "gmot=exp/asr_gmot", "--published", "p.tsv", "--command", "./go.sh SYSTEM")
    printed = capsys.readouterr().out
    assert printed.endswith("; run ./go.sh gmot\n\ncomparison: exp/comparison.md and exp/comparison.json\n")
    page = Path("exp/comparison.md").read_text(encoding="utf-8")
    assert printed.split("\n\ncomparison")[0] in page
    assert "| other  |  4.3 | arXiv 1 | –      |" in page
    records = json.loads(Path("exp/comparison.json").read_text())
    assert [(record["system"], record["decode"], record["cer"]) for record in records] == [
        ("ctc", "greedy", 50.0), ("attention", "beam10", 25.0), ("gmot", "greedy", None),
    ]  # fmt: skip


def test_a_system_given_several_times_has_several_seeds(run):
    shutil.copytree("exp/asr_hybrid", "exp/asr_other_seed")
    for number, name in enumerate(("hybrid", "other_seed")):
        Path(f"exp/asr_{name}/config.yaml").write_text(f"seed: {number}\n")
    run("--experiment", "ctc=exp/asr_hybrid", "--experiment", "ctc=exp/asr_other_seed")
    (record,) = json.loads(Path("exp/comparison.json").read_text())
    assert record["seeds"]["1"] == {"experiment": "exp/asr_other_seed", "cer": 50.0}


def test_one_system_decoded_in_two_ways_is_refused(run):
    message = r"system ctc is given 2 times, with the decodings greedy, beam10; give each decoding a name"
    with pytest.raises(InputError, match=message):
        run("--experiment", "ctc=exp/asr_hybrid", "--experiment", "ctc=exp/asr_hybrid:beam10")


def test_a_page_that_must_be_complete_names_the_rows_that_it_lacks_once_it_is_written(run):
    experiments = ("--experiment", "ctc=exp/asr_hybrid", "--experiment", "gmot=exp/asr_gmot")
    with pytest.raises(
        InputError, match=r"exp/comparison.md lacks gmot on test, for the reasons that stand th"
    ):
        run(*experiments, "--complete", "true")
    assert "not run: gmot on test" in Path("exp/comparison.md").read_text(encoding="utf-8")
    run(*experiments, "--complete", "true", "--failed", "gmot")  # who says so knows it
    run(*experiments[:2], "--complete", "true")


def test_bad_published_figures_write_nothing(run):
    with pytest.raises(InputError, match=r"p.tsv does not exist; write into it system"):
        run("--experiment", "ctc=exp/asr_hybrid", "--published", "p.tsv")
    assert not Path("exp/comparison.md").exists()


@pytest.mark.parametrize("system", ["exp/asr_ctc", "=exp/asr_ctc", "ctc=", "ctc=:greedy"])
def test_a_malformed_experiment_shows_the_form(run, capsys, system):
    with pytest.raises(SystemExit):
        run(f"--experiment={system}")
    assert "is not SYSTEM=EXPDIR[:DECODE_DIR], e.g." in capsys.readouterr().err
