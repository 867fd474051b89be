"""A project with a package index of its own, so that tools/ installs in a second and without a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_wheels import write_wheel

ROOT = Path(__file__).parents[2]
ESPNET_MODULES = ("espnet2/__init__.py", "espnet2/tasks/__init__.py", "espnet2/tasks/asr.py")
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
BACKEND = """
import sys
sys.path.insert(0, {tests!r})
from small_wheels import write_wheel

def build_editable(directory, config_settings=None, metadata_directory=None):
    modules = ["espnet_gmot/__init__.py", "espnet_gmot/bin/__init__.py", "espnet_gmot/bin/check_install.py"]
    return write_wheel(directory, "espnet_gmot", "0.1", {requires!r}, modules)
"""


class Project:
    """A checkout with tools/, whose requirements, lock and index a test chooses."""

    def __init__(self, directory: Path, venv: Path):
        self.directory, self.venv = directory, venv
        shutil.copytree(ROOT / "tools", directory / "tools", ignore=shutil.ignore_patterns("locks"))
        self.python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        self.lock_file = directory / "tools" / "locks" / f"{self.python}.txt"
        self.lock_file.parent.mkdir()
        self.wheels = directory / "wheels"
        self.wheels.mkdir()
        (directory / "pyproject.toml").write_text(PYPROJECT)

    def requires(self, *requirements: str) -> None:
        content = BACKEND.format(tests=str(ROOT / "tests"), requires=requirements)
        (self.directory / "backend.py").write_text(content)

    def lock(self, *pins: str) -> None:
        self.lock_file.write_text("\n".join(["# written by make lock", *pins]) + "\n")

    def index(self, *packages: str, **requires: list[str]) -> None:
        """Have ``name==version`` on the index; a keyword gives the requirements of that name."""
        for name, version in (package.split("==") for package in packages):
            modules = ESPNET_MODULES if name == "espnet" else ()
            write_wheel(self.wheels, name, version, requires.get(name, ()), modules)

    def run(self, tool: str, *arguments: str) -> subprocess.CompletedProcess:
        """Run ``tools/TOOL PYTHON VENV ARGUMENT...``."""
        environment = os.environ | {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_CONFIG_FILE": os.devnull,
        }
        command = [f"tools/{tool}", sys.executable, str(self.venv), *arguments]
        return subprocess.run(command, cwd=self.directory, env=environment, capture_output=True, text=True)

    def pip(self, *arguments: str) -> str:
        command = [str(self.venv / "bin" / "python"), "-m", "pip", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def installed(self) -> set[str]:
        return set(
            self.pip("list", "--format", "freeze", "--exclude", "pip", "--exclude", "setuptools").splitlines()
        )


@pytest.fixture(scope="session")
def venv(tmp_path_factory):
    """Made once, because that takes seconds; a test leaves nothing installed in it."""
    directory = tmp_path_factory.mktemp("tools") / "venv"
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    return directory


@pytest.fixture
def project(tmp_path, venv):
    project = Project(tmp_path, venv)
    yield project
    if installed := project.installed():
        project.pip("uninstall", "--yes", *(package.split("==")[0] for package in installed))
