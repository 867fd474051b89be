"""Many texts through the frozen teacher, in batches of like length: for the cache and the projection."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from espnet_gmot.data.kaldi_text import plain_spaces, read_table
from espnet_gmot.files import require_file
from espnet_gmot.teacher.coverage import Coverage, unknown_ids
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import teacher_ids


def read_transcripts(paths: Iterable[str | Path]) -> Iterator[tuple[str, str]]:
    """Give (utterance id, transcript) of Kaldi ``text`` files.

    Raises:
        InputError: a missing or empty file, or a bad line; see
            :func:`espnet_gmot.data.kaldi_text.read_table`.
    """
    cure = "give Kaldi text files: an utterance id and its transcript on each line"
    for path in paths:
        yield from read_table(require_file(path, cure), cure).items()


def tokenize(tokenizer: Any, transcripts: Iterable[tuple[str, str]]) -> dict[str, np.ndarray]:
    """Return the token ids (N,) of each distinct transcript with plain spaces, the longest first.

    The longest first, so that a batch that does not fit into memory fails at once and not at the end. The
    log tells how many tokens of these texts the tokenizer does not know.

    Raises:
        InputError: an unusable transcript, or most tokens are unknown.
    """
    ids: dict[str, np.ndarray] = {}
    coverage = Coverage(tokenizer.name_or_path, unknown_ids(tokenizer))
    for utt_id, transcript in transcripts:
        text = plain_spaces(transcript)
        if text not in ids:
            ids[text] = teacher_ids(tokenizer, text, utt_id)
            coverage.count(ids[text][1:-1])
    coverage.judge()
    return dict(sorted(ids.items(), key=lambda item: -len(item[1])))


def embed(
    teacher: FrozenTeacher, ids: dict[str, np.ndarray], batch_size: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Give (text, embeddings (N, hidden_size) float32, special tokens included), in the order of ``ids``.

    Runs on the GPU where there is one.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    texts = list(ids)
    for start in range(0, len(texts), batch_size):
        batch = texts[start : start + batch_size]
        lengths = torch.tensor([len(ids[text]) for text in batch])  # (B,)
        padded = pad_sequence([torch.from_numpy(ids[text]) for text in batch], batch_first=True)  # (B, N)
        embeddings = teacher.encode(padded.to(device), lengths).cpu().numpy()  # (B, N, hidden_size)
        for text, embedding, length in zip(batch, embeddings, lengths.tolist(), strict=True):
            yield text, embedding[:length]
