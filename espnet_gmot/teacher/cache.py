"""Teacher embeddings on disk, keyed by the text, in Kaldi ark/scp files.

A cache directory holds ``meta.json``, shards ``teacher.N.ark`` each with its ``teacher.N.scp``, and
``teacher.scp``, the whole. Speed-perturbed copies of an utterance have the same text and share an entry.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import kaldiio
import numpy as np

from espnet_gmot.data.kaldi_text import plain_spaces
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from espnet_gmot.teacher.identity import TeacherIdentity

DTYPES = ("float16", "float32")
DTYPE, BATCH_SIZE = "float16", 64  # where nothing else is asked for


@dataclass(frozen=True)
class CacheMeta:
    """What a cache was made with.

    Args:
        teacher: directory or name of the teacher.
        layer: hidden state, 0 = input embeddings.
        hidden_size: size of an embedding.
        dtype: of the numbers on disk, ``float16`` or ``float32``.
        fingerprint: SHA-1 of the teacher's weights.
        num_texts: distinct texts in the cache.
        random_init: whether the teacher's weights were drawn at random (a control).
        tokenizer: number of the tokenizer (`espnet_gmot.teacher.tokenizer.tokenizer_number`); None in a cache
            of an earlier version.
    """

    teacher: str
    layer: int
    hidden_size: int
    dtype: str
    fingerprint: str
    num_texts: int
    random_init: bool = False
    tokenizer: int | None = None

    @property
    def identity(self) -> TeacherIdentity:
        """Which teacher the embeddings come from."""
        return TeacherIdentity(self.teacher, self.layer, self.fingerprint, self.random_init)

    def command(self, out_dir: str | Path) -> str:
        """Return the command that adds the texts of a Kaldi ``text`` file to the cache."""
        return (
            f"python -m espnet_gmot.bin.cache_teacher --teacher {self.teacher} --layer {self.layer} "
            f"--dtype {self.dtype} {'--random_init true ' if self.random_init else ''}"
            f"--out {out_dir} --text data/SET/text"
        )


def text_key(text: str) -> str:
    """Return the cache key of a transcript: the SHA-1 of its UTF-8 bytes with plain spaces.

    Example:
        >>> text_key("你好 吗") == text_key(" 你好\\u3000吗\\n")
        True
    """
    return hashlib.sha1(plain_spaces(text).encode()).hexdigest()


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
        self._places = {key: Path(place).name for key, place in read_scp(scp)}  # key -> ark:offset
        for ark in {place.rpartition(":")[0] for place in self._places.values()}:
            require_file(self.directory / ark, cure)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, text: str) -> bool:
        return text_key(text) in self._places

    def __reduce__(self) -> tuple[type["TeacherCache"], tuple[Path]]:
        return TeacherCache, (self.directory,)

    def lookup(self, text: str, utt_id: str) -> np.ndarray:
        """Return the embeddings (N, hidden_size) of a transcript in float32, special tokens included.

        Raises:
            InputError: the text is not in the cache, or its archive is damaged.
        """
        key = text_key(text)
        if key not in self._places:
            raise InputError(
                f"the transcript of utterance {utt_id} is not in the teacher cache {self.directory}; "
                f"add it with: {self.meta.command(self.directory)}"
            )
        return self._load(key)

    def embeddings(self) -> Iterator[np.ndarray]:
        """Give the embeddings (N, hidden_size) of every text, in the order of their keys."""
        return map(self._load, sorted(self._places))

    def _load(self, key: str) -> np.ndarray:
        place = self.directory / self._places[key]
        try:
            return kaldiio.load_mat(str(place)).astype(np.float32)
        except (AssertionError, ValueError, EOFError, OSError) as error:  # what kaldiio raises
            ark = str(place).rpartition(":")[0]
            raise InputError(
                f"{ark} is damaged ({error or type(error).__name__}); remove it and complete the cache with: "
                f"{self.meta.command(self.directory)}"
            ) from error


def read_scp(scp: Path) -> Iterator[tuple[str, str]]:
    """Give (key, place) of each entry of a Kaldi scp file."""
    with scp.open(encoding="utf-8") as lines:
        for line in lines:
            key, place = line.rstrip("\n").split(" ", 1)
            yield key, place


def read_meta(path: Path) -> CacheMeta:
    """Read a cache's ``meta.json``."""
    return CacheMeta(**json.loads(path.read_text(encoding="utf-8")))
