"""Couplings of trained models, utterance by utterance, and when their frames are."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.tasks.asr import ASRTask

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from espnet_gmot.model import ESPnetGMOTModel
from espnet_gmot.recipe.audio import read_cuts, recordings_of
from espnet_gmot.recipe.kaldi_data import read_data_dir

# ESPnet's conv2d input layer, two convolutions of width 3 and stride 2: an encoder frame every
# 4 feature frames, each the middle of 7.
INPUT_LAYER = "Conv2dSubsampling"
SUBSAMPLING = 4
FIRST_MIDDLE = 3


class SpokenText(NamedTuple):
    """An utterance: id, transcript, samples (n,) in [-1, 1) and their rate in Hz."""

    utterance: str
    text: str
    samples: np.ndarray
    rate: int


class TrainedModels(NamedTuple):
    """Models by title, and the first that is a GM-OT model with its training arguments."""

    by_title: dict[str, ESPnetASRModel]
    guide: ESPnetGMOTModel
    guide_args: Namespace


def load_model(directory: str | Path, checkpoint: str) -> tuple[ESPnetASRModel, Namespace]:
    """Load a trained model for evaluation, with its training arguments.

    Args:
        directory: with ``config.yaml``.
        checkpoint: file name of the model in it.

    Raises:
        InputError: a file is missing.
    """
    config = require_file(Path(directory) / "config.yaml", "train the model first (stage 11)")
    weights = require_file(Path(directory) / checkpoint, "train the model first (stage 11)")
    model, train_args = ASRTask.build_model_from_file(str(config), str(weights), "cpu")
    return model.eval(), train_args


def load_models(experiments: Sequence[tuple[str, str | Path]], checkpoint: str) -> TrainedModels:
    """Load trained models for evaluation.

    Args:
        experiments: (title, directory with ``config.yaml``) of each model.
        checkpoint: file name of the model in each directory.

    Raises:
        InputError: a file is missing, or no model is a GM-OT model.
    """
    models, guide, guide_args = {}, None, None
    for title, directory in experiments:
        models[title], train_args = load_model(directory, checkpoint)
        if guide is None and isinstance(models[title], ESPnetGMOTModel):
            guide, guide_args = models[title], train_args
    if guide is None:
        raise InputError(f"none of {', '.join(models)} is a GM-OT model; name at least one (model: gmot)")
    return TrainedModels(models, guide, guide_args)


def read_spoken(data_dir: str | Path, utterances: Sequence[str] | None = None) -> Iterator[SpokenText]:
    """Read utterances of a Kaldi data directory, all of them if none is named.

    Raises:
        InputError: the directory has not an utterance that is named.
    """
    data = read_data_dir(data_dir)
    wanted = set(data.text) if utterances is None else set(utterances)
    if unknown := sorted(wanted - set(data.text)):
        raise InputError(f"{data_dir}/text has no utterance {unknown[0]}; name one that it lists")
    for recording in recordings_of(data):
        if wanted & {cut.utterance for cut in recording.cuts}:
            for cut, samples, rate in read_cuts(recording):
                if cut.utterance in wanted:
                    scaled = samples.astype(np.float32) / 32768.0
                    yield SpokenText(cut.utterance, data.text[cut.utterance], scaled, rate)


def model_input(spoken: SpokenText, guide_args: Namespace) -> dict[str, torch.Tensor]:
    """Make the batch of one utterance that ``ESPnetGMOTModel.coupling`` takes."""
    raw = {"speech": spoken.samples, "text": spoken.text}
    data = ASRTask.build_preprocess_fn(guide_args, train=False)(spoken.utterance, raw)
    batch = {
        "speech": torch.from_numpy(spoken.samples)[None],
        "teacher": torch.from_numpy(data["teacher"])[None],
    }
    return batch | {f"{name}_lengths": torch.tensor([value.size(1)]) for name, value in batch.items()}


def encode(
    model: ESPnetASRModel, speech: torch.Tensor, speech_lengths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the last block's frames (batch, T, d_a), without intermediate blocks, and their lengths."""
    encoded, lengths = model.encode(speech, speech_lengths)
    return (encoded[0] if isinstance(encoded, tuple) else encoded), lengths


def plan_of(
    model: ESPnetASRModel, guide: ESPnetGMOTModel, batch: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Align one utterance.

    A model without alignment of its own, such as the CTC baseline, gets the guide's objective: the coupling
    that this would give it.

    Returns:
        Coupling (T, N), and what CTC sees (1, T, d_a).
    """
    hidden, lengths = encode(model, batch["speech"], batch["speech_lengths"])
    if isinstance(model, ESPnetGMOTModel):
        return model.coupling(**batch).plan[0], hidden
    embeddings = guide.teacher_embeddings(batch["teacher"], batch["teacher_lengths"])
    nonblank = 1.0 - model.ctc.softmax(hidden)[..., model.blank_id]
    return guide.criterion_align(hidden, lengths, embeddings, batch["teacher_lengths"], nonblank).plan[
        0
    ], hidden


def frame_times(model: ESPnetASRModel, rate: int, frames: int) -> np.ndarray:
    """Middle of each encoder frame, t_i = (4 i + 3) · hop (frames,), in seconds.

    Raises:
        InputError: the encoder's input layer is not ``conv2d``.
    """
    layer = type(getattr(model.encoder, "embed", None)).__name__
    if layer != INPUT_LAYER:
        raise InputError(f"frame times are known for input_layer: conv2d, not for {layer}; train with conv2d")
    hop = model.frontend.hop_length / rate
    return (SUBSAMPLING * np.arange(frames) + FIRST_MIDDLE) * hop
