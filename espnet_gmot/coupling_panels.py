"""One utterance through several trained models: what their couplings look like."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.tasks.asr import ASRTask

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from espnet_gmot.model import ESPnetGMOTModel
from espnet_gmot.recipe.audio import read_cuts, recordings_of
from espnet_gmot.recipe.kaldi_data import read_data_dir
from espnet_gmot.report.coupling_plot import CouplingPanel


@torch.no_grad()
def coupling_panels(
    experiments: Sequence[tuple[str, str]], checkpoint: str, data_dir: str, utt_id: str
) -> tuple[np.ndarray, float, list[CouplingPanel]]:
    """Align one utterance with each model.

    A model without alignment of its own, such as the CTC baseline, gets the objective of the first GM-OT
    model that projects the teacher's side: the coupling that this objective would give it.

    Args:
        experiments: (title, directory with ``config.yaml``) of each model.
        checkpoint: file name of the model in each directory.
        data_dir: Kaldi data directory that holds the utterance.
        utt_id: the utterance; its transcript must be in the teacher cache, if the model uses one.

    Returns:
        log-mel spectrogram (frames, bins), seconds from one of its frames to the next, and the panels.

    Raises:
        InputError: a file or the utterance is missing, or no model is a GM-OT model.
    """
    models, gmot_args = _load_models(experiments, checkpoint)
    guide = next(model for model in models.values() if isinstance(model, ESPnetGMOTModel))
    transcript, speech, seconds = _read_utterance(data_dir, utt_id)
    data = ASRTask.build_preprocess_fn(gmot_args, train=False)(utt_id, {"speech": speech, "text": transcript})
    batch = {"speech": torch.from_numpy(speech)[None], "teacher": torch.from_numpy(data["teacher"])[None]}
    batch |= {f"{name}_lengths": torch.tensor([value.size(1)]) for name, value in batch.items()}
    panels = [_panel(title, model, guide, batch, transcript, seconds) for title, model in models.items()]
    spectrogram, _ = guide._extract_feats(batch["speech"], batch["speech_lengths"])
    return spectrogram[0].numpy(), seconds / spectrogram.size(1), panels


def _load_models(experiments, checkpoint: str) -> tuple[dict[str, ESPnetASRModel], Namespace]:
    """Load the models by title, and the training arguments of the first GM-OT model."""
    models, gmot_args = {}, None
    for title, directory in experiments:
        config = require_file(Path(directory) / "config.yaml", "train the model first (stage 11)")
        weights = require_file(Path(directory) / checkpoint, "train the model first (stage 11)")
        models[title], train_args = ASRTask.build_model_from_file(str(config), str(weights), "cpu")
        models[title].eval()
        if gmot_args is None and isinstance(models[title], ESPnetGMOTModel):
            gmot_args = train_args
    if gmot_args is None:
        raise InputError(f"none of {', '.join(models)} is a GM-OT model; name at least one (model: gmot)")
    return models, gmot_args


def _read_utterance(data_dir: str, utt_id: str) -> tuple[str, np.ndarray, float]:
    """Read transcript, samples (n,) in [-1, 1) and duration in seconds of one utterance."""
    data = read_data_dir(data_dir)
    if utt_id not in data.text:
        raise InputError(f"{data_dir}/text has no utterance {utt_id}; name one that it lists")
    for recording in recordings_of(data):
        if utt_id in {cut.utterance for cut in recording.cuts}:
            samples, rate = next((s, r) for cut, s, r in read_cuts(recording) if cut.utterance == utt_id)
    return data.text[utt_id], samples.astype(np.float32) / 32768.0, len(samples) / rate


def _panel(
    title: str,
    model: ESPnetASRModel,
    guide: ESPnetGMOTModel,
    batch: dict[str, torch.Tensor],
    transcript: str,
    seconds: float,
) -> CouplingPanel:
    encoded, lengths = model.encode(batch["speech"], batch["speech_lengths"])
    hidden = encoded[0] if isinstance(encoded, tuple) else encoded
    if isinstance(model, ESPnetGMOTModel):
        plan = model.coupling(**batch).plan[0]  # (T, N)
    else:
        embeddings = guide.teacher_embeddings(batch["teacher"], batch["teacher_lengths"])
        nonblank = 1.0 - model.ctc.softmax(hidden)[..., model.blank_id]
        plan = guide.criterion_align(hidden, lengths, embeddings, batch["teacher_lengths"], nonblank).plan[0]
    tokens = list(transcript) if guide.options.special_tokens is False else ["[CLS]", *transcript, "[SEP]"]
    if len(tokens) != plan.size(1):
        tokens = [str(j) for j in range(plan.size(1))]
    symbols = [model.token_list[i] for i in model.ctc.argmax(hidden)[0].tolist()]
    ctc = ["" if symbol == "<blank>" else symbol for symbol in symbols]
    return CouplingPanel(title, plan.numpy(), tokens, seconds / plan.size(0), ctc)
