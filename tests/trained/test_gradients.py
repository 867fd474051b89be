"""Gradients of recognition and alignment at a trained encoder, over training batches."""

import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml
from small_corpus import TRANSCRIPTS, write_set

from espnet_gmot.errors import InputError


@pytest.fixture(scope="module")
def train(tmp_path_factory, teacher_dir):
    """Give a function that writes a model of these options as it lies after training, beside its data."""
    import espnet2.tasks.asr  # noqa: F401
    from small_training import write_config

    from espnet_gmot.task import GMOTTask

    directory = tmp_path_factory.mktemp("recipe")
    data = directory / "data"
    write_set(data)
    (directory / "shape").write_text("".join(f"u{i} {len(text)}\n" for i, text in enumerate(TRANSCRIPTS)))
    files = {"wav.scp": ("speech", "sound"), "text": ("text", "text")}
    training = {
        "decoder": None,
        "train_data_path_and_name_and_type": [[str(data / name), *kind] for name, kind in files.items()],
        "train_shape_file": [str(directory / "shape")],
        "batch_type": "unsorted",
        "batch_size": 1,
        "num_workers": 0,
    }

    def build(name: str, model: str = "gmot", others: dict | None = None, **model_conf):
        teacher = {"teacher": str(teacher_dir)} if model == "gmot" else {}
        preprocessor = {"preprocessor": "gmot", "preprocessor_conf": teacher} if teacher else {}
        config = write_config(
            directory / "train.yaml",
            {"ctc_weight": 1.0} | teacher | model_conf,
            model=model,
            **training | preprocessor | (others or {}),
        )
        args = GMOTTask.get_parser().parse_args(["--config", str(config)])
        torch.manual_seed(0)
        (directory / name).mkdir()
        torch.save(GMOTTask.build_model(args).state_dict(), directory / name / "model.pth")
        (directory / name / "config.yaml").write_text(yaml.safe_dump(vars(args), allow_unicode=True))
        return directory / name

    return build


def test_two_batches_have_their_scalar_product_in_common():
    from espnet_gmot.trained.gradients import GradientMean

    mean = GradientMean()
    mean.add(torch.tensor([3.0, 4.0]))
    mean.add(torch.tensor([3.0, 0.0]))
    assert mean.summary() == pytest.approx({"norm": np.sqrt((25 + 9) / 2), "signal": 3.0})


def test_signal_is_found_in_noise_and_none_where_there_is_none():
    from espnet_gmot.trained.gradients import GradientMean

    draw = torch.Generator().manual_seed(0)
    direction = torch.zeros(1000)
    direction[0] = 5.0
    mean, opposed = GradientMean(), GradientMean()
    for k in range(200):
        mean.add(direction + torch.randn(1000, generator=draw))
        opposed.add(direction * (-1) ** k)
    found = mean.summary()
    assert found["signal"] == pytest.approx(5.0, rel=0.05)
    assert found["norm"] == pytest.approx(np.sqrt(25 + 1000), rel=0.02)
    assert opposed.summary()["signal"] == 0.0


def test_weights_scale_the_alignment_and_not_recognition(train):
    from espnet_gmot.trained.gradients import measure_gradients

    once = measure_gradients(train("once"), "model.pth", 3)
    twice = measure_gradients(train("twice", fgw_weight=2.0, align_weight=2.0), "model.pth", 3)
    assert twice["asr"] == pytest.approx(once["asr"])
    assert twice["alignment"]["norm"] == pytest.approx(2 * once["alignment"]["norm"], rel=1e-4)
    assert twice["alignment"]["signal"] == pytest.approx(2 * once["alignment"]["signal"], rel=1e-3)
    assert once["alignment"]["norm"] > 0
    for name in ("node", "edge", "projection"):
        assert once[name]["norm"] > 0
        assert twice[name]["norm"] == pytest.approx(2 * once[name]["norm"], rel=1e-4)
    assert twice["cosine"] == pytest.approx(once["cosine"], abs=1e-4)


