"""Whether an installation works, and the command that cures what does not."""

import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from espnet_gmot.recipe.installed_parts import MISSING, TOO_OLD_TORCH

CHECKOUT = Path(__file__).parents[2]
PIP = f"{sys.executable} -m pip install"
PARTS = ("python", "packages", "torch", "cuda", "numba", "transformers", "soundfile", "pot", "espnet")
QUICK_PARTS = ("python", "packages", "torch")  # what a recipe asks before it makes any data
NEED_TORCH = ("cuda", "transformers", "espnet")
SIDE_BY_SIDE = 4
PATIENCE_SECONDS = 300.0


class CheckedPart(NamedTuple):
    """A part of the installation: what was found, or its fault and what cures it."""

    name: str
    found: str
    fault: str = ""
    cure: str = ""


def check_parts(names: Sequence[str]) -> list[CheckedPart]:
    """Try the parts, a few at a time, each in a process of its own.

    Args:
        names: Functions of `espnet_gmot.recipe.installed_parts`.

    Returns:
        The parts in the same order; where torch is broken, those that need it wait for its cure.
    """
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        checked = list(pool.map(_check, names))
    if any(part.fault for part in checked if part.name == "torch"):
        waiting = "torch is broken", "mend torch first"
        return [
            CheckedPart(part.name, "", *waiting) if part.fault and part.name in NEED_TORCH else part
            for part in checked
        ]
    return checked


def _check(name: str) -> CheckedPart:
    command = [sys.executable, "-m", "espnet_gmot.recipe.installed_parts", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        return CheckedPart(name, "", f"nothing came of it in {PATIENCE_SECONDS:.0f} s", cure(name, ""))
    if done.returncode == 0:
        return CheckedPart(name, done.stdout.strip().splitlines()[-1])
    if done.returncode < 0:
        fault = f"loading it ended the process by {signal.Signals(-done.returncode).name}"
    else:
        fault = (done.stderr.strip() or f"it ended with status {done.returncode}").splitlines()[-1]
    return CheckedPart(name, "", fault, cure(name, fault))


def cure(name: str, fault: str) -> str:
    """Say what mends a part and leaves the others alone: a pip command, where one does.

    Args:
        name: The part.
        fault: What its function said.
    """
    if module := re.search(r"No module named '(\w+)", fault):
        return f"{PIP} {'POT' if module[1] == 'ot' else module[1]}"
    match name:
        case "packages":
            missing = fault.removeprefix(MISSING)
            return f"{PIP} {missing if missing != fault else f'--editable {CHECKOUT}'}"
        case "torch":
            return f"{PIP} --force-reinstall --no-deps {_torch_or_torchaudio(fault)}"
        case "cuda":
            return "a newer NVIDIA driver, or a torch that was built for this driver's CUDA"
        case "transformers" if TOO_OLD_TORCH in fault:
            return f'{PIP} "transformers<5"'
        case "espnet":
            return f'look at what this prints: {sys.executable} -c "import espnet2.tasks.asr"'
        case "numba":
            return f"{PIP} --upgrade numba"
    return f"{PIP} --force-reinstall --no-deps {'POT' if name == 'pot' else name}"


def _torch_or_torchaudio(fault: str) -> str:
    torch = metadata.version("torch")
    broken_alone = "torchaudio" not in fault and "ended the process" not in fault
    return f'"torch=={torch}"' if broken_alone else f'"{torchaudio_for(Version(torch))}"'


def torchaudio_for(torch: Version) -> str:
    """The torchaudio that loads beside a torch: that of the same number until 2.11, and 2.11.0 from then on.

    2.11.1, which pip takes on its own, loads beside torch 2.13 and later alone.

    Example:
        >>> torchaudio_for(Version("2.7.1+cu126")), torchaudio_for(Version("2.12.1"))
        ('torchaudio==2.7.1', 'torchaudio==2.11.0')
    """
    return f"torchaudio=={min(Version(torch.base_version), Version('2.11.0'))}"
