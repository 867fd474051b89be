"""Filling a teacher cache: each distinct transcript once, whole archives, nothing embedded twice.

The corpus is never in memory. The distinct texts are tokenised one by one, sorted by length on disk and
divided into parts; each part becomes a shard of the cache, in whatever process and order. A shard is named
after its texts, so processes that fill one cache at the same time do not get into each other's way: they
write different files, or the same one with the same content.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha1
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import kaldiio
import numpy as np
from tqdm import tqdm

from espnet_gmot.errors import InputError
from espnet_gmot.files import (
    require_free_space,
    temporary_directory,
    write_aside,
    write_if_missing,
    write_text,
)
from espnet_gmot.teacher.cache import (
    BATCH_BINS,
    DTYPE,
    DTYPES,
    FORMAT,
    CacheMeta,
    TeacherCache,
    framed_by_one,
    read_meta,
    whole_shards,
)
from espnet_gmot.teacher.embed import embed
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.projection import Coordinates
from espnet_gmot.teacher.reading import PLAIN, Reading
from espnet_gmot.teacher.scp_index import ScpIndex
from espnet_gmot.teacher.texts import distinct, sort_lines, tokenize
from espnet_gmot.teacher.tokenizer import tokenizer_number
from espnet_gmot.teacher.transcript import TeacherText, require_characters

SHARD_TEXTS = 1000
LENGTHS_COMPARED = 1000  # texts of an earlier version's cache
ENTRY_OVERHEAD = (
    500  # bytes of an entry beside its numbers: keys, NumPy headers, which are text, two scp lines
)


@dataclass(frozen=True)
class Parts:
    """Texts that are to be embedded, on disk.

    Attributes:
        files: one for each shard to make.
        num_texts: texts in all of them.
        rows: rows in all of them.
    """

    files: list[Path]
    num_texts: int
    rows: int


# How a function is called on each part: in this process, in several, or in the jobs of a cluster.
Spread = Callable[[Callable[[Path], int], Parts], object]


def in_this_process(function: Callable[[Path], int], parts: Parts) -> None:
    """Embed one part after the other."""
    with tqdm(total=parts.num_texts, desc="teacher cache", unit="text", disable=not parts.files) as bar:
        for part in parts.files:
            bar.update(function(part))


def build_cache(
    transcripts: Iterable[tuple[str, str]],
    teacher: FrozenTeacher,
    tokenizer: Any,
    out_dir: str | Path,
    dtype: str = DTYPE,
    batch_bins: int = BATCH_BINS,
    shard_texts: int = SHARD_TEXTS,
    reading: Reading = PLAIN,
    coordinates: Coordinates | None = None,
    spread: Spread = in_this_process,
) -> CacheMeta:
    """Write the embeddings of all distinct transcripts; texts that are cached already are kept.

    A shard appears whole or not at all, so a killed run loses at most the shards that were being made. The
    texts of an archive that was lost are embedded again. Several processes may fill one cache.

    Args:
        transcripts: (utterance id, transcript); read once.
        teacher: gives the embeddings.
        tokenizer: the teacher's.
        out_dir: the cache directory, new or one to be completed.
        dtype: ``float16`` (half the disk, 3 digits) or ``float32``.
        batch_bins: tokens a batch, padding included.
        shard_texts: texts an archive.
        reading: what the teacher sees beside a text, and what becomes a row.
        coordinates: what to store in place of the embeddings; None stores them.
        spread: where the parts are embedded.

    Raises:
        InputError: an unusable transcript, a reading that the teacher has no need of, too little disk, or a
            cache of another teacher or tokenizer in ``out_dir``.
    """
    directory = Path(out_dir)
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype} is not known; choose one of {', '.join(DTYPES)}")
    require_characters(tokenizer, reading)
    wanted = _meta(teacher, tokenizer, dtype, reading, coordinates)
    meta = _continued(directory, wanted)
    with temporary_directory(directory.parent) as scratch:
        lines = _missing(transcripts, tokenizer, reading, directory, meta, scratch)
        parts = _write_parts(lines, scratch, shard_texts)
        entry_bytes = meta.hidden_size * np.dtype(dtype).itemsize
        require_free_space(directory, parts.rows * entry_bytes + parts.num_texts * ENTRY_OVERHEAD)
        directory.mkdir(parents=True, exist_ok=True)
        write_if_missing(directory / "meta.json", _as_json(meta))
        meta = _continued(directory, wanted)  # another process may have been there first
        spread(partial(embed_part, teacher, directory, meta, batch_bins, coordinates), parts)
    return _merge(directory, meta)


def embed_part(
    teacher: FrozenTeacher,
    directory: Path,
    meta: CacheMeta,
    batch_bins: int,
    coordinates: Coordinates | None,
    part: Path,
) -> int:
    """Write the shard of one part: ark, then scp, for a shard counts from the moment its scp is there.

    Returns:
        The number of texts.
    Raises:
        InputError: an embedding does not fit the type, or the projection is not that of the cache any more.
    """
    if coordinates and coordinates.projection.number != meta.projection:
        raise InputError(f"{coordinates.path} has been written anew since this run began; start it again")
    keys, texts = _read_part(part)
    ark = directory / f"teacher.{sha1(' '.join(keys.values()).encode()).hexdigest()[:16]}.ark"
    scp_lines = []
    with write_aside(ark) as aside, aside.open("wb") as stream:
        for text, embedding in embed(teacher, texts, batch_bins):
            stored = coordinates.of(embedding) if coordinates else embedding
            scp_lines.append(f"{keys[text]} {ark}:{stream.tell() + len(keys[text]) + 1}\n")
            _write_entry(stream, keys[text], _in_dtype(stored, text, meta.dtype), texts[text], meta)
    write_text(ark.with_suffix(".scp"), "".join(sorted(scp_lines)))
    return len(texts)


def _write_entry(stream: Any, key: str, stored: np.ndarray, text: TeacherText, meta: CacheMeta) -> None:
    kaldiio.save_ark(stream, {key: stored}, write_function="numpy")
    if meta.format > 1:
        mask = {f"{key}.text": text.is_text.astype(np.uint8)}
        kaldiio.save_ark(stream, mask, write_function="numpy")


def _in_dtype(embedding: np.ndarray, text: str, dtype: str) -> np.ndarray:
    with np.errstate(over="ignore"):  # what overflows is reported here
        stored = embedding.astype(dtype)
    if not np.isfinite(stored).all():
        raise InputError(
            f"the teacher's embeddings of {text[:30]!r} do not fit {dtype}; "
            "use --dtype float32, or another layer or teacher"
        )
    return stored


def _meta(
    teacher: FrozenTeacher, tokenizer: Any, dtype: str, reading: Reading, coordinates: Coordinates | None
) -> CacheMeta:
    identity = teacher.identity(reading)
    return CacheMeta(
        identity.name,
        identity.layer,
        coordinates.size if coordinates else teacher.hidden_size,
        dtype,
        identity.fingerprint,
        num_texts=0,
        random_init=identity.random_init,
        tokenizer=tokenizer_number(tokenizer),
        context=reading.context,
        pool=reading.pool,
        precision=teacher.precision,
        projection=coordinates.number(identity) if coordinates else 0,
        format=FORMAT,
    )


def _continued(directory: Path, meta: CacheMeta) -> CacheMeta:
    """Refuse a cache of another teacher; one of an earlier version stays in its format."""
    if not (directory / "meta.json").exists():
        return meta
    there = read_meta(directory / "meta.json")
    meta = replace(meta, format=there.format)
    if there.tokenizer is None:
        meta = replace(meta, tokenizer=None)
    told = replace(there, teacher=meta.teacher, num_texts=0, num_shards=0, tokenizer=meta.tokenizer)
    if told != meta:
        raise InputError(
            f"{directory} holds embeddings of teacher {there.said}, not of {meta.said}, as it is now; "
            "choose another directory or remove this one"
        )
    if there.tokenizer != meta.tokenizer:
        _refuse_other_tokenizer(directory)
    return meta


def _refuse_other_tokenizer(directory: Path) -> NoReturn:
    raise InputError(
        f"{directory} holds embeddings of texts that the teacher's tokenizer split otherwise than now; "
        "put that tokenizer back, choose another directory or remove this one"
    )


def _missing(
    transcripts: Iterable[tuple[str, str]],
    tokenizer: Any,
    reading: Reading,
    directory: Path,
    meta: CacheMeta,
    scratch: Path,
) -> Iterator[str]:
    """Tokenise the distinct texts, and give a line for each that has no entry: tokens, key, rows, content."""
    cached = _cached_keys(directory, scratch)
    same_lengths = _LengthCheck(directory, meta)
    for each, text in tokenize(tokenizer, distinct(transcripts, scratch), reading):
        same_lengths.look_at(each.text, text)
        if cached is not None and each.key in cached:
            continue
        if meta.format == 1 and (text.is_text != framed_by_one(len(text.rows))).any():
            _refuse_other_tokenizer(directory)
        content = json.dumps([each.text, text.ids.tolist(), text.rows.tolist()])
        yield f"{len(text.ids)}\t{each.key}\t{len(text.rows)}\t{content}"


class _LengthCheck:
    """Compares the first texts' numbers of tokens with those in a cache that does not name its tokenizer."""

    def __init__(self, directory: Path, meta: CacheMeta) -> None:
        self._cache: TeacherCache | None = None
        self._left = LENGTHS_COMPARED if meta.tokenizer is None else 0
        with suppress(InputError):  # begun and not whole: it is being completed
            self._cache = TeacherCache(directory) if self._left else None

    def look_at(self, text: str, read: TeacherText) -> None:
        if self._cache is None or self._left == 0 or text not in self._cache:
            return
        self._left -= 1
        if len(self._cache.lookup(text, "")) != len(read.rows):
            _refuse_other_tokenizer(self._cache.directory)


