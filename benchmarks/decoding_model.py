"""What the decoding benchmark decodes: a model with random weights, and noise of AISHELL's lengths."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump
from torch import Tensor

from benchmarks.training_step_models import ENCODER, SAMPLE_RATE, Size
from espnet_gmot.task import GMOTTask

SHORTEST, LONGEST, MEAN = 1.5, 14.0, 4.5  # seconds, about AISHELL-1's
# Share of frames that are not blank: hypotheses then have 3 to 4 tokens a second, AISHELL's transcripts 3.2.
NONBLANK = 0.12
# By what the logits are multiplied: posteriors are then as peaky as a trained model's, which a beam search
# needs to end at hypotheses of that length. The project's own.
SHARPNESS = 20.0


def make_speech(count: int) -> list[Tensor]:
    """Return noise (samples,) for each utterance, its length drawn from a beta distribution."""
    rng = np.random.default_rng(0)
    share = (MEAN - SHORTEST) / (LONGEST - SHORTEST)
    seconds = SHORTEST + (LONGEST - SHORTEST) * rng.beta(2.0, 2.0 / share - 2.0, size=count)
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(int(SAMPLE_RATE * each), generator=generator) for each in seconds]


def write_model(directory: Path, size: Size, speech: Sequence[Tensor]) -> tuple[Path, Path]:
    """Write configuration and weights as a training would leave them.

    The model is that of the training benchmark. Without training hardly a frame would be blank and all
    symbols about as likely, so the blank's bias is raised until :data:`NONBLANK` of the frames of ``speech``
    are not blank, and the CTC's output layer is multiplied by :data:`SHARPNESS`.

    Returns:
        ``config.yaml`` and the checkpoint.
    """
    args = GMOTTask.get_parser().parse_args([])
    args.token_list = ["<blank>", "<unk>", *map(str, range(size.vocabulary - 3)), "<sos/eos>"]
    args.model_conf = {"ctc_weight": 1.0}
    args.encoder, args.encoder_conf = "conformer", ENCODER | size.encoder
    args.normalize = "utterance_mvn"
    args.token_type = "char"
    torch.manual_seed(0)
    model = GMOTTask.build_model(args).eval()
    _shape_posteriors(model, speech)

    config, checkpoint = directory / "config.yaml", directory / "model.pth"
    config.write_text(yaml_no_alias_safe_dump(vars(args), indent=4, sort_keys=False), encoding="utf-8")
    torch.save(model.state_dict(), checkpoint)
    return config, checkpoint


@torch.no_grad()
def _shape_posteriors(model: ESPnetASRModel, speech: Sequence[Tensor]) -> None:
    margins = []
    for each in speech:
        hidden, _ = model.encode(each[None], torch.tensor([len(each)]))
        logits = model.ctc.ctc_lo(hidden[0])  # (T, vocabulary)
        margins.append(logits[:, model.blank_id + 1 :].amax(1) - logits[:, model.blank_id])
    model.ctc.ctc_lo.bias[model.blank_id] += torch.cat(margins).quantile(1.0 - NONBLANK)
    model.ctc.ctc_lo.weight *= SHARPNESS
    model.ctc.ctc_lo.bias *= SHARPNESS
