"""Name the packages that differ from their lock, those first that a failure names.

Usage: ``python tools/name_drift.py LOCK FREEZE LOG``; FREEZE is from ``pip freeze``, LOG from the tests.
"""

import re
import sys
from pathlib import Path

from packaging.utils import canonicalize_name


def drift(lock: str, freeze: str) -> dict[str, tuple[str, str]]:
    """Return the packages whose version is not the locked one, each with (locked, installed).

    Args:
        lock: lines ``name==version``; others do not count.
        freeze: such lines too; a build's own label (``+cpu``) does not count.
    """
    locked, installed = _versions(lock), _versions(freeze)
    return {
        name: (locked.get(name, "not locked"), version)
        for name, version in sorted(installed.items())
        if locked.get(name) != version
    }


def report(lock: str, freeze: str, log: str) -> list[str]:
    """Return the lines to print: what failed, the packages that its messages name, and the other packages."""
    differing = drift(lock, freeze)
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", log, re.MULTILINE)
    messages = _failures(log)
    suspects = [
        name for name in differing if re.search(rf"\b{name.replace('-', '[-_.]')}\b", messages, re.IGNORECASE)
    ]
    said = [f"fails with the newest versions: {test}" for test in failed]
    said += [f"{name} {' -> '.join(differing[name])}, named in the failures" for name in suspects]
    others = [f"{name} {' -> '.join(differing[name])}" for name in differing if name not in suspects]
    return said + [f"differs from the lock too: {', '.join(others) or 'no other package'}"]


def _failures(log: str) -> str:
    """What stands between pytest's line FAILURES or ERRORS and its next heading, and pip's errors."""
    sections = re.findall(r"^=+ (?:FAILURES|ERRORS) =+$(.*?)(?=^=+ )", log, re.MULTILINE | re.DOTALL)
    return "\n".join(sections + re.findall(r"^ERROR: .*$", log, re.MULTILINE))


def _versions(lines: str) -> dict[str, str]:
    pins = re.findall(r"^([\w.-]+)==([^\s+]+)", lines, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


def main() -> None:
    """Read, print warnings."""
    for line in report(*(Path(path).read_text(encoding="utf-8", errors="replace") for path in sys.argv[1:])):
        print(f"WARNING: {line}")


if __name__ == "__main__":
    main()
