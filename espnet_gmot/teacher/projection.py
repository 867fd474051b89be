"""The principal axes of a teacher's embeddings: the fixed projection to the encoder's dimension."""

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from itertools import chain, islice
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
from tqdm import tqdm

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file, temporary_directory, write_aside
from espnet_gmot.teacher.cache import BATCH_BINS, TeacherCache
from espnet_gmot.teacher.embed import embed
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.identity import TeacherIdentity, number_of
from espnet_gmot.teacher.reading import PLAIN, Reading
from espnet_gmot.teacher.texts import distinct, tokenize

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

    @cached_property
    def number(self) -> int:
        """A hash of mean and axes below 2⁶³, by which a cache of coordinates names them."""
        return number_of(hashlib.sha1(self.mean.tobytes() + self.components.tobytes()).hexdigest())


@dataclass(frozen=True)
class Coordinates:
    """What is stored of an embedding in its place: its first coordinates in a projection.

    Args:
        path: the projection's ``.npz`` file.
        size: how many.
    """

    path: Path
    size: int

    @property
    def projection(self) -> Projection:
        """The projection, read once in a process unless it is written anew."""
        return _loaded(self.path, self.path.stat().st_mtime_ns)

    def of(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the coordinates (N, size) of embeddings (N, d): (z − μ) Wᵀ."""
        projection = self.projection
        return (embeddings - projection.mean) @ projection.components[: self.size].T  # (N, size)

    def number(self, teacher: TeacherIdentity) -> int:
        """Return the projection's number, if it is of this teacher and has so many axes.

        Raises:
            InputError: it is not, or has not.
        """
        projection = self.projection
        if projection.teacher.number != teacher.number:
            raise InputError(
                f"{self.path} was fitted on teacher {projection.teacher}, not on {teacher}; name the "
                "projection that belongs to it"
            )
        if self.size > len(projection.components):
            raise InputError(f"{self.path} has {len(projection.components)} axes, not {self.size}")
        return projection.number


def fit_projection(
    embeddings: Iterable[np.ndarray], teacher: TeacherIdentity, out_path: str | Path
) -> Projection:
    """Fit a `Projection` to embedding matrices and save it as ``.npz``.

    Args:
        embeddings: matrices (n, d) of the texts' own rows, as `teacher_embeddings` or `cache_embeddings`
            gives them. Special tokens are far from the content tokens and would take the first axes.
        teacher: for the record; training refuses the embeddings of another.
        out_path: the ``.npz`` file to write.

    Raises:
        InputError: fewer than two content tokens.
    """
    mean, components, variance = principal_axes(embeddings)
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
                    tuple(layer) if isinstance(layer := saved["layer"].tolist(), list) else layer,
                    str(saved["fingerprint"]),
                    bool(saved["random_init"]),
                    *(
                        str(saved[name]) for name in ("context", "pool") if name in saved
                    ),  # earlier ones lack them
                ),
            )
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a projection ({error}); {cure}") from error


@lru_cache(maxsize=1)
def _loaded(path: Path, _written: int) -> Projection:
    return load_projection(path)


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
    batch_bins: int = BATCH_BINS,
    reading: Reading = PLAIN,
    scratch: str | Path | None = None,
) -> Iterator[np.ndarray]:
    """Give the text rows (n, d) of at most ``max_texts`` distinct transcripts: those of a cache, in its draw.

    Args:
        teacher: runs over the texts.
        tokenizer: the teacher's.
        transcripts: (utterance id, transcript).
        max_texts: how many.
        batch_bins: tokens a batch, padding included.
        reading: what the teacher sees beside a text, and what becomes a row.
        scratch: a directory in which there is room to sort the transcripts (default: the system's).
    """
    with temporary_directory(scratch or gettempdir()) as room:
        drawn = list(islice(distinct(transcripts, room), max_texts))
    texts = {each.text: text for each, text in tokenize(tokenizer, drawn, reading)}
    entries = tqdm(embed(teacher, texts, batch_bins), desc="projection", total=len(texts), unit="text")
    yield from (embedding[texts[text].is_text] for text, embedding in entries)


def cache_embeddings(cache: TeacherCache, max_texts: int = MAX_TEXTS) -> Iterator[np.ndarray]:
    """Give the text rows (n, d) of ``max_texts`` cached texts; a key is a hash, so the first are a draw.

    Raises:
        InputError: the cache holds coordinates and no embeddings.
    """
    if cache.meta.projection:
        raise InputError(
            f"{cache.directory} holds coordinates in a projection, to which no other can be fitted; give "
            "fit_projection --teacher NAME_OR_DIR --text data/train/text in place of --cache"
        )
    total = min(max_texts, len(cache))
    yield from tqdm(islice(cache.text_embeddings(), total), desc="projection", total=total, unit="text")
