"""Write pip's installation report as a lock: ``python tools/write_lock.py REPORT.json LOCK.txt``."""

import json
import sys
from pathlib import Path


def write_lock(report: Path, lock: Path) -> None:
    """Pin every package of a report of ``pip install --dry-run --report``, but for the project itself.

    A build's own label (``+cpu``, ``+cu130``) is left out, because another index has other builds.

    Args:
        report: pip's report.
        lock: file to write, lines ``name==version``, as pip takes them for constraints.
    """
    content = json.loads(report.read_text(encoding="utf-8"))
    packages = {package["metadata"]["name"]: package["metadata"]["version"] for package in content["install"]}
    del packages["espnet_gmot"]
    python = content["environment"]["python_full_version"]
    lines = [f"# The versions for Python {python}; written by make lock."]
    lines += [f"{name}=={packages[name].partition('+')[0]}" for name in sorted(packages, key=str.lower)]
    lock.parent.mkdir(exist_ok=True)
    lock.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_lock(*map(Path, sys.argv[1:]))
