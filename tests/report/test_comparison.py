"""The comparison of systems, from result files to the table, through its command."""

import json
import sys
from dataclasses import asdict

import pytest
import torch

from espnet_gmot.bin import compare as compare_command
from espnet_gmot.errors import InputError
from espnet_gmot.report.result_files import Result
from espnet_gmot.report.scoring import ErrorCounts


def write_result(path, substitutions):
    """Twenty utterances of ten characters, each with so many substitutions."""
    counts = ErrorCounts(10 - substitutions, substitutions, 0, 0, 1, int(substitutions > 0))
    path.mkdir(parents=True)
    result = Result("char", {f"utt{i}": counts for i in range(20)})
    (path / "result.json").write_text(json.dumps(asdict(result)))


@pytest.fixture
def experiments(tmp_path, monkeypatch):
    """The baseline scored on dev and test, the other system on test only."""
    monkeypatch.chdir(tmp_path)
    write_result(tmp_path / "exp/asr_ctc/greedy/dev/score_cer", 3)
    write_result(tmp_path / "exp/asr_ctc/greedy/test/score_cer", 4)
    write_result(tmp_path / "exp/asr_gmot/greedy/test/score_cer", 3)
    epochs = {1: {"train": {"time": {"__timedelta_seconds__": 61.6}}}}
    torch.save({"reporter": {"stats": epochs}}, tmp_path / "exp/asr_ctc/checkpoint.pth")
    return tmp_path / "exp"


def run_command(monkeypatch, *systems, sets=("dev", "test")):
    options = [f"--experiment={system}" for system in systems]
    command = ["compare", *options, "--decode", "greedy", "--out", "exp/comparison", "--sets", *sets]
    monkeypatch.setattr(sys, "argv", command)
    compare_command.main()


def test_the_table_on_the_terminal_and_in_both_files(experiments, monkeypatch, capsys):
    run_command(monkeypatch, "train_ctc=exp/asr_ctc", "train_gmot=exp/asr_gmot")
    printed = capsys.readouterr().out
    expected = """\
| system     | set  |   CER % | chars | sub | del | ins | change % |       difference [95 %] | training s |
| ---------- | ---- | ------: | ----: | --: | --: | --: | -------: | ----------------------: | ---------: |
| train_ctc  | dev  |   30.00 |   200 |  60 |   0 |   0 |        – |                       – |         62 |
| train_gmot | dev  | not run |     – |   – |   – |   – |        – |                       – |          – |
| train_ctc  | test |   40.00 |   200 |  80 |   0 |   0 |        – |                       – |         62 |
| train_gmot | test |   30.00 |   200 |  60 |   0 |   0 |    -25.0 | -10.00 [-10.00, -10.00] |          – |

not run: train_gmot on dev: exp/asr_gmot/greedy/dev/score_cer/result.json is missing; \
train, decode and score it with stages 11 to 13
"""
    assert printed == expected + "comparison: exp/comparison.md and exp/comparison.json\n"
    page = (experiments / "comparison.md").read_text(encoding="utf-8")
    assert expected in page
    assert "against train_ctc" in page

    records = json.loads((experiments / "comparison.json").read_text(encoding="utf-8"))
    assert [list(record)[:8] for record in records] == [
        ["system", "set", "cer", "chars", "sub", "del", "ins", "seconds_train"]
    ] * 4
    assert list(records[0].values())[:8] == ["train_ctc", "dev", 30.0, 200, 60, 0, 0, 61.6]
    assert list(records[1].values())[:8] == ["train_gmot", "dev", None, None, None, None, None, None]
    assert "stages 11 to 13" in records[1]["not_run"]
    assert records[3]["difference_interval"] == [-10.0, -10.0]


def test_without_the_baseline_there_is_no_margin(experiments, monkeypatch, capsys):
    run_command(monkeypatch, "train_gmot=exp/asr_gmot", "train_ctc=exp/asr_ctc", sets=["dev"])
    row = next(line for line in capsys.readouterr().out.splitlines() if "train_ctc" in line)
    assert row.replace("|", " ").split() == [
        "train_ctc",
        "dev",
        "30.00",
        "200",
        "60",
        "0",
        "0",
        "–",
        "–",
        "62",
    ]


def test_nothing_run_names_the_first_file_and_writes_nothing(experiments, monkeypatch):
    with pytest.raises(
        InputError, match=r"no system .*exp/asr_ctc/greedy/eval/score_cer/result.json is missing"
    ):
        run_command(monkeypatch, "train_ctc=exp/asr_ctc", sets=["eval"])
    assert not (experiments / "comparison.md").exists()


def test_systems_scored_on_other_utterances_are_refused(experiments, monkeypatch):
    path = experiments / "asr_gmot/greedy/test/score_cer/result.json"
    path.write_text(path.read_text().replace("utt19", "utt99"))
    with pytest.raises(
        InputError, match=r"asr_ctc.*\(first: utt19\).*asr_gmot.*\(first: utt99\); run stages 12"
    ):
        run_command(monkeypatch, "train_ctc=exp/asr_ctc", "train_gmot=exp/asr_gmot", sets=["test"])


def test_a_system_given_twice_is_refused(experiments, monkeypatch):
    with pytest.raises(InputError, match=r"system a is given 2 times; give each a name"):
        run_command(monkeypatch, "a=exp/asr_ctc", "a=exp/asr_gmot")


@pytest.mark.parametrize("system", ["exp/asr_ctc", "=exp/asr_ctc", "ctc="])
def test_a_malformed_experiment_shows_the_form(monkeypatch, capsys, system):
    with pytest.raises(SystemExit):
        run_command(monkeypatch, system)
    assert "is not SYSTEM=EXPDIR, e.g." in capsys.readouterr().err
