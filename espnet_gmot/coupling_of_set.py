"""A trained model's couplings of a whole set, measured against the true character times."""

from pathlib import Path

import torch
from tqdm import tqdm

from espnet_gmot.model import ESPnetGMOTModel
from espnet_gmot.recipe.character_times import read_character_times, spans_of
from espnet_gmot.report.coupling_timing import CouplingTiming, coupling_timing
from espnet_gmot.trained_coupling import frame_times, load_models, model_input, plan_of, read_spoken


@torch.no_grad()
def measure_couplings(
    experiment: str | Path, guide: str | Path | None, checkpoint: str, data_dir: str | Path, ctm: str | Path
) -> CouplingTiming:
    """Align every utterance of a set and measure its coupling.

    Args:
        experiment: directory of the model.
        guide: directory of a GM-OT model whose objective a model without alignment gets.
        checkpoint: file name of the model in each directory.
        data_dir: Kaldi data directory; its transcripts must be in the teacher cache, if there is one.
        ctm: true character times of the set.

    Raises:
        InputError: a file is missing, no model is a GM-OT model, or transcripts and times do not fit.
    """
    experiments = [("model", experiment)] + ([("guide", guide)] if guide else [])
    models = load_models(experiments, checkpoint)
    model = models.by_title["model"]
    options = (model if isinstance(model, ESPnetGMOTModel) else models.guide).options
    times = read_character_times(ctm)
    timing = CouplingTiming()
    for spoken in tqdm(list(read_spoken(data_dir)), desc=f"couplings {Path(data_dir).name}", unit="utt"):
        spans = spans_of(times, spoken.utterance, spoken.text, ctm)
        plan, _ = plan_of(model, models.guide, model_input(spoken, models.guide_args))
        frames = frame_times(model, spoken.rate, plan.size(0))
        timing += coupling_timing(plan.numpy(), frames, spans, options.special_tokens)
    return timing
