"""Many texts through the frozen teacher, in batches of like length: for the cache and the projection."""

import multiprocessing
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from espnet_gmot.teacher.cache import BATCH_BINS
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.transcript import TeacherText


def embed(
    teacher: FrozenTeacher, texts: dict[str, TeacherText], batch_bins: int = BATCH_BINS
) -> Iterator[tuple[str, np.ndarray]]:
    """Give (text, embeddings (N, hidden_size) float32 of its rows), the longest text first.

    The longest first, so that a batch that does not fit into memory fails at once and not at the end. Runs
    on a GPU where there is one.

    Args:
        teacher: runs over the texts.
        texts: each as the teacher reads it.
        batch_bins: tokens a batch, padding included; a text of more is a batch of its own.
    """
    device = chosen_device()
    lengths = sorted(((text, len(read.ids)) for text, read in texts.items()), key=lambda each: -each[1])
    for batch in batches(lengths, batch_bins):
        embeddings = embed_batch(teacher, [texts[text] for text in batch], device)
        yield from zip(batch, embeddings, strict=True)


def embed_batch(teacher: FrozenTeacher, batch: Sequence[TeacherText], device: str) -> list[np.ndarray]:
    """Return the embeddings (N, hidden_size) of each text, computed as one padded batch."""
    lengths = torch.tensor([len(text.ids) for text in batch])  # (B,)
    ids = _padded([text.ids for text in batch])  # (B, M)
    rows = _padded([text.rows for text in batch])  # (B, N, 3)
    embeddings = teacher.encode_rows(ids.to(device), lengths, rows).cpu().numpy()  # (B, N, hidden_size)
    return [embedding[: len(text.rows)] for text, embedding in zip(batch, embeddings, strict=True)]


def batches(lengths: Sequence[tuple[str, int]], batch_bins: int) -> Iterator[list[str]]:
    """Divide texts, the longest first, into batches of at most ``batch_bins`` tokens with padding.

    Example:
        >>> list(batches([("a", 5), ("b", 4), ("c", 2), ("d", 2)], 10))
        [['a', 'b'], ['c', 'd']]
    """
    batch: list[str] = []
    longest = 0
    for text, length in lengths:
        if batch and longest * (len(batch) + 1) > batch_bins:
            yield batch
            batch = []
        longest = length if not batch else longest
        batch.append(text)
    if batch:
        yield batch


def chosen_device() -> str:
    """The GPU of this process, if there are any: the first, or of several processes one after the other's."""
    count = torch.cuda.device_count()
    if count == 0:
        return "cpu"
    number = multiprocessing.current_process().name.rpartition("-")[2]  # MainProcess, or SpawnProcess-3
    return f"cuda:{int(number) % count if number.isdecimal() else 0}"


def _padded(arrays: list[np.ndarray]) -> torch.Tensor:
    return pad_sequence([torch.from_numpy(array) for array in arrays], batch_first=True, padding_value=-1)
