"""One utterance through several trained models: what their couplings look like."""

from collections.abc import Sequence

import numpy as np
import torch
from espnet2.asr.espnet_model import ESPnetASRModel

from espnet_gmot.model import ESPnetGMOTModel
from espnet_gmot.report.coupling_plot import CouplingPanel
from espnet_gmot.trained_coupling import (
    SpokenText,
    frame_times,
    load_models,
    model_input,
    plan_of,
    read_spoken,
)


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
    models = load_models(experiments, checkpoint)
    guide = models.guide
    spoken = next(read_spoken(data_dir, [utt_id]))
    batch = model_input(spoken, models.guide_args)
    panels = [_panel(title, model, guide, batch, spoken) for title, model in models.by_title.items()]
    spectrogram, _ = guide._extract_feats(batch["speech"], batch["speech_lengths"])
    return spectrogram[0].numpy(), guide.frontend.hop_length / spoken.rate, panels


def _panel(
    title: str,
    model: ESPnetASRModel,
    guide: ESPnetGMOTModel,
    batch: dict[str, torch.Tensor],
    spoken: SpokenText,
) -> CouplingPanel:
    plan, hidden = plan_of(model, guide, batch)
    special = guide.options.special_tokens
    tokens = ["[CLS]", *spoken.text, "[SEP]"] if special else list(spoken.text)
    if len(tokens) != plan.size(1):
        tokens = [str(j) for j in range(plan.size(1))]
    symbols = [model.token_list[i] for i in model.ctc.argmax(hidden)[0].tolist()]
    ctc = ["" if symbol == "<blank>" else symbol for symbol in symbols]
    first, second = frame_times(model, spoken.rate, 2)
    step = float(second - first)
    return CouplingPanel(title, plan.numpy(), tokens, step, ctc, start_seconds=float(first) - step / 2)
