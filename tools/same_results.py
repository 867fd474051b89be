"""Whether two runs of a recipe came to the same results, file by file, and whether any file is half."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
import soundfile
import torch
import yaml
from matplotlib.image import imread
from safetensors.torch import load as load_safetensors

from espnet_gmot.driver.audio_key import TIMES
from espnet_gmot.driver.ctc_check import TABLE
from espnet_gmot.driver.freshness import BEGUN
from espnet_gmot.files import ASIDE

MADE = ("data", "dump", "exp")  # what runs make in a recipe's directory
# Seconds, and memory, in records that hold results too
MEASURED = re.compile(r"seconds(_train)?|rtf|command|.*\btime|.*_time|gpu_max_cached_mem_GB")
DIGEST = re.compile(r"[0-9a-f]{16}")  # of an input, or of the second in which a large one was written
# What ESPnet writes in place: a kill may cut it off, and the record of a directory says until when
IN_PLACE = ("exp/*_stats_*", "exp/*.pth", "exp/*/config.yaml", "exp/*/images/*.png")


@dataclass(frozen=True)
class Kind:
    """Files that two runs may write with other bytes.

    Args:
        pattern: of their paths, where * stands for slashes too.
        read: what must be equal all the same; None where nothing need be, not even the files' names.
        why: what differs.
    """

    pattern: str
    read: Callable[[bytes], Any] | None
    why: str


def _text(content: bytes) -> str:
    text = content.decode("utf-8")
    if text and not text.endswith("\n"):
        raise ValueError("its last line is cut off")
    return text


def _record(content: bytes) -> Any:
    return _results(json.loads(content))


def _results(value: Any) -> Any:
    """Leave out what was measured."""
    if isinstance(value, dict):
        return {name: _results(value[name]) for name in value if not MEASURED.fullmatch(str(name))}
    return [_results(each) for each in value] if isinstance(value, list | tuple) else value


def _inputs(content: bytes) -> Any:
    """The record of a directory: which inputs it names, and those that stand in it as they are."""
    return {name: DIGEST.sub("", str(value)) for name, value in json.loads(content).items()}


def _journal(content: bytes) -> Any:
    _, *lines = (json.loads(line) for line in _text(content).splitlines())
    return {key: path[:5] for key, *path in lines}


def _checkpoint(content: bytes) -> Any:
    return _results(torch.load(io.BytesIO(content), map_location="cpu", weights_only=False))


def _without_lines(pattern: str) -> Callable[[bytes], str]:
    return lambda content: re.sub(f"^{pattern}\n", "", _text(content), flags=re.MULTILINE)


def _without_last_columns(content: bytes) -> str:
    return re.sub(r"( *[^|\n]*\|){2}$", "", _text(content), flags=re.MULTILINE)


def _picture_size(content: bytes) -> Any:
    return imread(io.BytesIO(content)).shape


MAY_BE_EMPTY = (TABLE,)  # utterances that CTC cannot align
MAY_DIFFER = (
    Kind("*.log", None, "logs: times, process numbers, and as many as there were starts"),
    Kind("exp/*/tensorboard/*", None, "ESPnet's events: times, and as many files as there were starts"),
    Kind("exp/*/images/*_time.png", _picture_size, "ESPnet's plots of seconds"),
    Kind(f"*/{TIMES}", lambda content: list(json.loads(content)), "the times of the recordings"),
    Kind("*/.done", _inputs, "a large file is known by the second in which it was written"),
    Kind("exp/*/checkpoint.pth.damaged", None, "what a kill left of ESPnet's checkpoint, under that name"),
    Kind("*/checkpoint.pth", _checkpoint, "ESPnet's reporter keeps the seconds of each epoch"),
    Kind(
        "exp/*.pth", _checkpoint, "a model that is written again from the checkpoint names itself otherwise"
    ),
    Kind("exp/*/decoding.json", _record, "seconds that decoding took"),
    Kind("exp/*/best_paths.jsonl", _journal, "the same, of each utterance, in the order of decoding"),
    Kind("exp/comparison.json", _record, "seconds of training, real-time factor"),
    Kind("exp/comparison.md", _without_last_columns, "the same"),
    Kind("exp/RESULTS.md", _without_lines("- date: .*"), "its date"),
)


def _arrays(content: bytes) -> Any:
    with np.load(io.BytesIO(content)) as arrays:
        return dict(arrays)


def _wav(content: bytes) -> Any:
    if int.from_bytes(content[4:8], "little") + 8 != len(content):  # which soundfile passes over
        raise ValueError("it has not the length that its header says")
    return soundfile.read(io.BytesIO(content))


def _journal_lines(content: bytes) -> list[Any]:
    """A journal may end in a line that a kill cut off: who reads it knows."""
    return [json.loads(line) for line in content.splitlines(keepends=True) if line.endswith(b"\n")]


WHOLE: dict[str, Callable[[bytes], Any]] = {  # by suffix; all else is text
    ".ark": lambda content: list(kaldiio.load_ark(io.BytesIO(content))),
    ".done": json.loads,
    ".begun": json.loads,
    ".json": json.loads,
    ".jsonl": _journal_lines,
    ".yaml": yaml.safe_load,
    ".npz": _arrays,
    ".wav": _wav,
    ".png": lambda content: imread(io.BytesIO(content)),
    ".pth": _checkpoint,
    ".previous": _checkpoint,
    ".pt": _checkpoint,
    ".safetensors": load_safetensors,
}


def half_files(directory: Path) -> list[str]:
    """Tell of files that cannot be read to their end, in a recipe's directory after a kill.

    What stands under a name of its own (``.aside.*``) is no result yet, nor is what ESPnet writes in place
    while the record of the directory says that it is being made.
    """
    return [
        fault
        for name, path in _files(directory).items()
        if not (_is_no_result(name) or ASIDE in name or _is_being_made(directory, name))
        for fault in _fault(name, path)
    ]


def differences(expected: Path, found: Path) -> list[str]:
    """Tell how the results in two recipes' directories differ, and which files of the second are half."""
    ours, theirs = (
        {name: path for name, path in _files(top).items() if not _is_no_result(name)}
        for top in (found, expected)
    )
    faults = [f"{name} is missing" for name in sorted(theirs.keys() - ours.keys())]
    faults += [f"{name} is left over" for name in sorted(ours.keys() - theirs.keys())]
    for name in sorted(ours.keys() & theirs.keys()):
        faults += _fault(name, ours[name]) or _difference(name, theirs[name], ours[name])
    return faults


