"""Teacher embeddings on disk, keyed by the text, in Kaldi ark/scp files.

A cache directory holds ``meta.json``, shards ``teacher.N.ark`` each with its ``teacher.N.scp``, and
``teacher.scp``, the whole. Speed-perturbed copies of an utterance have the same text and share an entry.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
from tqdm import tqdm

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file, require_free_space, write_aside
from espnet_gmot.teacher.embed import embed, tokenize
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.identity import TeacherIdentity

DTYPES = ("float16", "float32")
ENTRY_OVERHEAD = 300  # bytes of an entry beside its numbers: key, NumPy header, two scp lines


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
    """

    teacher: str
    layer: int
    hidden_size: int
    dtype: str
    fingerprint: str
    num_texts: int
    random_init: bool = False

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
    """Return the cache key of a transcript: the SHA-1 of its UTF-8 bytes without outer white space.

    Example:
        >>> text_key("你好") == text_key(" 你好\\n")
        True
    """
    return hashlib.sha1(text.strip().encode()).hexdigest()


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
        self.meta = _read_meta(require_file(self.directory / "meta.json", cure))
        scp = require_file(self.directory / "teacher.scp", cure)
        self._places = {key: Path(place).name for key, place in _read_scp(scp)}  # key -> ark:offset
        for ark in {place.rpartition(":")[0] for place in self._places.values()}:
            require_file(self.directory / ark, cure)

    def __len__(self) -> int:
        return len(self._places)

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


def build_cache(
    transcripts: Iterable[tuple[str, str]],
    teacher: FrozenTeacher,
    tokenizer: Any,
    out_dir: str | Path,
    dtype: str = "float16",
    batch_size: int = 64,
    shard_texts: int = 5000,
) -> CacheMeta:
    """Write the embeddings of all distinct transcripts; texts that are cached already are kept.

    A shard appears whole or not at all, so a killed run loses at most one shard of work. The texts of an
    archive that was lost are embedded again.

    Args:
        transcripts: (utterance id, transcript).
        teacher: gives the embeddings.
        tokenizer: the teacher's.
        out_dir: the cache directory, new or one to be completed.
        dtype: ``float16`` (half the disk, 3 digits) or ``float32``.
        batch_size: texts a batch.
        shard_texts: texts an archive.

    Raises:
        InputError: an unusable transcript, too little disk, or a cache of another teacher in ``out_dir``.
    """
    directory = Path(out_dir)
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype} is not known; choose one of {', '.join(DTYPES)}")
    identity = teacher.identity()
    meta = CacheMeta(
        identity.name,
        identity.layer,
        teacher.hidden_size,
        dtype,
        identity.fingerprint,
        num_texts=0,
        random_init=identity.random_init,
    )
    _refuse_other_cache(directory, meta)
    ids = tokenize(tokenizer, transcripts)
    cached = {key for scp in _whole_shards(directory) for key, _ in _read_scp(scp)}
    missing = {text: n for text, n in ids.items() if text_key(text) not in cached}
    entry_bytes = teacher.hidden_size * np.dtype(dtype).itemsize
    require_free_space(directory, sum(len(n) * entry_bytes + ENTRY_OVERHEAD for n in missing.values()))

    directory.mkdir(parents=True, exist_ok=True)
    if not cached:
        _write_meta(directory, meta)
    shard = max(map(_shard_number, directory.glob("teacher.*.scp")), default=0) + 1
    entries = embed(teacher, missing, batch_size)
    with tqdm(total=len(missing), desc="teacher cache", unit="text", disable=not missing) as bar:
        for number in range(shard, shard - (-len(missing) // shard_texts)):
            _write_shard(directory, number, islice(entries, shard_texts), dtype, bar)
    return _write_whole(directory, meta)


def _refuse_other_cache(directory: Path, meta: CacheMeta) -> None:
    if not (directory / "meta.json").exists():
        return
    there = _read_meta(directory / "meta.json")
    if replace(there, teacher=meta.teacher, num_texts=0) != meta:
        raise InputError(
            f"{directory} holds embeddings of teacher {there.identity}, {there.dtype}, "
            f"not of {meta.identity}, {meta.dtype}, as it is now; "
            "choose another directory or remove this one"
        )


def _write_shard(
    directory: Path, number: int, entries: Iterable[tuple[str, np.ndarray]], dtype: str, bar: tqdm
) -> None:
    """Write ark, then scp: a shard counts from the moment its scp is there."""
    ark = directory / f"teacher.{number}.ark"
    scp_lines = []
    with write_aside(ark) as aside, aside.open("wb") as stream:
        for text, embedding in entries:
            with np.errstate(over="ignore"):  # what overflows is reported here
                stored = embedding.astype(dtype)
            if not np.isfinite(stored).all():
                raise InputError(
                    f"the teacher's embeddings of {text[:30]!r} do not fit {dtype}; "
                    "use --dtype float32, or another layer or teacher"
                )
            key = text_key(text)
            scp_lines.append(f"{key} {ark}:{stream.tell() + len(key) + 1}\n")
            kaldiio.save_ark(stream, {key: stored}, write_function="numpy")
            bar.update()
    with write_aside(ark.with_suffix(".scp")) as aside:
        aside.write_text("".join(scp_lines), encoding="utf-8")


def _write_whole(directory: Path, meta: CacheMeta) -> CacheMeta:
    shards = _whole_shards(directory)
    lines = sorted(line for scp in shards for line in scp.read_text(encoding="utf-8").splitlines())
    meta = replace(meta, num_texts=len(lines))
    _write_meta(directory, meta)
    with write_aside(directory / "teacher.scp") as aside:
        aside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return meta


def _whole_shards(directory: Path) -> list[Path]:
    """List the scp files whose archives are there."""
    return [scp for scp in directory.glob("teacher.*.scp") if scp.with_suffix(".ark").is_file()]


def _shard_number(scp: Path) -> int:
    return int(scp.name.split(".")[1])


def _read_scp(scp: Path) -> Iterator[tuple[str, str]]:
    with scp.open(encoding="utf-8") as lines:
        for line in lines:
            key, place = line.rstrip("\n").split(" ", 1)
            yield key, place


def _read_meta(path: Path) -> CacheMeta:
    return CacheMeta(**json.loads(path.read_text(encoding="utf-8")))


def _write_meta(directory: Path, meta: CacheMeta) -> None:
    with write_aside(directory / "meta.json") as aside:
        aside.write_text(json.dumps(asdict(meta), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
