"""Load a trained model for decoding, or say why it cannot be decoded."""

import argparse
import zipfile
from pathlib import Path
from pickle import UnpicklingError

import torch
import yaml
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.tasks.asr import ASRTask

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file


def load_model(
    config: str | Path, checkpoint: str | Path, device: str
) -> tuple[ESPnetASRModel, argparse.Namespace]:
    """Load a model in evaluation mode, and the arguments it was trained with.

    Args:
        config: ``config.yaml`` of the training.
        checkpoint: the weights.
        device: ``cpu`` or ``cuda``.

    Raises:
        InputError: a file is missing or damaged, the checkpoint is of another vocabulary, or there is no CTC.
    """
    require_file(config, "train the model first (stage 11)")
    require_file(checkpoint, "train the model first (stage 11) or name another checkpoint")
    _check_vocabulary(config, checkpoint)
    model, args = ASRTask.build_model_from_file(config, checkpoint, device)
    if model.ctc is None:
        raise InputError(f"{config}: the model has no CTC (ctc_weight: 0)")
    return model.eval(), args


def _check_vocabulary(config: str | Path, checkpoint: str | Path) -> None:
    """Compare the CTC output of the checkpoint with the token list."""
    try:
        weights = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, OSError) as error:
        if zipfile.is_zipfile(checkpoint) and isinstance(error, UnpicklingError):
            return  # holds more than tensors: ESPnet decides whether to load it
        reason = str(error).partition("\n")[0]
        raise InputError(f"{checkpoint} is damaged ({reason}); make or copy it again") from error
    tokens = yaml.safe_load(Path(config).read_text(encoding="utf-8"))["token_list"]
    if isinstance(tokens, str):
        tokens = Path(tokens).read_text(encoding="utf-8").splitlines()
    output = weights.get("ctc.ctc_lo.weight")
    if output is not None and len(output) != len(tokens):
        raise InputError(
            f"{checkpoint} was trained for {len(output)} tokens, but {config} lists {len(tokens)}; decode "
            "with config.yaml and checkpoint of one training"
        )
