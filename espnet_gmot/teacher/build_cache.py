"""Filling a teacher cache: each distinct transcript once, whole archives, nothing embedded twice."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import kaldiio
import numpy as np
from tqdm import tqdm

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_free_space, write_aside, write_text
from espnet_gmot.teacher.cache import (
    BATCH_SIZE,
    DTYPE,
    DTYPES,
    CacheMeta,
    TeacherCache,
    read_meta,
    read_scp,
    text_key,
)
from espnet_gmot.teacher.embed import embed, tokenize
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import tokenizer_number

LENGTHS_COMPARED = 1000  # texts of an earlier version's cache
ENTRY_OVERHEAD = 300  # bytes of an entry beside its numbers: key, NumPy header, two scp lines


def build_cache(
    transcripts: Iterable[tuple[str, str]],
    teacher: FrozenTeacher,
    tokenizer: Any,
    out_dir: str | Path,
    dtype: str = DTYPE,
    batch_size: int = BATCH_SIZE,
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
        InputError: an unusable transcript, too little disk, or a cache of another teacher or tokenizer in
            ``out_dir``.
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
        tokenizer=tokenizer_number(tokenizer),
    )
    meta = _continued(directory, meta)
    ids = tokenize(tokenizer, transcripts)
    if meta.tokenizer is None:
        _refuse_other_lengths(directory, ids)
    cached = {key for scp in _whole_shards(directory) for key, _ in read_scp(scp)}
    missing = {text: n for text, n in ids.items() if text_key(text) not in cached}
    entry_bytes = teacher.hidden_size * np.dtype(dtype).itemsize
    require_free_space(directory, sum(len(n) * entry_bytes + ENTRY_OVERHEAD for n in missing.values()))

    directory.mkdir(parents=True, exist_ok=True)
    if not cached:
        _write_meta(directory, meta)
    shard = max(map(_shard_number, directory.glob("teacher.*.scp")), default=0) + 1
    texts = iter(missing.items())
    with tqdm(total=len(missing), desc="teacher cache", unit="text", disable=not missing) as bar:
        for number in range(shard, shard - (-len(missing) // shard_texts)):
            # batches do not reach over shards, so that a run that goes on gives the same bytes
            entries = embed(teacher, dict(islice(texts, shard_texts)), batch_size)
            _write_shard(directory, number, entries, dtype, bar)
    return _write_whole(directory, meta)


def _continued(directory: Path, meta: CacheMeta) -> CacheMeta:
    """Refuse a cache of another teacher; one of an earlier version stays without its tokenizer's number."""
    if not (directory / "meta.json").exists():
        return meta
    there = read_meta(directory / "meta.json")
    if there.tokenizer is None:
        meta = replace(meta, tokenizer=None)
    if replace(there, teacher=meta.teacher, num_texts=0, tokenizer=meta.tokenizer) != meta:
        raise InputError(
            f"{directory} holds embeddings of teacher {there.identity}, {there.dtype}, "
            f"not of {meta.identity}, {meta.dtype}, as it is now; "
            "choose another directory or remove this one"
        )
    if there.tokenizer != meta.tokenizer:
        _refuse_other_tokenizer(directory)
    return meta


def _refuse_other_lengths(directory: Path, ids: dict[str, np.ndarray]) -> None:
    """Compare the first texts' numbers of tokens with those in a cache that does not name its tokenizer."""
    try:
        cache = TeacherCache(directory)
    except InputError:  # begun and not whole: it is being completed
        return
    for text in islice(filter(cache.__contains__, ids), LENGTHS_COMPARED):
        if len(cache.lookup(text, "")) != len(ids[text]):
            _refuse_other_tokenizer(directory)


def _refuse_other_tokenizer(directory: Path) -> NoReturn:
    raise InputError(
        f"{directory} holds embeddings of texts that the teacher's tokenizer split otherwise than now; "
        "put that tokenizer back, choose another directory or remove this one"
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
    write_text(ark.with_suffix(".scp"), "".join(scp_lines))


def _write_whole(directory: Path, meta: CacheMeta) -> CacheMeta:
    shards = _whole_shards(directory)
    lines = sorted(line for scp in shards for line in scp.read_text(encoding="utf-8").splitlines())
    meta = replace(meta, num_texts=len(lines))
    _write_meta(directory, meta)
    write_text(directory / "teacher.scp", "".join(f"{line}\n" for line in lines))
    return meta


def _whole_shards(directory: Path) -> list[Path]:
    """List the scp files whose archives are there."""
    return [scp for scp in directory.glob("teacher.*.scp") if scp.with_suffix(".ark").is_file()]


def _shard_number(scp: Path) -> int:
    return int(scp.name.split(".")[1])


def _write_meta(directory: Path, meta: CacheMeta) -> None:
    write_text(directory / "meta.json", json.dumps(asdict(meta), indent=2, ensure_ascii=False) + "\n")
