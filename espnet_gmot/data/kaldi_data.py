"""Kaldi data directories: tables of ``id value`` lines, written whole and checked before use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from espnet_gmot.data.kaldi_text import (
    MAKE_AGAIN,
    first_names,
    has_marks,
    plain_spaces,
    read_table,
    removing_marks,
    with_plain_spaces,
)
from espnet_gmot.errors import InputError, collect_faults, refuse
from espnet_gmot.files import write_text


@dataclass(frozen=True)
class DataDir:
    """The tables of one data directory, each keyed by utterance id.

    Args:
        path: the directory.
        wav_scp: utterance (or recording, where ``segments`` exists) to audio path or command.
        text: utterance to transcript, with plain spaces (:func:`espnet_gmot.data.kaldi_text.plain_spaces`).
        utt2spk: utterance to speaker.
        segments: utterance to ``recording start end`` (seconds); None without a ``segments`` file.
    """

    path: Path
    wav_scp: dict[str, str]
    text: dict[str, str]
    utt2spk: dict[str, str]
    segments: dict[str, str] | None = None


def write_table(path: str | Path, mapping: Mapping[str, str]) -> None:
    """Write ``id value`` lines sorted by id in C order (that of UTF-8 bytes), whole or not at all.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "text"
        >>> write_table(path, {"utt2": "ni hao", "utt1": "zai jian"})
        >>> read_table(path)
        {'utt1': 'zai jian', 'utt2': 'ni hao'}
    """
    lines = [f"{key} {mapping[key]}".rstrip() + "\n" for key in c_sorted(mapping)]
    write_text(path, "".join(lines))


def c_sorted(ids: Iterable[str]) -> list[str]:
    """Sort as ``LC_ALL=C sort`` does."""
    return sorted(ids, key=str.encode)


def invert_utt2spk(utt2spk: Mapping[str, str]) -> dict[str, str]:
    """Turn utterance → speaker into speaker → sorted utterances separated by spaces."""
    spk2utt: dict[str, list[str]] = {}
    for utterance in c_sorted(utt2spk):
        spk2utt.setdefault(utt2spk[utterance], []).append(utterance)
    return {speaker: " ".join(utterances) for speaker, utterances in spk2utt.items()}


def write_data_dir(
    directory: str | Path, wav_scp: Mapping[str, str], text: Mapping[str, str], utt2spk: Mapping[str, str]
) -> None:
    """Write wav.scp, text, utt2spk and spk2utt into ``directory``, wav.scp last."""
    directory = Path(directory)
    write_table(directory / "text", text)
    write_table(directory / "utt2spk", utt2spk)
    write_table(directory / "spk2utt", invert_utt2spk(utt2spk))
    write_table(directory / "wav.scp", wav_scp)


def read_data_dir(directory: str | Path) -> DataDir:
    """Read the tables of a data directory; what is refused, of all of them, is told in :func:`read_table`."""
    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(f"data directory {directory} does not exist; {MAKE_AGAIN} or correct the path")
    names = ["wav.scp", "text", "utt2spk"]
    names += ["segments"] if (directory / "segments").exists() else []
    tables = dict(collect_faults(lambda name: (name, read_table(directory / name)), names))
    return DataDir(
        directory,
        tables["wav.scp"],
        with_plain_spaces(directory / "text", tables["text"]),
        tables["utt2spk"],
        tables.get("segments"),
    )


def check_data_dir(directory: str | Path) -> DataDir:
    """Check that a data directory is complete, sorted and consistent; return its tables.

    Raises:
        InputError: names all faults, with the ids concerned and the cures.
    """
    data = read_data_dir(directory)
    utterances = data.wav_scp if data.segments is None else data.segments
    audio = data.path / ("wav.scp" if data.segments is None else "segments")
    if not utterances:
        raise InputError(f"{audio} holds no utterance; {MAKE_AGAIN}")
    tables = {"text": data.text, "utt2spk": data.utt2spk, audio.name: utterances}
    faults = [_unsorted(data.path / name, table) for name, table in tables.items()]
    faults += [_other_ids(audio, utterances, data.path / name, tables[name]) for name in ("text", "utt2spk")]
    spk2utt = {speaker: plain_spaces(ids) for speaker, ids in read_table(data.path / "spk2utt").items()}
    if spk2utt != invert_utt2spk(data.utt2spk):
        faults.append(f"{data.path / 'spk2utt'} does not agree with utt2spk; remove it and {MAKE_AGAIN}")
    refuse([fault for fault in faults if fault])
    return data


def _unsorted(path: Path, table: Mapping[str, str]) -> str | None:
    for key, expected in zip(table, c_sorted(table), strict=True):
        if key != expected:
            first = (
                f"take its byte-order marks out ({removing_marks(path)}) and then " if has_marks(path) else ""
            )
            return f"{path} is not sorted at id {key}; {first}sort it with LC_ALL=C sort"
    return None


def _other_ids(
    first_path: Path, first: Mapping[str, str], second_path: Path, second: Mapping[str, str]
) -> str | None:
    if first.keys() == second.keys():
        return None
    only_first = c_sorted(first.keys() - second.keys())
    only_second = c_sorted(second.keys() - first.keys())
    return (
        f"{first_path} has {len(first)} ids and {second_path} has {len(second)}: "
        f"only in the first: {_few(only_first)}; only in the second: {_few(only_second)}; "
        "remove these ids or complete the other file"
    )


def _few(ids: list[str]) -> str:
    return f"{len(ids)} ({first_names(ids)})" if ids else "none"
