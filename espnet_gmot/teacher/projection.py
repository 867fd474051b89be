"""The principal axes of a teacher's embeddings: the fixed projection to the encoder's dimension."""

import random
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file, write_aside
from espnet_gmot.teacher.cache import BATCH_SIZE, TeacherCache
from espnet_gmot.teacher.embed import embed, tokenize
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.identity import TeacherIdentity

MAX_TEXTS = 10000  # to fit to


@dataclass(frozen=True)
class Projection:
    """Mean and principal axes of embeddings Z; their k first coordinates are (Z − mean) components[:k]ᵀ.

    Args:
        mean: (d,) float64.
        components: (d, d) float64, orthonormal rows, the axis of largest variance first.
        explained_variance: (d,) float64, falling.
        teacher: which teacher the embeddings come from.
    """

    mean: np.ndarray
    components: np.ndarray
    explained_variance: np.ndarray
    teacher: TeacherIdentity


def fit_projection(
    embeddings: Iterable[np.ndarray], teacher: TeacherIdentity, out_path: str | Path
) -> Projection:
    """Fit a `Projection` to embedding matrices and save it as ``.npz``.

    The special tokens (first and last row of each matrix) do not count: they are far from the content
    tokens and would take the first axes.

    Args:
        embeddings: matrices (N, d), as `teacher_embeddings` or `cache_embeddings` gives them.
        teacher: for the record; training refuses the embeddings of another.
        out_path: the ``.npz`` file to write.

    Raises:
        InputError: fewer than two content tokens.
    """
    mean, components, variance = principal_axes(matrix[1:-1] for matrix in embeddings)
    with write_aside(out_path) as aside, aside.open("wb") as stream:
        np.savez(stream, mean=mean, components=components, explained_variance=variance, **asdict(teacher))
    return Projection(mean, components, variance, teacher)


def load_projection(path: str | Path) -> Projection:
    """Read what `fit_projection` wrote.

    Raises:
        InputError: the file is missing or is no projection.
    """
    cure = how_to_fit(path)
    require_file(path, cure)
    try:
        with np.load(path) as saved:
            return Projection(
                saved["mean"],
                saved["components"],
                saved["explained_variance"],
                TeacherIdentity(
                    str(saved["name"]),
                    int(saved["layer"]),
                    str(saved["fingerprint"]),
                    bool(saved["random_init"]),
                ),
            )
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a projection ({error}); {cure}") from error


def how_to_fit(path: str | Path) -> str:
    """Say which command makes the projection file ``path``: for messages."""
    return (
        f"make it with: python3 -m espnet_gmot.bin.fit_projection --cache TEACHER_CACHE --out {path} (or "
        "--teacher NAME_OR_DIR --text data/train/text in place of the cache)"
    )


def principal_axes(matrices: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean (d,), axes (d, d; in rows) and variances (d,) of all rows, read once, in float64.

    Eigenvectors of the covariance; moments are taken about the first matrix's mean, so that they do
    not cancel. The largest entry of each axis is positive.
    """
    matrices = (matrix.astype(np.float64) for matrix in matrices)
    first = next(matrices, np.zeros((0, 1)))
    shift = first.mean(axis=0) if len(first) else np.zeros(first.shape[1])  # (d,)
    count, total, moment = 0, np.zeros_like(shift), np.zeros((len(shift), len(shift)))
    for rows in chain([first], matrices):
        rows = rows - shift  # (N, d)
        count += len(rows)
        total = total + rows.sum(axis=0)  # (d,)
        moment = moment + rows.T @ rows  # (d, d)
    if count < 2:
        raise InputError(f"{count} teacher tokens are too few for a projection; give more text")
    mean = total / count
    covariance = (moment - count * np.outer(mean, mean)) / (count - 1)
    variance, axes = np.linalg.eigh(covariance)  # ascending; axes in columns
    axes = axes.T[::-1]
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(len(axes)), largest])[:, None]
    return mean + shift, axes, np.maximum(variance[::-1], 0.0)


def teacher_embeddings(
    teacher: FrozenTeacher,
    tokenizer: Any,
    transcripts: Iterable[tuple[str, str]],
    max_texts: int = MAX_TEXTS,
    batch_size: int = BATCH_SIZE,
) -> Iterator[np.ndarray]:
    """Give the embeddings (N, d) of at most ``max_texts`` distinct transcripts, drawn with a fixed seed.

    Args:
        teacher: runs over the texts.
        tokenizer: the teacher's.
        transcripts: (utterance id, transcript).
        max_texts: how many.
        batch_size: texts a batch.
    """
    ids = tokenize(tokenizer, transcripts)
    drawn = set(random.Random(0).sample(list(ids), min(max_texts, len(ids))))
    chosen = {text: n for text, n in ids.items() if text in drawn}  # still the longest first
    entries = embed(teacher, chosen, batch_size)
    yield from (
        embedding for _, embedding in tqdm(entries, desc="projection", total=len(chosen), unit="text")
    )


def cache_embeddings(cache: TeacherCache, max_texts: int = MAX_TEXTS) -> Iterator[np.ndarray]:
    """Give the embeddings (N, d) of ``max_texts`` cached texts; a key is a hash, so the first are a draw."""
    total = min(max_texts, len(cache))
    yield from tqdm(islice(cache.embeddings(), total), desc="projection", total=total, unit="text")
