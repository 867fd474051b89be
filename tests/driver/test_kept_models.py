"""A model that the training will not keep is refused before the training, not after it."""

from pathlib import Path

import pytest

from espnet_gmot.driver.kept_models import require_kept_models
from espnet_gmot.driver.options import Options
from espnet_gmot.errors import InputError

CTC = "model_conf: {ctc_weight: 1.0}\n"
BY_CER = "best_model_criterion: [[valid, cer_ctc, min]]\n"


@pytest.fixture
def require(asr_sh_options, tmp_path, monkeypatch):
    """Check the stages of a recipe whose training YAML is given."""
    monkeypatch.chdir(tmp_path)

    def check(text, stages=(11, 12), **changes):
        Path("train.yaml").write_text(text)
        own = {"train_set": "train", "valid_set": "dev", "test_sets": "test", "asr_config": "train.yaml"}
        own |= {"lm_config": "train.yaml"} | changes
        own |= dict.fromkeys(("train_cmd", "cuda_cmd", "decode_cmd"), "run.pl")
        words = [word for name, value in (asr_sh_options | own).items() for word in (f"--{name}", value)]
        require_kept_models(Options.parse(words), stages)

    return check


def test_the_default_model_of_a_ctc_training_is_refused(require):
    with pytest.raises(
        InputError,
        match=r"--inference_asr_model valid.acc.ave.pth: train.yaml keeps no models by valid.acc, but by "
        r"valid.cer_ctc; name valid.cer_ctc.ave.pth",
    ):
        require(CTC + BY_CER)


def test_ctc_alone_has_no_accuracy_whatever_the_criterion_says(require):
    with pytest.raises(InputError, match=r"by valid.acc, but by train.loss, valid.loss; name valid.loss.ave"):
        require(CTC)


@pytest.mark.parametrize(
    "model", ["valid.cer_ctc.ave.pth", "valid.cer_ctc.ave_5best.pth", "12epoch.pth", "own.pth"]
)
def test_what_the_training_keeps_or_nobody_can_tell_is_taken(require, model):
    require(CTC + BY_CER, inference_asr_model=model)


def test_arguments_change_the_criterion(require):
    require(
        CTC, inference_asr_model="valid.cer_ctc.best.pth", asr_args="--best_model_criterion valid,cer_ctc,min"
    )
    with pytest.raises(
        InputError, match="by valid.acc, but by valid.cer, train.loss; name train.loss.ave.pth"
    ):
        require("max_epoch: 1", asr_args="--best_model_criterion valid,cer,min train,loss,min")


@pytest.mark.parametrize("stages", [(12,), (11,), (11, 13), (10, 11)])
def test_nothing_is_refused_without_training_and_reader(require, stages):
    require(CTC, stages)


def test_a_packed_model_counts_as_read(require):
    with pytest.raises(InputError, match="--inference_asr_model"):
        require(CTC, (11, 14))


def test_a_model_that_is_there_already_is_taken(require):
    Path("exp/own").mkdir(parents=True)
    Path("exp/own/valid.acc.ave.pth").touch()
    require(CTC, asr_exp="exp/own")


def test_the_language_model_too(require):
    require("max_epoch: 1", (7, 8))
    with pytest.raises(InputError, match="--inference_lm valid.acc.ave.pth.*by valid.loss; name valid.loss"):
        require("best_model_criterion: [[valid, loss, min]]", (7, 8), inference_lm="valid.acc.ave.pth")


def test_only_language_models_of_several_tasks_have_an_accuracy(require):
    asks = {"inference_lm": "valid.acc.ave.pth"}
    with pytest.raises(InputError, match="by valid.acc, but by train.loss, valid.loss; name valid.loss"):
        require("max_epoch: 1", (7, 8), **asks)
    require("model: lm_multitask", (7, 8), **asks)


def test_a_training_that_keeps_nothing_is_told(require):
    with pytest.raises(
        InputError, match="no models by valid.acc, nor by another score.*best_model_criterion"
    ):
        require(CTC + "best_model_criterion: [[valid, acc, max]]")


@pytest.mark.parametrize(
    "written",
    ["valid,cer_ctc,min", "[valid,cer_ctc,min]", "(valid,cer_ctc,min)", '\'("valid","cer_ctc","min")\''],
)
def test_criteria_are_read_as_espnets_command_line_reads_them(require, written):
    require(CTC, inference_asr_model="valid.cer_ctc.ave.pth", asr_args=f"--best_model_criterion {written}")


@pytest.mark.parametrize("criteria", ["[[valid, min]]", "valid", "[7]", "7"])
def test_what_is_no_criterion_is_told(require, criteria):
    with pytest.raises(InputError, match=r"best_model_criterion is .*; give a list of criteria such as"):
        require(f"best_model_criterion: {criteria}")
