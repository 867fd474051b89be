"""Teacher embeddings on disk, keyed by the text, in Kaldi ark/scp files.

A cache directory holds ``meta.json``, shards ``teacher.NAME.ark`` each with its ``teacher.NAME.scp``, and
``teacher.scp``, the whole, sorted. Speed-perturbed copies of an utterance have the same text and share an
entry. A reader keeps none of it in memory.

Of format 2 an archive has two records a text: the embeddings, which the scp names, and behind them, under
the same key with ``.text``, which rows are of the text. Earlier versions wrote format 1, the embeddings
alone; its teachers put exactly one special token on each side.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import kaldiio
import numpy as np

from espnet_gmot.data.kaldi_text import plain_spaces
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from espnet_gmot.teacher.identity import FLOAT32, Layers, TeacherIdentity, layer_words
from espnet_gmot.teacher.reading import NONE
from espnet_gmot.teacher.scp_index import ScpIndex, read_scp

DTYPES = ("float16", "float32")
DTYPE = "float16"  # where nothing else is asked for
BATCH_BINS = 1024  # tokens a batch of the teacher's, padding included
FORMAT = 2  # of what is written


@dataclass(frozen=True)
class CacheMeta:
    """What a cache was made with.

    Args:
        teacher: directory or name of the teacher.
        layer: hidden state, 0 = input embeddings; several for their mean.
        hidden_size: numbers of an embedding, as it is stored.
        dtype: of the numbers on disk, ``float16`` or ``float32``.
        fingerprint: SHA-1 of the teacher's weights.
        num_texts: distinct texts in the cache.
        random_init: whether the teacher's weights were drawn at random (a control).
        tokenizer: number of the tokenizer (`espnet_gmot.teacher.tokenizer.tokenizer_number`); None in a cache
            of an earlier version.
        context: what the teacher saw beside the transcript, as in `Reading`.
        pool: which vectors became one, as in `Reading`.
        precision: that the teacher ran in.
        projection: number of the projection (`Projection.number`) whose first coordinates are stored in place
            of the embeddings; 0 where the embeddings are.
        num_shards: that ``teacher.scp`` was made of; 0 in a cache of an earlier version.
        format: of the archives.
    """

    teacher: str
    layer: Layers
    hidden_size: int
    dtype: str
    fingerprint: str
    num_texts: int
    random_init: bool = False
    tokenizer: int | None = None
    context: str = NONE
    pool: str = NONE
    precision: str = FLOAT32
    projection: int = 0
    num_shards: int = 0
    format: int = 1

    @property
    def identity(self) -> TeacherIdentity:
        """Which teacher the embeddings come from."""
        return TeacherIdentity(
            self.teacher, self.layer, self.fingerprint, self.random_init, self.context, self.pool
        )

    @property
    def said(self) -> str:
        """What the cache holds, for messages."""
        size = f"{self.hidden_size} coordinates in projection {self.projection}, " if self.projection else ""
        precision = f", computed in {self.precision}" if self.precision != FLOAT32 else ""
        return f"{self.identity}, {size}{self.dtype}{precision}"

    def command(self, out_dir: str | Path) -> str:
        """Return the command that adds the texts of a Kaldi ``text`` file to the cache."""
        return (
            f"python -m espnet_gmot.bin.cache_teacher --teacher {self.teacher} "
            f"--layer {layer_words(self.layer)} --dtype {self.dtype} {self.identity.reading.options}"
            f"{'--random_init true ' if self.random_init else ''}"
            f"{f'--precision {self.precision} ' if self.precision != FLOAT32 else ''}"
            f"{f'--projected_size {self.hidden_size} --projection FILE ' if self.projection else ''}"
            f"--out {out_dir} --text data/SET/text"
        )


def text_key(text: str) -> str:
    """Return the cache key of a transcript: the SHA-1 of its UTF-8 bytes with plain spaces.

    Example:
        >>> text_key("你好 吗") == text_key(" 你好\\u3000吗\\n")
        True
    """
    return hashlib.sha1(plain_spaces(text).encode()).hexdigest()


class CachedText(NamedTuple):
    """A text in the cache.

    Attributes:
        embeddings: of its rows (N, hidden_size), float32.
        is_text: which rows are of the text and no special tokens (N,), bool.
    """

    embeddings: np.ndarray
    is_text: np.ndarray


class TeacherCache:
    """Reads a cache directory; pickles as its path and opens no file for long, so workers can share it.

    Args:
        directory: what `build_cache` wrote. Archives are looked for in it, wherever it was moved.

    Raises:
        InputError: the cache is missing or incomplete.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        cure = (
            "make or complete the cache with: python -m espnet_gmot.bin.cache_teacher "
            f"--teacher NAME_OR_DIR --out {directory} --text data/SET/text"
        )
        self.meta = read_meta(require_file(self.directory / "meta.json", cure))
        scp = require_file(self.directory / "teacher.scp", cure)
        self._scp, self._index = scp, ScpIndex(scp)
        for shard in self.directory.glob("teacher.*.scp"):
            ark = shard.with_suffix(".ark")
            if not (ark.is_file() and ark.stat().st_size) and self._is_in_use(shard):
                require_file(ark, cure)

    def __len__(self) -> int:
        return self.meta.num_texts

    def __contains__(self, text: str) -> bool:
        return text_key(text) in self._index

    def __reduce__(self) -> tuple[type["TeacherCache"], tuple[Path]]:
        return TeacherCache, (self.directory,)

    def lookup(self, text: str, utt_id: str) -> np.ndarray:
        """Return the embeddings (N, hidden_size) of a transcript in float32, special tokens included.

        Raises:
            InputError: the text is not in the cache, or its archive is damaged.
        """
        return self.entry(text, utt_id).embeddings

    def entry(self, text: str, utt_id: str) -> CachedText:
        """Return the same, and which rows are of the text."""
        key = text_key(text)
        place = self._index.place(key)
        if place is None:
            raise InputError(
                f"the transcript of utterance {utt_id} is not in the teacher cache {self.directory}; "
                f"add it with: {self.meta.command(self.directory)}"
            )
        return self._load(key, place)

    def text_embeddings(self) -> Iterator[np.ndarray]:
        """Give the embeddings (n, hidden_size) of every text's own rows, in the order of their keys."""
        for key, place in read_scp(self._scp):
            embeddings, is_text = self._load(key, place)
            yield embeddings[is_text]

    def is_whole(self) -> bool:
        """Whether all archives are there, and all shards in the index: opening a cache looks at fewer."""
        archives = {Path(place.rpartition(":")[0]).name for _, place in read_scp(self._scp)}
        merged = self.meta.num_shards in (0, len(whole_shards(self.directory)))  # 0: an earlier version's
        return merged and all((self.directory / archive).is_file() for archive in archives)

    def _is_in_use(self, shard: Path) -> bool:
        """Whether the index names it; earlier versions left the scp files of archives that were lost."""
        key, _ = next(read_scp(shard), ("", ""))
        place = self._index.place(key) or ""
        return Path(place.rpartition(":")[0]).stem == shard.stem

    def _load(self, key: str, place: str) -> CachedText:
        archive, _, offset = Path(place).name.rpartition(":")
        path = self.directory / archive
        try:
            with path.open("rb") as stream:
                stream.seek(int(offset) - len(key) - 1)  # the record begins with its key
                records = kaldiio.load_ark(stream)
                found, embeddings = next(records)
                framed = self.meta.format == 1
                is_text = framed_by_one(len(embeddings)) if framed else next(records)[1] == 1
                if found != key:
                    raise ValueError(f"another text stands where {self._scp} looks for this one")
        # what kaldiio raises, and the end of a file that was cut off
        except (AssertionError, ValueError, EOFError, OSError, StopIteration) as error:
            raise InputError(
                f"{path} is damaged ({error or type(error).__name__}); remove it and complete the cache "
                f"with: {self.meta.command(self.directory)}"
            ) from error
        return CachedText(embeddings.astype(np.float32), is_text)


def framed_by_one(rows: int) -> np.ndarray:
    """Return which of the rows are of the text in format 1 (rows,): all but the first and the last.

    Example:
        >>> framed_by_one(4).tolist()
        [False, True, True, False]
    """
    is_text = np.ones(rows, dtype=bool)
    is_text[[0, -1]] = False
    return is_text


def whole_shards(directory: Path) -> list[Path]:
    """List the scp files whose archives are there."""
    return sorted(scp for scp in directory.glob("teacher.*.scp") if scp.with_suffix(".ark").is_file())


def read_meta(path: Path) -> CacheMeta:
    """Read a cache's ``meta.json``.

    Raises:
        InputError: it was made by a later version.
    """
    known = json.loads(path.read_text(encoding="utf-8"))
    if known.get("format", 1) > FORMAT:
        raise InputError(
            f"{path} is of a later version of espnet_gmot (format {known['format']}, not {FORMAT}); "
            "update espnet_gmot, or make the cache in another directory"
        )
    layer = known["layer"]
    return CacheMeta(**known | {"layer": layer if isinstance(layer, int) else tuple(layer)})
