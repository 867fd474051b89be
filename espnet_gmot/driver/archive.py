"""Unpack archives of a corpus, as stage 1 of the recipes does: whole, and nothing outside the folder."""

import gzip
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from espnet_gmot.errors import InputError
from espnet_gmot.files import LONGEST_NAME, require_free_space

BLOCK = 1 << 20  # bytes read at a time


def find_unpacked(folder: Path, name: str, look_at: str, variable: str) -> Path | None:
    """Return ``folder`` or ``folder/NAME``, whichever is the unpacked corpus; None if neither is there.

    Args:
        folder: what the user named.
        name: the folder in the corpus's archive.
        look_at: a file that the corpus has.
        variable: of db.sh, which names the folder.

    Raises:
        InputError: ``folder/NAME`` is there without that file.
    """
    inside = folder / name
    for corpus in (folder, inside):
        if (corpus / look_at).exists():
            return corpus
    if inside.exists():
        raise InputError(f"{inside} has no {look_at}; remove it and run again, or correct {variable}")
    return None


def unpack_folder(archive: Path, folder: Path, corpus: str, cure: str, growth: float = 1.0) -> Path:
    """Unpack ``NAME.tgz`` or ``NAME.tar.gz``, which holds a folder NAME; return ``folder/NAME``.

    Args:
        archive: the file.
        folder: where to unpack.
        corpus: whose archive it is, for messages.
        cure: what to do if the archive is damaged.
        growth: size unpacked over size packed.

    Raises:
        InputError: the archive is damaged or unsafe, too little disk space, or no right to write.
    """
    name = archive.name.removesuffix(".tgz").removesuffix(".tar.gz")
    require_writable_copy(folder)
    require_free_space(folder, int(growth * archive.stat().st_size))
    with gathering_folder(folder / f".{name}.partial") as gathering:
        extract(archive, gathering, folder, cure, show=True)
        if not (gathering / name).is_dir():
            raise InputError(f"{archive} holds no folder {name}; it is not the archive of {corpus}")
        (gathering / name).replace(folder / name)
    return folder / name


def require_writable(folder: Path, cure: str) -> None:
    """Raise an InputError with ``cure`` if ``folder``, or where it is to be made, cannot be written."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InputError(f"{existing} is no folder that can be written; {cure}")


def require_writable_copy(folder: Path) -> None:
    """Raise an InputError if archives cannot be unpacked in ``folder``, where they lie."""
    require_writable(folder, "link the archives into a folder of your own and let db.sh name that folder")


@contextmanager
def gathering_folder(path: Path) -> Iterator[Path]:
    """A folder for files of an archive not yet read to its end; what a killed run left there goes first."""
    shutil.rmtree(path, ignore_errors=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def extract(
    archive: Path, gathering: Path, place: Path, cure: str, prefix: str = "", show: bool = False
) -> list[Path]:
    """Write the archive's files below ``gathering``, but those that ``place`` has in the right size.

    The archive is read up to its checksum: files of an archive that is damaged must not reach their place.

    Args:
        archive: a gzipped tar archive.
        gathering: made if there is anything to write.
        place: where the files will go.
        cure: what to do if the archive is damaged.
        prefix: a folder that members may have in front, and their places not.
        show: a progress bar.

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
                path = _safe_path(archive, member, prefix)
                if member.isdir() or _has_size(place / path, member.size):
                    continue
                require_writable_copy(gathering)
                _copy(tar, member, gathering / path)
                written.append(path)
            while stream.read(BLOCK):
                pass
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{archive} is cut off or damaged ({error}); {cure}") from error
    return written


def _safe_path(archive: Path, member: tarfile.TarInfo, prefix: str) -> Path:
    """The member's path relative to its folder, without the folder ``prefix`` before it."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise InputError(f"{archive}: member {member.name} leads out of the folder; do not use this archive")
    path = Path(*name.parts[1 if name.parts[:1] == (prefix,) else 0 :])
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
