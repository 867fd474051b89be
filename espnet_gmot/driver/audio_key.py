"""Short keys of the audio that a wav.scp names, by which a stage sees that recordings were replaced."""

import glob
import json
import logging
import os
import shlex
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from espnet_gmot.data.audio import Recording
from espnet_gmot.data.kaldi_text import first_names, read_table
from espnet_gmot.driver.freshness import NewInput, digest
from espnet_gmot.files import write_aside

END_BYTES = 4096  # read at the head and at the tail of each file
THREADS = 16  # files on a network are waited for side by side
FILES_A_TASK = 256
PATIENCE_SECONDS = 3.0  # a progress bar appears if it takes longer
SHELL_PUNCTUATION = "();<>|&"
TIMES = ".audio"  # beside a record: each entry's key, and since when it has been so

Ends = tuple[str, float]  # a file's key and its time; none where it cannot be read


def audio_key(wav_scp: str | Path) -> NewInput:
    """Give a key that changes with the audio of a data directory.

    It follows from id, base name, size, time (full seconds) and the first and last 4096 bytes of each file;
    an archive of many utterances counts as one file. So it stays when a recipe is moved or unpacked by tar.
    A change in the middle of a file that keeps size and time is not seen. Of a command (``sph2pipe FILE |``)
    the files among its words count; the command itself stands in wav.scp.

    Args:
        wav_scp: the table.

    Returns:
        The key, without a value if a file is missing: the stage that reads it says so.

    Raises:
        InputError: the table is not as it must be.
    """
    named: dict[str, str] = {}  # file -> the first utterance that needs it
    for utterance, entry in read_table(wav_scp).items():
        for file in _files(entry):
            named.setdefault(file, utterance)
    found = _read_all(wav_scp, list(named))
    if missing := [file for file in named if found[file] is None]:
        some = first_names(missing)
        logging.warning("%s: %d of %d files are missing: %s", wav_scp, len(missing), len(named), some)
        return NewInput(None)
    there = [(utterance, file, ends) for file, utterance in named.items() if (ends := found[file])]
    lines = [f"{utterance} {os.path.basename(file)} {key}\n" for utterance, file, (key, _) in there]
    return NewInput(digest("".join(lines).encode()), max((time for *_, (_, time) in there), default=0.0))


def audio_times(wav_scp: str | Path, directory: Path) -> dict[str, float]:
    """Tell for each entry of wav.scp since when its audio has been what it is now.

    What was made of it earlier is stale, whatever time the new recording bears. Each call writes down in
    ``directory`` what it finds, for the next one; the first has the times of the files alone.
    """
    entries = {entry: list(_files(entry)) for entry in read_table(wav_scp).values()}
    found = _read_all(wav_scp, list(dict.fromkeys(file for files in entries.values() for file in files)))
    ends = {entry: [found[file] or ("missing", 0.0) for file in files] for entry, files in entries.items()}
    keys = {entry: digest(" ".join(key for key, _ in each).encode()) for entry, each in ends.items()}
    table = directory / TIMES
    with write_aside(table) as aside:
        if table.is_file():
            now, former = aside.stat().st_mtime, json.loads(table.read_text(encoding="utf-8"))
            times = {entry: _since(former.get(entry), key, now) for entry, key in keys.items()}
        else:
            times = {entry: max((time for _, time in each), default=0.0) for entry, each in ends.items()}
        written = {entry: (key, times[entry]) for entry, key in keys.items()}
        aside.write_text(json.dumps(written, ensure_ascii=False) + "\n", encoding="utf-8")
    return times


def _since(former: tuple[str, float] | None, key: str, now: float) -> float:
    return former[1] if former and former[0] == key else now


def _files(entry: str) -> Iterator[str]:
    """The files that an entry of wav.scp needs."""
    file = Recording(entry, ()).file
    return iter([file]) if file is not None else _files_of_command(entry)


def _files_of_command(command: str) -> Iterator[str]:
    """Those among its words, after ``<`` and ``=`` too, and those that a pattern stands for."""
    words = shlex.shlex(command, posix=True, punctuation_chars=SHELL_PUNCTUATION)
    words.whitespace_split, words.commenters = True, ""
    try:
        found = list(words)
    except ValueError:  # a quote without its second
        found = command.split()
    for word in found:
        for name in (word, word.partition("=")[2]):
            yield from filter(
                os.path.isfile, [name, *sorted(glob.glob(name) if glob.has_magic(name) else ())]
            )


def _read_all(wav_scp: str | Path, files: Sequence[str]) -> dict[str, Ends | None]:
    found: list[Ends | None] = []
    bar = tqdm(total=len(files), desc=str(wav_scp), unit="file", delay=PATIENCE_SECONDS, leave=False)
    with ThreadPoolExecutor(THREADS) as pool, bar:
        parts = (files[start : start + FILES_A_TASK] for start in range(0, len(files), FILES_A_TASK))
        for part in pool.map(_read_some, parts):
            found += part
            bar.update(len(part))
    return dict(zip(files, found, strict=True))


def _read_some(files: Sequence[str]) -> list[Ends | None]:
    return [_read_ends(file) for file in files]


def _read_ends(file: str) -> Ends | None:
    try:
        with open(file, "rb", buffering=0) as stream:
            stat = os.fstat(stream.fileno())
            ends = stream.read(END_BYTES)
            if stat.st_size > END_BYTES:
                stream.seek(max(END_BYTES, stat.st_size - END_BYTES))
                ends += stream.read(END_BYTES)
    except OSError:
        return None
    return f"{stat.st_size} {int(stat.st_mtime)} {digest(ends)}", stat.st_mtime
