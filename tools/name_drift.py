"""Name the packages that are newer than their lock, those first that a failure names.

Usage: ``python tools/name_drift.py LOCK LOG``.

Ends with status 1 where every version is that of the lock: then it is not drift that failed.
"""

import re
import sys
from importlib import metadata
from pathlib import Path


def drift(lock: str, installed: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return the packages whose installed version is not the locked one, each with (locked, installed).

    Args:
        lock: lines ``name==version``; those that start with ``#`` do not count.
        installed: version of each installed package; a build's own label (``+cpu``) does not count.
    """
    pins = dict(line.split("==") for line in lock.splitlines() if not line.startswith("#"))
    locked = {_normal(name): version for name, version in pins.items()}
    found = {_normal(name): version.partition("+")[0] for name, version in installed.items()}
    return {
        name: (locked.get(name, "not locked"), version)
        for name, version in sorted(found.items())
        if locked.get(name) != version and name not in ("espnet-gmot", "pip")
    }


def report(lock: str, installed: dict[str, str], log: str) -> list[str]:
    """Return the lines to print: failed tests, suspects, and what else is newer."""
    newer = drift(lock, installed)
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", log, re.MULTILINE)
    suspects = [name for name in newer if re.search(rf"\b{re.sub('-', '[-_.]', name)}\b", log, re.IGNORECASE)]
    said = [f"{name} {newer[name][0]} -> {newer[name][1]}, named in the failures" for name in suspects]
    others = [f"{name} {old} -> {new}" for name, (old, new) in newer.items() if name not in suspects]
    if others:
        said.append(f"also newer than the lock: {', '.join(others)}")
    return [f"fails with the newest versions: {test}" for test in failed] + said


def main() -> None:
    """Read, print warnings."""
    lock, log = (Path(path).read_text(encoding="utf-8") for path in sys.argv[1:])
    installed = {dist.metadata["Name"]: dist.version for dist in metadata.distributions()}
    for line in report(lock, installed, log):
        print(f"WARNING: {line}")
    if not drift(lock, installed):
        sys.exit("name_drift.py: error: every version is that of the lock; this is no drift")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
