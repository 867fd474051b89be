"""ESPnet's audio format flac.ark: many utterances in one Kaldi archive, each a FLAC file inside it."""

from collections.abc import Iterable
from pathlib import Path

import kaldiio
import numpy as np

from espnet_gmot.data.kaldi_data import write_table
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.data.sound import is_silent
from espnet_gmot.data.sound_source import archive_of, wrapped_length
from espnet_gmot.driver.freshness import is_fresh
from espnet_gmot.driver.placed import Placed
from espnet_gmot.files import write_aside


def write_ark(ark: Path, sounds: Iterable[tuple[str, np.ndarray, int]]) -> list[Placed]:
    """Write ``(utterance, int16 samples (n,), rate)`` of ``sounds`` to ``ark``, whole or not at all.

    Returns:
        For each utterance its ``ARK:OFFSET``, its length and whether it is silent.

    Example:
        >>> import tempfile
        >>> ark = Path(tempfile.mkdtemp()) / "data_wav.ark"
        >>> [placed] = write_ark(ark, [("utt1", np.zeros(800, dtype=np.int16), 8000)])
        >>> kaldiio.load_mat(placed.entry)[1].shape
        (800,)
    """
    placed = []
    with write_aside(ark) as aside, aside.open("wb") as stream:
        for utterance, samples, rate in sounds:
            offset = stream.tell() + len(f"{utterance} ".encode())
            kaldiio.save_ark(
                stream,
                {utterance: (samples, rate)},
                write_function="soundfile",
                write_kwargs={"format": "flac", "subtype": "PCM_16"},
            )
            placed.append(Placed(utterance, f"{ark}:{offset}", len(samples), silent=is_silent(samples)))
    return placed


def is_flac_in_ark(source: str) -> bool:
    """Tell whether entry ``source`` of wav.scp is an utterance as :func:`write_ark` writes it."""
    archive = archive_of(source)
    if archive is None or not Path(archive[0]).is_file():
        return False
    with open(archive[0], "rb") as stream:
        stream.seek(archive[1])
        return wrapped_length(stream.read(4), stream) is not None and stream.read(4) == b"fLaC"


def record_placed(folder: Path, placed: list[Placed]) -> None:
    """Write utt2num_samples and, last, wav.scp into ``folder``, as ESPnet does for each job."""
    write_table(folder / "utt2num_samples", {each.utterance: str(each.length) for each in placed})
    write_table(folder / "wav.scp", {each.utterance: each.entry for each in placed})


def recall_placed(folder: Path, since: float, sources: Iterable[str | None]) -> list[Placed] | None:
    """Return what an earlier run recorded in ``folder`` after ``since`` and its source files, if it did."""
    table = folder / "wav.scp"
    if not is_fresh(table, since, sources):
        return None
    wav_scp, lengths = read_table(table), read_table(folder / "utt2num_samples")
    if not all(Path(ark).is_file() for ark in {entry.rpartition(":")[0] for entry in wav_scp.values()}):
        return None
    return [Placed(utterance, entry, int(lengths[utterance])) for utterance, entry in wav_scp.items()]
