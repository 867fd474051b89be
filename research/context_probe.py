"""How much of the teacher's knowledge of the context a linear map finds in an encoder's frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.tasks.asr import ASRTask
from espnet2.train.preprocessor import CommonPreprocessor
from tqdm import tqdm

from espnet_gmot.data.character_times import read_character_times
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.cache import TeacherCache
from espnet_gmot.teacher.token_spans import TeacherToken, tokenizer_of_cache
from espnet_gmot.teacher.transcript import labelled_rows
from espnet_gmot.trained.character_spans import spans_of, token_spans
from espnet_gmot.trained.couplings import encode, frame_times, prepare_speech, read_spoken
from espnet_gmot.trained.load import load_experiment

# Weight of the ridge, relative to the frames' variance: a tenth of it or ten times it gives the same share.
RIDGE = 0.01


@dataclass(frozen=True)
class SpokenCharacters:
    """The characters of a set, in the order of its utterances.

    Args:
        chars: the characters (n,).
        frames: mean of the encoder's frames within each character's true span (n, d_a).
        embeddings: what the teacher makes of each character in its sentence (n, d_l).
    """

    chars: np.ndarray
    frames: np.ndarray
    embeddings: np.ndarray


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
        What :func:`probe_context` gives.

    Raises:
        InputError: a file is missing, a transcript is not in the cache, times and transcripts do not fit, or
            the teacher's tokenizer is not there, or a token of it is not one character.
    """
    model, args = load_experiment(experiment, checkpoint)
    process = ASRTask.build_preprocess_fn(args, train=False)
    cache = TeacherCache(teacher_cache)
    train, test = (spoken_characters(model, process, cache, data, ctm) for data, ctm in sets)
    return probe_context(train, test)


@torch.no_grad()
def spoken_characters(
    model: ESPnetASRModel,
    preprocess: CommonPreprocessor,
    cache: TeacherCache,
    data_dir: str | Path,
    ctm: str | Path,
) -> SpokenCharacters:
    """Encode a set and average the frames of each character.

    A character so short that no frame's middle lies in it gets the frame that is nearest to its own middle.
    Tokens without characters, such as [CLS], are left out. What the probe takes out of both sides is a
    character's mean, so a teacher's token must be one character.
    """
    tokenizer = tokenizer_of_cache(cache.meta)
    times = read_character_times(ctm)
    chars: list[str] = []
    frames: list[np.ndarray] = []
    embeddings: list[np.ndarray] = []
    for spoken in tqdm(read_spoken(data_dir), f"encoder {Path(data_dir).name}", len(times), unit="utt"):
        spoken.require_rate_of(model)
        tokens = [row.token for row in labelled_rows(tokenizer, spoken.text, cache.meta.identity.reading)]
        spans = token_spans(tokens, spans_of(times, spoken.utterance, spoken.text, ctm), spoken.utterance)
        hidden = encode(model, *prepare_speech(preprocess, spoken))[0][0].numpy()  # (T, d_a)
        middles = frame_times(model, spoken.rate, len(hidden))
        for start, end in filter(None, spans):
            inside = (middles >= start) & (middles < end)
            nearest = np.abs(middles - (start + end) / 2).argmin()
            frames.append(hidden[inside].mean(0) if inside.any() else hidden[nearest])
        chars += "".join(spoken.text.split())
        if cache.meta.projection:
            raise InputError(
                f"{cache.directory} holds coordinates in a projection, and the probe is of embeddings; name "
                "a cache that was made without --projected_size"
            )
        embedded = cache.lookup(spoken.text, spoken.utterance)  # (N, d_l)
        _require_characters(tokens, len(embedded), spoken.utterance)
        embeddings.append(embedded[[span is not None for span in spans]])
    return SpokenCharacters(np.array(chars), np.stack(frames), np.concatenate(embeddings))


def _require_characters(tokens: Sequence[TeacherToken], count: int, utterance: str) -> None:
    several = [token.label for token in tokens if len(token.characters or ()) > 1]
    if several:
        raise InputError(
            f"utterance {utterance}: the teacher's token {several[0]} is more than one character, and the "
            "probe is of characters; choose a teacher whose tokens are, such as bert-base-chinese"
        )
    if len(tokens) != count:
        raise InputError(
            f"utterance {utterance}: the tokenizer of the cache's teacher gives {len(tokens)} tokens and the "
            f"cache holds {count}; make the cache anew"
        )


def probe_context(train: SpokenCharacters, test: SpokenCharacters) -> dict[str, float]:
    """Split the teacher's embeddings into character and context, and look for the context in the frames.

        r_j = z_j − z̄(c_j)        s_j = x_j − x̄(c_j)        means over the training characters c
        W = argmin Σ_train ‖r_j − W s_j‖² + λ ‖W‖²
        context = 1 − Σ_test ‖r_j − W s_j‖² / Σ_test ‖r_j‖²

    What the character alone tells is taken out of both sides, so an encoder that only knows which characters
    were spoken gets 0. Characters of the test set that training has not are left out.

    Args:
        train: characters that the means and W are fitted on.
        test: characters of unseen sentences.

    Returns:
        ``characters`` that count in the test set, ``identity`` (the share of the embeddings' variance that
        the character alone explains) and ``context`` (the share of the remainder that the encoder explains;
        below 0 where the map is worse than none).

    Raises:
        InputError: no character of the test set is in the training set, or the teacher tells no context.

    Source: linear probes as in Alain and Bengio, arXiv 1610.01644.

    Example:
        >>> draw = np.random.default_rng(0)
        >>> def spoken(n):
        ...     chars, context = draw.choice(list("人民中"), n), draw.normal(size=(n, 2))
        ...     return SpokenCharacters(chars, context @ [[1, 2, 0], [0, 1, 3]], context)
        >>> round(probe_context(spoken(500), spoken(50))["context"], 2)
        1.0
    """
    known = np.isin(test.chars, train.chars)
    if not known.any():
        raise InputError("no character of the test set occurs in the training set; probe sets of one corpus")
    codes = {char: code for code, char in enumerate(np.unique(train.chars))}
    train_codes = np.array([codes[char] for char in train.chars])
    test_codes = np.array([codes[char] for char in test.chars[known]])

    rest, rest_test = _without_means(train.embeddings, train_codes, test.embeddings[known], test_codes)
    frames, frames_test = _without_means(train.frames, train_codes, test.frames[known], test_codes)
    centred = test.embeddings[known] - train.embeddings.mean(0)
    if np.allclose(rest_test, 0, atol=1e-6):
        raise InputError("the teacher gives a character the same embedding in all sentences: no context")
    covariance = frames.T @ frames  # (d_a, d_a)
    ridge = RIDGE * np.trace(covariance) / len(covariance) or 1.0
    weights = np.linalg.solve(covariance + ridge * np.eye(len(covariance)), frames.T @ rest)  # (d_a, d_l)
    return {
        "characters": int(known.sum()),
        "identity": 1 - float((rest_test**2).sum() / (centred**2).sum()),
        "context": 1 - float(((rest_test - frames_test @ weights) ** 2).sum() / (rest_test**2).sum()),
    }


def _without_means(
    train: np.ndarray, train_codes: np.ndarray, test: np.ndarray, test_codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take each character's mean over the training set from both, in float64."""
    train, test = train.astype(np.float64), test.astype(np.float64)
    counts = np.bincount(train_codes)
    means = np.zeros((len(counts), train.shape[1]))
    np.add.at(means, train_codes, train)
    means /= counts[:, None]
    return train - means[train_codes], test - means[test_codes]
