"""Unpack AISHELL-1's archives: data_aishell.tgz, and in it one archive a speaker."""

import gzip
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from espnet_gmot.driver.freshness import is_fresh
from espnet_gmot.driver.parallel import parallel_map
from espnet_gmot.errors import InputError
from espnet_gmot.files import LONGEST_NAME, require_free_space

GROWTH = 1.4  # the speaker archives hold 20.5 GB of audio (178 h) in 15.6 GB
BLOCK = 1 << 20  # bytes read at a time


def unpack_outer(archive: Path, folder: Path) -> Path:
    """Unpack ``data_aishell.tgz`` to ``folder/data_aishell`` and return that path; likewise the resources.

    Raises:
        InputError: the archive is damaged or unsafe, too little disk space, or no right to write.
    """
    name = archive.name.removesuffix(".tgz")
    cure = f"copy it again, or rename it to {archive.name}.partial and run again: the download then goes on"
    _require_writable_copy(folder)
    require_free_space(folder, archive.stat().st_size)
    with _gathering_folder(folder / f".{name}.partial") as gathering:
        _extract(archive, gathering, folder, cure, show=True)
        if not (gathering / name).is_dir():
            raise InputError(f"{archive} holds no folder {name}; it is not the archive of AISHELL-1")
        (gathering / name).replace(folder / name)
    return folder / name


def unpack_speakers(wav: Path, nj: int) -> int:
    """Unpack the speaker archives ``wav/S????.tar.gz``; files there in the right size are kept.

    A hidden marker beside an archive tells the next run that it is done. The archives stay.

    Returns:
        The number of files written.

    Raises:
        InputError: an archive is damaged or unsafe, too little disk space, or no right to write.
    """
    archives = [path for path in sorted(wav.glob("S*.tar.gz")) if not is_fresh(_marker(path), 0.0, [path])]
    if not archives:
        return 0
    size = sum(path.stat().st_size for path in archives)
    unpacked = sum(path.stat().st_size for path in wav.glob("*/*/*.wav"))
    require_free_space(wav, max(0, int(GROWTH * size) - unpacked))
    unpack, among = partial(_unpack_speaker, wav=wav), f"{len(archives)} archives"
    return sum(parallel_map(unpack, archives, nj, "unpack", unit="speaker", chunk=1, among=among))


def require_writable(folder: Path, cure: str) -> None:
    """Raise an InputError with ``cure`` if ``folder``, or where it is to be made, cannot be written."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InputError(f"{existing} is no folder that can be written; {cure}")


def _require_writable_copy(folder: Path) -> None:
    require_writable(folder, "link the archives into a folder of your own and let AISHELL name that folder")


def _unpack_speaker(archive: Path, wav: Path) -> int:
    cure = "unpack it from data_aishell.tgz again and run again"
    with _gathering_folder(wav / f".{archive.name}.partial") as gathering:
        files = _extract(archive, gathering, wav, cure)
        for file in files:
            if len(file.parts) == 1:
                raise InputError(f"{archive}: member {file} lies in no folder; do not use this archive")
        for file in files:
            (wav / file).parent.mkdir(parents=True, exist_ok=True)
            (gathering / file).replace(wav / file)
    if files:
        _marker(archive).touch()
    return len(files)


def _marker(archive: Path) -> Path:
    return archive.with_name(f".{archive.name}.unpacked")


@contextmanager
def _gathering_folder(path: Path) -> Iterator[Path]:
    """A folder for files of an archive not yet read to its end; what a killed run left there goes first."""
    shutil.rmtree(path, ignore_errors=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _extract(archive: Path, gathering: Path, place: Path, cure: str, show: bool = False) -> list[Path]:
    """Write the archive's files below ``gathering``, but those that ``place`` has in the right size.

    The archive is read up to its checksum: files of an archive that is damaged must not reach their place.

    Returns:
        The paths written, relative to ``gathering``.

    Raises:
        InputError: the archive is cut off, damaged or no archive; a member is a link or a device, or
            its name leads out of the folder.
    """
    written, size = [], archive.stat().st_size
    bar = {"total": size, "desc": f"unpack {archive.name}", "disable": not show, "mininterval": 0.5}
    try:
        with (
            archive.open("rb") as raw,
            tqdm.wrapattr(raw, "read", **bar) as compressed,
            gzip.GzipFile(fileobj=compressed) as stream,
            tarfile.open(fileobj=stream, mode="r|") as tar,
        ):
            for member in tar:
                path = _safe_path(archive, member)
                if member.isdir() or _has_size(place / path, member.size):
                    continue
                _require_writable_copy(gathering)
                _copy(tar, member, gathering / path)
                written.append(path)
            while stream.read(BLOCK):
                pass
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{archive} is cut off or damaged ({error}); {cure}") from error
    return written


def _safe_path(archive: Path, member: tarfile.TarInfo) -> Path:
    """The member's path relative to its folder; a speaker archive may write ``wav/`` before it."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise InputError(f"{archive}: member {member.name} leads out of the folder; do not use this archive")
    path = Path(*name.parts[1 if name.parts[:1] == ("wav",) else 0 :])
    if not (member.isreg() and path.name or member.isdir()):
        raise InputError(f"{archive}: member {member.name} is no plain file; do not use this archive")
    if any(len(part.encode(errors="surrogateescape")) > LONGEST_NAME for part in path.parts):
        raise InputError(f"{archive}: member {member.name} has too long a name; do not use this archive")
    return path


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        content = tar.extractfile(member)
        shutil.copyfileobj(content, file, BLOCK)  # type: ignore[arg-type]  # a plain file has content
