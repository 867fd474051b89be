"""Whether an installation works, and the command that cures what does not."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from espnet_gmot.driver.installed_parts import torchaudio_cure, usual_cure

PARTS = ("python", "packages", "torch", "cuda", "numba", "transformers", "soundfile", "pot", "espnet")
QUICK_PARTS = ("python", "packages", "torch")  # what a recipe asks before it makes any data
NEED_TORCH = ("cuda", "transformers", "espnet")
SIDE_BY_SIDE = 4
PATIENCE_SECONDS = 300.0


class CheckedPart(NamedTuple):
    """A part of the installation: what was found, or its fault and what cures it."""

    name: str
    found: str = ""
    fault: str = ""
    cure: str = ""


def check_parts(names: Sequence[str]) -> list[CheckedPart]:
    """Try the parts, a few at a time, each in a process of its own.

    Args:
        names: functions of `espnet_gmot.driver.installed_parts`.

    Returns:
        The parts in the same order; where torch is broken, those that need it wait for its cure.
    """
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        checked = list(pool.map(_check, names))
    if any(part.fault for part in checked if part.name == "torch"):
        waiting = {"fault": "torch is broken", "cure": "mend torch first"}
        return [
            part._replace(**waiting) if part.fault and part.name in NEED_TORCH else part for part in checked
        ]
    return checked


def _check(name: str) -> CheckedPart:
    command = [sys.executable, "-m", "espnet_gmot.driver.installed_parts", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        return _crashed(name, f"nothing came of it in {PATIENCE_SECONDS:.0f} s")
    if done.returncode < 0:
        return _crashed(name, f"loading it ended the process by {signal.Signals(-done.returncode).name}")
    if done.returncode > 0:
        return _crashed(
            name, (done.stderr.strip() or f"it ended with status {done.returncode}").splitlines()[-1]
        )
    return CheckedPart(name, **json.loads(done.stdout.splitlines()[-1]))


def _crashed(name: str, fault: str) -> CheckedPart:
    return CheckedPart(name, fault=fault, cure=torchaudio_cure() if name == "torch" else usual_cure(name))
