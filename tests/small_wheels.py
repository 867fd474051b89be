"""Wheels of nothing but a name and requirements, for tests that install without a network."""

import zipfile
from collections.abc import Iterable
from pathlib import Path


def write_wheel(
    directory: str | Path, name: str, version: str, requires: Iterable[str] = (), modules: Iterable[str] = ()
) -> str:
    """Write a wheel with empty ``modules``; return its file name, as a build backend does."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
    files = {
        **dict.fromkeys(modules, ""),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    file_name = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(Path(directory) / file_name, "w") as wheel:
        for path, content in (files | {f"{info}/RECORD": record}).items():
            wheel.writestr(path, content)
    return file_name
