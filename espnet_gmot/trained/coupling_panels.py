"""One utterance through several trained models: what their couplings look like."""

import logging
from collections.abc import Sequence

import numpy as np
import torch

from espnet_gmot.errors import InputError
from espnet_gmot.trained.coupling_plot import CouplingPanel
from espnet_gmot.trained.couplings import (
    Aligner,
    SpokenText,
    frame_times,
    load_aligners,
    prepare_speech,
    read_spoken,
)


@torch.no_grad()
def coupling_panels(
    experiments: Sequence[tuple[str, str]], checkpoint: str, data_dir: str, utt_id: str
) -> tuple[np.ndarray, float, list[CouplingPanel]]:
    """Align one utterance with each model.

    Args:
        experiments: (title, directory with ``config.yaml``) of each model.
        checkpoint: file name of the model in each directory.
        data_dir: Kaldi data directory that holds the utterance.
        utt_id: the utterance; its transcript must be in the teacher caches that the models use.

    Returns:
        log-mel spectrogram (frames, bins), seconds from one of its frames to the next, and the panels.

    Raises:
        InputError: a file or the utterance is missing, or a model has neither alignment nor guide.
    """
    aligners = load_aligners(experiments, checkpoint)
    spoken = next(read_spoken(data_dir, [utt_id]))
    panels = [coupling_panel(title, aligner, spoken) for title, aligner in aligners.items()]
    return *spectrogram(next(iter(aligners.values())), spoken), panels


@torch.no_grad()
def spectrogram(aligner: Aligner, spoken: SpokenText) -> tuple[np.ndarray, float]:
    """Return what the model's frontend makes of an utterance (frames, bins), and the seconds of a frame."""
    model = aligner.model
    features, _ = model._extract_feats(*prepare_speech(aligner.preprocess, spoken))
    return features[0].numpy(), model.frontend.hop_length / spoken.rate


@torch.no_grad()
def coupling_panel(title: str, aligner: Aligner, spoken: SpokenText) -> CouplingPanel:
    """Align one utterance with one model.

    Raises:
        InputError: the transcript is not in the teacher's cache, or the audio is of another rate.
    """
    model = aligner.model
    plan, hidden = aligner.align(spoken)
    tokens = _labels(title, aligner, spoken, plan.size(1))
    ctc = None
    if model.ctc is not None:
        symbols = [model.token_list[i] for i in model.ctc.argmax(hidden[None])[0].tolist()]
        ctc = ["" if symbol == "<blank>" else symbol for symbol in symbols]
    first, second = frame_times(model, spoken.rate, 2)
    step = float(second - first)
    return CouplingPanel(title, plan.numpy(), tokens, step, ctc, start_seconds=float(first) - step / 2)


def _labels(title: str, aligner: Aligner, spoken: SpokenText, count: int) -> list[str]:
    """The teacher's tokens, or numbers, with a warning, where they cannot be had."""
    try:
        rows = aligner.rows(spoken)
        if len(rows) != count:
            raise InputError(f"the tokenizer gives {len(rows)} tokens and the coupling has {count}")
    except InputError as error:
        logging.warning("%s: the rows of the picture are numbered, not labelled: %s", title, error)
        return [str(j) for j in range(count)]
    return [row.token.label for row in rows]
