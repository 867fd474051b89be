"""Unpack AISHELL-1's archives: data_aishell.tgz, and in it one archive a speaker."""

from functools import partial
from pathlib import Path

from espnet_gmot.driver.archive import extract, gathering_folder, unpack_folder
from espnet_gmot.driver.freshness import is_fresh
from espnet_gmot.driver.parallel import Processes, parallel_map
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_free_space

GROWTH = 1.4  # the speaker archives hold 20.5 GB of audio (178 h) in 15.6 GB


def unpack_outer(archive: Path, folder: Path) -> Path:
    """Unpack ``data_aishell.tgz`` to ``folder/data_aishell`` and return that path; likewise the resources.

    Raises:
        InputError: the archive is damaged or unsafe, too little disk space, or no right to write.
    """
    cure = f"copy it again, or rename it to {archive.name}.partial and run again: the download then goes on"
    return unpack_folder(archive, folder, "AISHELL-1", cure)


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
    return sum(parallel_map(unpack, archives, Processes(nj), "unpack", unit="speaker", chunk=1, among=among))


def _unpack_speaker(archive: Path, wav: Path) -> int:
    cure = "unpack it from data_aishell.tgz again and run again"
    with gathering_folder(wav / f".{archive.name}.partial") as gathering:
        files = extract(archive, gathering, wav, cure, prefix="wav")
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