def _write_parts(lines: Iterable[str], scratch: Path, shard_texts: int) -> Parts:
    """Write the lines to files, the longest texts first.

    The order is the same in every run, so that one that goes on makes the shards that are still missing.
    """
    files: list[Path] = []
    rows = num_texts = 0
    ordered = sort_lines(lines, scratch, "-k1,1nr", "-k2,2")
    while part := list(islice(ordered, shard_texts)):
        files.append(scratch / f"part.{len(files) + 1}")
        write_text(files[-1], "".join(f"{line}\n" for line in part))
        num_texts += len(part)
        rows += sum(int(line.split("\t", 3)[2]) for line in part)
    return Parts(files, num_texts, rows)


def _read_part(part: Path) -> tuple[dict[str, str], dict[str, TeacherText]]:
    """Read keys and tokens of its texts, in its order."""
    keys, texts = {}, {}
    for line in part.read_text(encoding="utf-8").splitlines():
        _, key, _, content = line.split("\t", 3)
        text, ids, rows = json.loads(content)
        keys[text] = key
        texts[text] = TeacherText(np.array(ids, dtype=np.int64), np.array(rows, dtype=np.int64))
    return keys, texts


def _sorted_entries(shards: Sequence[Path], scratch: Path) -> Iterator[str]:
    """Give the lines of shards in the order of their keys; of a text that two of them hold, one."""
    lines = (line.rstrip("\n") for shard in shards for line in shard.open(encoding="utf-8"))
    return sort_lines(lines, scratch, "-s", "-u", "-k1,1", separator=" ")


