import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from benchmarks.training_step_measure import (
    GMOTTraining,
    ProfileRow,
    Result,
    Setting,
    Timings,
    count_parameters,
)
from benchmarks.training_step_models import FULL, GMOT, SMALL, build_model, make_batch
from benchmarks.training_step_page import page, ratio_interval

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def page_of(gmot, gmot_mebibytes=1000, espnet=(10.0, 11.0, 12.0)):
    """Return the page of one CPU result."""
    timings = Timings(list(espnet), list(gmot), [0.02, 0.03, 0.04], [0.01, 0.01, 0.02])
    result = Result(Setting("cpu"), timings, {"espnet": 1000 * 2**20, "gmot": gmot_mebibytes * 2**20})
    profile = [ProfileRow("ot/solve.py: long", 20.0, 0.5), ProfileRow("ot/costs.py: short", 0.1, 0.001)]
    return page("command", SMALL, {"espnet": 10, "gmot": 10}, [result], profile)


def cells(text, section):
    """Return the CPU's row of a section's table, without the device."""
    table = text.split(f"## {section}\n")[1].split("\n## ")[0]
    (row,) = (line for line in table.splitlines() if line.startswith("| CPU"))
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


def first_number(cell):
    return float(cell.split()[0])


def test_small_run_writes_a_page_of_its_own_measurements(tmp_path):
    out = tmp_path / "page.md"
    command = [sys.executable, "-m", "benchmarks.training_step", "--small", "--pairs", "2", "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=240, capture_output=True)
    text = out.read_text()
    pairs, ctc, gmot, ratio, each, _ = cells(text, "Time of one step")
    assert pairs == "2"
    assert min(first_number(ctc), first_number(gmot)) > 0
    assert first_number(ratio) == pytest.approx(sum(map(float, each.split())) / 2, abs=1e-3)
    ctc, gmot, ratio, _ = cells(text, "Peak memory")
    assert float(ratio) == pytest.approx(float(gmot) / float(ctc), rel=0.005)
    assert min(float(ctc), float(gmot)) > 100
    assert all(first_number(cell) > 0 for cell in cells(text, "The alignment by itself"))
    assert "`alignment/criterion.py: forward`" in text
    assert ("not run: no CUDA GPU here" in text) != torch.cuda.is_available()


def test_ratios_are_those_of_pairs_and_totals():
    text = page_of([10.1, 11.11, 14.0], 1040)
    assert cells(text, "Time of one step")[:3] == [
        "3",
        "11.0000 [10.0000, 12.0000]",
        "11.1100 [10.1000, 14.0000]",
    ]
    assert cells(text, "Time of one step")[3].startswith("1.0100 [")
    assert cells(text, "Time of one step")[4] == "1.010 1.010 1.167"
    assert cells(text, "Peak memory") == ["1000", "1040", "1.0400", "met"]
    assert cells(text, "The alignment by itself") == ["30.00", "10.00", "0.36 %"]


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ((1.02, 1.02, 1.02), "met"),
        ((1.02, 1.02, 1.3), "met, but the interval reaches beyond"),
        ((1.04, 1.04, 1.04), "**not met**"),
    ],
)
def test_verdict_on_time_follows_the_ratio(factors, expected):
    text = page_of([10.0 * factor for factor in factors], espnet=(10.0, 10.0, 10.0))
    assert cells(text, "Time of one step")[-1] == expected


@pytest.mark.parametrize(("mebibytes", "expected"), [(1050, "met"), (1051, "**not met**")])
def test_verdict_on_memory_follows_the_ratio(mebibytes, expected):
    assert cells(page_of([10.0] * 3, mebibytes), "Peak memory")[-1] == expected


def test_interval_resamples_pairs_and_not_single_steps():
    espnet = [10.0, 20.0, 40.0]
    timings = Timings(espnet, [1.02 * seconds for seconds in espnet], [], [])
    assert ratio_interval(timings) == pytest.approx((1.02, 1.02))


def test_functions_with_a_small_share_are_left_out():
    text = page_of([10.0] * 3)
    assert "| `ot/solve.py: long` | 20.00 | 50 % |" in text
    assert "short" not in text


def test_full_size_is_the_published_one():
    counts = count_parameters(FULL)
    assert {model: round(count / 1e6, 2) for model, count in counts.items()} == {
        "espnet": 26.76,
        "gmot": 26.76,
    }


def test_models_share_weights_and_batches_share_speech_and_text():
    ours, theirs = (build_model(model, SMALL).state_dict() for model in ("gmot", "espnet"))
    assert ours.keys() - theirs.keys() == {"align_steps"}
    assert all(torch.equal(ours[name], weight) for name, weight in theirs.items())
    ours, theirs = make_batch("gmot", SMALL), make_batch("espnet", SMALL)
    assert ours.keys() - theirs.keys() == {"teacher", "teacher_lengths", "teacher_rows"}
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


def test_gmot_options_are_those_of_the_recipe():
    conf = yaml.safe_load((ROOT / "conf/mini_mandarin/train_gmot_full.yaml").read_text())["model_conf"]
    assert dict(conf.items() - {"ctc_weight": 1.0, **GMOT}.items()).keys() == {"projection", "warmup_steps"}


def test_alignment_alone_repeats_that_of_the_step():
    training = GMOTTraining(SMALL, Setting("cpu"))
    seen = []
    training.model.criterion_align.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    training.step(seed=0)
    training.align()
    in_step, alone = seen
    assert torch.equal(in_step.plan, alone.plan)
    assert torch.equal(in_step.loss_fgw, alone.loss_fgw)
