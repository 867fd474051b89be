"""What torch saved is read whole or not at all."""

import os
import zipfile
from datetime import timedelta
from pathlib import Path
from pickle import UnpicklingError

import pytest
import torch

from espnet_gmot.saved import read_saved
from tests.interrupted_save import save_interrupted

CONTENT = {"encoder.w": torch.arange(1000.0), "encoder.b": torch.ones(3)}


def test_what_is_whole_is_read(tmp_path: Path) -> None:
    torch.save(CONTENT, tmp_path / "model.pth")
    assert torch.equal(read_saved(tmp_path / "model.pth")["encoder.w"], CONTENT["encoder.w"])


def test_what_is_missing_or_empty_is_none(tmp_path: Path) -> None:
    assert read_saved(tmp_path / "model.pth") is None
    (tmp_path / "model.pth").touch()
    assert read_saved(tmp_path / "model.pth") is None


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_what_sigkill_cut_off_is_none(tmp_path: Path, share: float) -> None:
    path = tmp_path / "model.pth"
    torch.save(CONTENT, path)
    os.truncate(path, int(share * path.stat().st_size))
    assert read_saved(path) is None


def test_what_an_exception_cut_off_is_none_though_its_archive_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    save_interrupted(CONTENT, path)
    assert zipfile.is_zipfile(path)
    assert read_saved(path) is None


class _Interrupting:
    def __reduce__(self) -> str:
        raise KeyboardInterrupt


def test_what_an_exception_cut_off_before_its_first_record_is_none(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        torch.save({**CONTENT, "time": _Interrupting()}, tmp_path / "model.pth")
    assert zipfile.is_zipfile(tmp_path / "model.pth")
    assert read_saved(tmp_path / "model.pth") is None


def test_other_objects_than_tensors_are_read_only_where_they_are_trusted(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"time": timedelta(seconds=3)}, path)
    with pytest.raises(UnpicklingError):
        read_saved(path)
    assert read_saved(path, weights_only=False) == {"time": timedelta(seconds=3)}


def test_what_may_not_be_read_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    torch.save(CONTENT, tmp_path / "model.pth")
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(PermissionError):
        read_saved(tmp_path / "model.pth")


def test_another_failure_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("unable to mmap 4000 bytes: Cannot allocate memory")

    torch.save(CONTENT, tmp_path / "model.pth")
    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(RuntimeError, match="Cannot allocate"):
        read_saved(tmp_path / "model.pth")