def _cached_keys(directory: Path, scratch: Path) -> ScpIndex | None:
    shards, scp = whole_shards(directory), scratch / "cached.scp"
    if not shards:
        return None
    return ScpIndex(scp) if _write_lines(scp, _sorted_entries(shards, scratch)) else None


def _merge(directory: Path, meta: CacheMeta) -> CacheMeta:
    """Write what all shards hold to ``teacher.scp``, again if another process has added one meanwhile.

    Whoever writes it last looks for shards after that, so none is left out.
    """
    merged: list[Path] | None = None
    while merged != (shards := whole_shards(directory)):
        with temporary_directory(directory) as scratch, write_aside(directory / "teacher.scp") as aside:
            count = _write_lines(aside, _sorted_entries(shards, scratch))
            meta = replace(meta, num_texts=count, num_shards=len(shards))
            write_text(directory / "meta.json", _as_json(meta))
        merged = shards
    for scp in directory.glob("teacher.*.scp"):
        if not scp.with_suffix(".ark").is_file():
            scp.unlink()  # the archive was lost, and its texts have been embedded again
    return meta


def _write_lines(path: Path, lines: Iterable[str]) -> int:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        return sum(1 for line in lines if stream.write(f"{line}\n"))


def _as_json(meta: CacheMeta) -> str:
    return json.dumps(asdict(meta), indent=2, ensure_ascii=False) + "\n"
