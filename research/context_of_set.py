"""What a trained encoder knows of the teacher's context: the characters of a set, heard and embedded."""

from pathlib import Path

import numpy as np
import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from tqdm import tqdm

from espnet_gmot.data.character_times import read_character_times, spans_of
from espnet_gmot.teacher.cache import TeacherCache
from espnet_gmot.trained.couplings import encode, frame_times, read_spoken
from espnet_gmot.trained.load import load_experiment
from research.context_probe import SpokenCharacters, probe_context


def probe_encoder(
    experiment: str | Path, checkpoint: str, teacher_cache: str | Path, sets: list[tuple[Path, Path]]
) -> dict[str, float]:
    """Probe a trained model, whether it was trained with alignment or not.

    Args:
        experiment: directory of the model.
        checkpoint: file name of the model in it.
        teacher_cache: embeddings of all transcripts of the two sets.
        sets: data directory and true character times of the set to fit on and of the set to measure on.

    Returns:
        What :func:`research.context_probe.probe_context` gives.

    Raises:
        InputError: a file is missing, a transcript is not in the cache, or times and transcripts do not fit.
    """
    model, _ = load_experiment(experiment, checkpoint)
    cache = TeacherCache(teacher_cache)
    train, test = (spoken_characters(model, cache, data, ctm) for data, ctm in sets)
    return probe_context(train, test)


@torch.no_grad()
def spoken_characters(
    model: ESPnetASRModel, cache: TeacherCache, data_dir: str | Path, ctm: str | Path
) -> SpokenCharacters:
    """Encode a set and average the frames of each character.

    A character so short that no frame's middle lies in it gets the frame that is nearest to its own middle.
    """
    times = read_character_times(ctm)
    chars, frames, embeddings = [], [], []
    bar = tqdm(read_spoken(data_dir), desc=f"encoder {Path(data_dir).name}", total=len(times), unit="utt")
    for spoken in bar:
        spans = spans_of(times, spoken.utterance, spoken.text, ctm)
        speech = torch.from_numpy(spoken.samples)[None]
        hidden = encode(model, speech, torch.tensor([speech.size(1)]))[0][0].numpy()  # (T, d_a)
        middles = frame_times(model, spoken.rate, len(hidden))
        for start, end in spans:
            inside = (middles >= start) & (middles < end)
            nearest = np.abs(middles - (start + end) / 2).argmin()
            frames.append(hidden[inside].mean(0) if inside.any() else hidden[nearest])
        chars += "".join(spoken.text.split())
        embeddings.append(cache.lookup(spoken.text, spoken.utterance)[1:-1])  # without [CLS] and [SEP]
    return SpokenCharacters(np.array(chars), np.stack(frames), np.concatenate(embeddings))
