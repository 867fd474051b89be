"""A lock out of pip's report, and the locks that are kept."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "tools" / "locks").glob("*.txt"))


def test_every_package_of_the_report_is_pinned_but_the_project(tmp_path):
    versions = {"torch": "2.13.0+cpu", "PyYAML": "6.0", "espnet_gmot": "0.1", "attrs": "26.1"}
    report = {
        "environment": {"python_full_version": "3.12.1"},
        "install": [{"metadata": {"name": name, "version": version}} for name, version in versions.items()],
    }
    (tmp_path / "report.json").write_text(json.dumps(report))
    command = [
        sys.executable,
        ROOT / "tools" / "write_lock.py",
        tmp_path / "report.json",
        tmp_path / "lock.txt",
    ]
    subprocess.run(command, check=True)
    comment, *pins = (tmp_path / "lock.txt").read_text().splitlines()
    assert comment == "# The versions for Python 3.12.1; written by make lock."
    assert pins == ["attrs==26.1", "PyYAML==6.0", "torch==2.13.0"]


def requirements(section):
    """What a list of setup.py requires."""
    text = (ROOT / "setup.py").read_text().split(section, 1)[1]
    return [Requirement(line) for line in re.findall(r'^ +"([^"]+)",', text.split("]", 1)[0], re.MULTILINE)]


def versions_of(lock):
    """Each package's version, by its name as pip normalises it."""
    pins = dict(line.split("==") for line in lock.read_text().splitlines()[1:])
    return {canonicalize_name(name): version for name, version in pins.items()}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_meets_every_requirement(lock):
    versions = versions_of(lock)
    python = {"python_version": re.search(r"3\.\d+", lock.name)[0]}
    for section in ("REQUIRES = [", '"demo": [', '"test": ['):
        for need in requirements(section):
            if need.marker is None or need.marker.evaluate(python):
                assert need.specifier.contains(versions[canonicalize_name(need.name)]), need


def test_the_oldest_lock_has_every_lower_bound():
    versions = versions_of(ROOT / "tools" / "locks" / "python3.11-oldest.txt")
    floors = [need for need in requirements("REQUIRES = [") if need.specifier]
    assert {need.name for need in floors} >= {"espnet", "torch", "transformers", "POT"}
    for need in floors:
        assert Requirement(str(need).replace(">=", "==")).specifier.contains(
            versions[canonicalize_name(need.name)]
        ), need
