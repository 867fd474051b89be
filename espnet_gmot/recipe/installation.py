"""Whether an installation works, and the command that cures what does not."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from espnet_gmot.recipe.installed_parts import MISSING

CHECKOUT = Path(__file__).parents[2]
PIP = f"{sys.executable} -m pip install"
PARTS = ("python", "packages", "torch", "cuda", "numba", "transformers", "soundfile", "pot", "espnet")
QUICK_PARTS = ("python", "packages", "torch")  # what a recipe asks before it makes any data
SIDE_BY_SIDE = 4
PATIENCE_SECONDS = 300.0


class CheckedPart(NamedTuple):
    """A part of the installation: what was found, or its fault and the command that cures it."""

    name: str
    found: str
    fault: str = ""
    cure: str = ""


def check_parts(names: Sequence[str]) -> list[CheckedPart]:
    """Try the parts, a few at a time, each in a process of its own.

    Args:
        names: Functions of `espnet_gmot.recipe.installed_parts`.
    """
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(_check, names))


def _check(name: str) -> CheckedPart:
    command = [sys.executable, "-m", "espnet_gmot.recipe.installed_parts", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        return CheckedPart(name, "", f"nothing came of it in {PATIENCE_SECONDS:.0f} s", _cure(name, ""))
    if done.returncode == 0:
        return CheckedPart(name, done.stdout.strip().splitlines()[-1])
    if done.returncode < 0:
        fault = f"loading it ended the process by {signal.Signals(-done.returncode).name}"
    else:
        fault = done.stderr.strip().splitlines()[-1]
    return CheckedPart(name, "", fault, _cure(name, fault))


def _cure(name: str, fault: str) -> str:
    """The command that mends a part and leaves the others alone."""
    if name == "packages":
        missing = fault.removeprefix(MISSING)
        return f"{PIP} {missing if missing != fault else f'--editable {CHECKOUT}'}"
    if name == "torch":
        return f"{PIP} {_torch_cure()}"
    if name == "cuda":
        return (
            f"{PIP} triton" if "triton" in fault else f"a newer driver, or {PIP} torch as old as the driver"
        )
    return f"{PIP} --upgrade {'POT' if name == 'pot' else name}"


def _torch_cure() -> str:
    try:
        torch = Version(metadata.version("torch"))
    except metadata.PackageNotFoundError:
        return "torch torchaudio"
    return f'--no-deps "{torchaudio_for(torch)}"'


def torchaudio_for(torch: Version) -> str:
    """The torchaudio that loads beside a torch: that of the same number until 2.11, and 2.11.0 from then on.

    2.11.1, which pip takes on its own, loads beside torch 2.13 and later alone.

    Example:
        >>> torchaudio_for(Version("2.7.1+cu126")), torchaudio_for(Version("2.12.1"))
        ('torchaudio==2.7.1', 'torchaudio==2.11.0')
    """
    return f"torchaudio=={min(Version(torch.base_version), Version('2.11.0'))}"