def _files(directory: Path) -> dict[str, Path]:
    """Files and links by their names from ``directory``."""
    found = (path for folder in MADE for path in (directory / folder).rglob("*"))
    return {str(path.relative_to(directory)): path for path in found if path.is_symlink() or path.is_file()}


def _kind(name: str) -> Kind | None:
    return next((kind for kind in MAY_DIFFER if fnmatch(name, kind.pattern)), None)


def _is_no_result(name: str) -> bool:
    kind = _kind(name)
    return kind is not None and kind.read is None


def _is_being_made(directory: Path, name: str) -> bool:
    """Whether it is one of the files that ESPnet writes in place, in a directory that is being made."""
    return any(fnmatch(name, pattern) for pattern in IN_PLACE) and any(
        (directory / parent / BEGUN).exists() for parent in Path(name).parents
    )


def _fault(name: str, path: Path) -> list[str]:
    try:
        if path.stat().st_size == 0 and path.name not in MAY_BE_EMPTY:
            return [f"{name} is empty"]
        WHOLE.get(path.suffix or path.name, _text)(path.read_bytes())
    except Exception as error:  # each library has its own
        return [f"{name} is half ({type(error).__name__}: {error})"]
    return []


def _difference(name: str, expected: Path, found: Path) -> list[str]:
    if expected.is_symlink() or found.is_symlink():
        links = [path.is_symlink() and path.readlink() for path in (expected, found)]
        return [] if links[0] == links[1] else [f"{name} leads to {links[1]}, not to {links[0]}"]
    contents = [path.read_bytes() for path in (expected, found)]
    kind = _kind(name)
    if contents[0] == contents[1] or (
        kind is not None and kind.read is not None and _equal(*map(kind.read, contents))
    ):
        return []
    return [f"{name} differs" + (f" in more than this: {kind.why}" if kind else "")]


def _equal(one: Any, other: Any) -> bool:
    """Equality to the last bit, of tensors, arrays and what holds them."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and _equal(one.numpy(), other.numpy())
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return bool(one == other) or bool(one != one and other != other)  # NaN
