"""A copy of the last whole checkpoint, while the next one is written over it."""

import errno
import os
import shutil
from pathlib import Path

import pytest
import torch

from espnet_gmot.driver.previous_checkpoint import PreviousCheckpoint
from tests.interrupted_save import save_interrupted


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """That of epoch 1, whole."""
    path = tmp_path / "checkpoint.pth"
    save(path, 1)
    finish(path, 1)
    return path


def save(path: Path, epoch: int) -> None:
    """As ESPnet begins the end of an epoch, in place."""
    torch.save({"reporter": {"epoch": epoch}}, path)
    os.utime(path, (1e9 + 2 * epoch, 1e9 + 2 * epoch))


def finish(path: Path, epoch: int) -> None:
    """As ESPnet goes on."""
    latest = path.with_name("latest.pth")
    latest.unlink(missing_ok=True)
    latest.symlink_to(f"{epoch}epoch.pth")
    os.utime(latest, (1e9 + 2 * epoch + 1, 1e9 + 2 * epoch + 1), follow_symlinks=False)


def epoch_of(path: Path) -> int:
    return torch.load(path)["reporter"]["epoch"]


def copy_of(path: Path) -> Path:
    return path.with_name("checkpoint.pth.previous")


def test_before_the_first_epoch_there_is_nothing(tmp_path: Path) -> None:
    previous = PreviousCheckpoint(tmp_path / "checkpoint.pth")
    previous.keep()
    assert not previous.restore()
    previous.remove()
    save(tmp_path / "checkpoint.pth", 1)
    previous.keep()  # its end has not come yet
    assert not copy_of(tmp_path / "checkpoint.pth").exists()


@pytest.mark.parametrize(
    "cut_off",
    [lambda path: path.write_bytes(b"PK"), lambda path: save_interrupted({"w": torch.zeros(9)}, path)],
)
def test_what_a_kill_cuts_off_is_restored_from_the_epoch_before(checkpoint: Path, cut_off) -> None:
    previous = PreviousCheckpoint(checkpoint)
    previous.keep()
    cut_off(checkpoint)
    previous.keep()  # the moment between the cut and the end of the process
    assert previous.restore()
    assert epoch_of(checkpoint) == 1 and not copy_of(checkpoint).exists()


def test_each_epoch_is_copied_once_and_only_when_it_is_whole(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = []
    copy = shutil.copy2
    monkeypatch.setattr(shutil, "copy2", lambda *paths: copies.append(paths) or copy(*paths))
    previous = PreviousCheckpoint(checkpoint)
    for epoch in (1, 2):
        save(checkpoint, epoch)
        if epoch == 2:
            previous.keep()
            assert epoch_of(copy_of(checkpoint)) == 1
        finish(checkpoint, epoch)
        previous.keep()
        previous.keep()
        assert epoch_of(copy_of(checkpoint)) == epoch
    assert len(copies) == 2


def test_a_copy_that_the_next_epoch_overtakes_is_dropped(checkpoint: Path, monkeypatch, caplog) -> None:
    previous = PreviousCheckpoint(checkpoint)
    previous.keep()
    save(checkpoint, 2)
    finish(checkpoint, 2)
    copy = shutil.copy2

    def slow(*paths: Path) -> None:
        copy(*paths)
        save(checkpoint, 3)

    monkeypatch.setattr(shutil, "copy2", slow)
    previous.keep()
    assert epoch_of(copy_of(checkpoint)) == 1
    assert "no copy of" in caplog.text and "the next one was being written" in caplog.text


def test_a_full_disk_does_not_stop_the_training(checkpoint: Path, monkeypatch, caplog) -> None:
    def full(*_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    previous = PreviousCheckpoint(checkpoint)
    previous.keep()
    previous.keep()
    assert caplog.text.count("No space left on device") == 1
    assert sorted(path.name for path in checkpoint.parent.iterdir()) == ["checkpoint.pth", "latest.pth"]


def test_a_restored_copy_is_kept_again_until_the_next_epoch(checkpoint: Path) -> None:
    PreviousCheckpoint(checkpoint).keep()
    checkpoint.write_bytes(b"PK")
    assert PreviousCheckpoint(checkpoint).restore()
    PreviousCheckpoint(checkpoint).keep()
    assert epoch_of(copy_of(checkpoint)) == 1


def test_a_copy_that_is_cut_off_too_is_not_restored(checkpoint: Path) -> None:
    copy_of(checkpoint).write_bytes(b"PK")
    assert not PreviousCheckpoint(checkpoint).restore()
    assert epoch_of(checkpoint) == 1