def test_plain_ot_alone_pulls_by_its_node_cost(train):
    from espnet_gmot.trained.gradients import measure_gradients

    options = {"alpha": 0.0, "fgw_weight": 1.0, "align_weight": 0.0}
    ot = measure_gradients(train("ot", **options), "model.pth", 3)
    assert ot["edge"] == ot["projection"] == {"norm": 0.0, "signal": 0.0}
    assert ot["alignment"] == ot["node"]
    assert ot["cosine"]["node, alignment"] == pytest.approx(1.0)


def test_contrastive_loss_is_a_term_of_the_alignment(train):
    from espnet_gmot.trained.gradients import measure_gradients

    options = {"fgw_weight": 0.0, "align_weight": 0.0, "contrastive_weight": 0.1}
    found = measure_gradients(train("contrastive", **options), "model.pth", 3)
    assert found["contrastive"]["norm"] > 0
    assert found["alignment"] == found["contrastive"]
    assert found["cosine"]["contrastive, alignment"] == pytest.approx(1.0)


# SpecAugment that changes nothing, batches of an even number, a consistency loss of no weight.
NO_MASKS = {
    "time_warp_window": 1000, "freq_mask_width_range": [0, 1], "time_mask_width_range": [0, 1],
    "apply_time_mask": True, "apply_freq_mask": True,
}  # fmt: skip
MASKED_TWICE = {"batch_size": 2, "specaug": "specaug", "specaug_conf": NO_MASKS}


@pytest.mark.parametrize(
    ("others", "conf", "count"), [({}, {}, 3), (MASKED_TWICE, {"consistency_weight": 1e-12}, 2)]
)
def test_parts_add_up_to_the_gradient_of_the_training_loss(train, others, conf, count):
    from espnet2.tasks.asr import ASRTask
    from espnet2.train.distributed_utils import DistributedOption

    from espnet_gmot.trained.gradients import gradients_of_batches
    from espnet_gmot.trained.load import load_experiment

    model, args = load_experiment(train(f"parts{count}", others=others, **conf), "model.pth")
    parts = [sum(found.values()) for found in gradients_of_batches(model, args, count)]
    batches = ASRTask.build_iter_factory(args, DistributedOption(), mode="train").build_iter(1)
    for (_, batch), found in zip(batches, parts, strict=True):
        whole = torch.autograd.grad(model(**batch)[0], list(model.encoder.parameters()))
        torch.testing.assert_close(found, torch.cat([gradient.flatten() for gradient in whole]))


@pytest.mark.slow
def test_command_prints_both_and_where_they_are(train, tmp_path):
    out = tmp_path / "gradients.json"
    command = [sys.executable, "-m", "espnet_gmot.bin.measure_gradients", "--experiment", train("command")]
    options = ["--inference_asr_model", "model.pth", "--num_batches", "2", "--out", out]
    printed = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout
    found = yaml.safe_load(out.read_text())
    assert found.keys() == {"asr", "node", "edge", "projection", "alignment", "cosine"}
    assert "asr: gradient" in printed and "alignment: gradient" in printed
    assert f"edge: gradient {found['edge']['norm']:.2f}, of it" in printed
    assert f"cosine of node, edge: {found['cosine']['node, edge']:.2f}" in printed
    assert str(out) in printed


def test_what_cannot_be_measured_is_refused(train):
    from espnet_gmot.trained.gradients import measure_gradients

    with pytest.raises(InputError, match="--num_batches is 1; the noise shows from 2 batches on"):
        measure_gradients("anywhere", "model.pth", 1)
    with pytest.raises(InputError, match="an epoch has 3 batches; lower --num_batches 4"):
        measure_gradients(train("short"), "model.pth", 4)
    with pytest.raises(InputError, match="ctc has no alignment losses; name the directory of a GM-OT model"):
        measure_gradients(train("ctc", model="espnet"), "model.pth", 3)
