import pytest
import torch
import yaml

from benchmarks.full_training import YAMLS, YamlTraining, measure, utterances_a_batch
from benchmarks.training_step_measure import Setting
from benchmarks.training_step_models import SMALL

pytestmark = pytest.mark.slow


def test_a_batch_holds_what_batch_bins_lets_in():
    """4.5 s are 72,000 samples and 14.4 characters, each of which counts once for every token of the list."""
    assert utterances_a_batch(8_000_000, 4233) == int(8_000_000 / (72_000 + 14.4 * 4233)) == 60


@pytest.mark.parametrize("name", YAMLS)
def test_steps_follow_the_yaml(name):
    training = YamlTraining(name, SMALL, Setting("cpu"))
    given = yaml.safe_load(YAMLS[name].read_text())
    assert training.optimiser.defaults["lr"] == given["optim_conf"]["lr"]
    assert training.args.encoder_conf["cnn_module_kernel"] == given["encoder_conf"]["cnn_module_kernel"]
    first = training.optimiser.param_groups[0]["lr"]
    training.step(seed=0)
    assert training.optimiser.param_groups[0]["lr"] == pytest.approx(2 * first)
    assert hasattr(training.model, "criterion_align") == (name == "gmot")


def test_the_row_has_every_loss_and_no_warm_up_time():
    row = measure("ctc", SMALL, "cpu", 3)
    assert len(row.losses) == 3 and len(row.seconds) == 2 and min(row.seconds) > 0
    assert (row.name, row.utterances, row.epochs) == ("ctc", SMALL.utterances, 60)


def test_a_loss_that_is_not_finite_ends_it(monkeypatch):
    monkeypatch.setattr(
        YamlTraining, "step", lambda self, seed: setattr(self, "loss", torch.tensor(torch.nan)) or 1.0
    )
    with pytest.raises(FloatingPointError, match="ctc: losses"):
        measure("ctc", SMALL, "cpu", 2)
