"""A trained model's couplings of a whole set, measured against the true character times."""

from pathlib import Path

import torch
from tqdm import tqdm

from espnet_gmot.data.character_times import read_character_times, spans_of
from espnet_gmot.trained.couplings import frame_times, load_aligners, read_spoken
from research.coupling_timing import CouplingTiming, coupling_timing


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
        InputError: a file is missing, the model has neither alignment nor guide, or transcripts and times do
            not fit.
    """
    experiments = [("model", experiment)] + ([("guide", guide)] if guide else [])
    aligner = load_aligners(experiments, checkpoint)["model"]
    times = read_character_times(ctm)
    timing = CouplingTiming()
    bar = tqdm(read_spoken(data_dir), desc=f"couplings {Path(data_dir).name}", total=len(times), unit="utt")
    for spoken in bar:
        spans = spans_of(times, spoken.utterance, spoken.text, ctm)
        plan, _ = aligner.align(spoken)
        frames = frame_times(aligner.model, spoken.rate, plan.size(0))
        timing += coupling_timing(plan.numpy(), frames, spans, aligner.guide.options.special_tokens)
    return timing
