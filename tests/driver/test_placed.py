"""Where audio was put, and where it must not be put."""

import logging
import os
from pathlib import Path

import pytest

from espnet_gmot.data.audio import Cut, Recording
from espnet_gmot.driver.placed import (
    Placed,
    require_no_source,
    require_other_directory,
    sources_among,
    warn_clipped,
)
from espnet_gmot.errors import InputError


def recording(source: object) -> Recording:
    return Recording(str(source), (Cut("u"),))


def test_clipped_utterances_are_told_in_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    placed = [Placed("u1", "a.wav", 9, 2), Placed("u2", "b.wav", 9), Placed("u3", "c.wav", 9, 5)]
    with caplog.at_level(logging.WARNING):
        warn_clipped(Path("dump/raw/test"), placed)
        warn_clipped(Path("dump/raw/dev"), placed[1:2])
    (told,) = caplog.messages
    assert told == (
        "dump/raw/test: 2 utterances had samples outside [-1, 1], 7 in all, which were clipped (u1, u3)"
    )


def test_recordings_are_found_by_way_of_links(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav", "d.ark"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "link.wav").symlink_to("b.wav")
    recordings = [
        recording(tmp_path / "link" / "a.wav"),
        recording(os.path.relpath(tmp_path / "link.wav")),
        recording(f"{tmp_path}/d.ark:17"),
        recording(f"cat {tmp_path}/c.wav |"),
        recording(tmp_path / "gone.wav"),
    ]
    paths = [tmp_path / name for name in ("a.wav", "b.wav", "c.wav", "d.ark", "gone.wav")]
    assert sources_among(paths, recordings) == {tmp_path / n for n in ("a.wav", "b.wav", "d.ark")}
    assert sources_among([tmp_path / "new.wav"], recordings) == frozenset()


def test_a_path_on_a_recording_is_refused(tmp_path: Path) -> None:
    require_no_source(tmp_path / "a.wav", frozenset())
    with pytest.raises(InputError, match=r"a.wav is named in wav.scp and would be overwritten; let wav.scp"):
        require_no_source(tmp_path / "a.wav", frozenset([tmp_path / "a.wav"]))


def test_a_directory_is_not_written_onto_itself(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "dump").symlink_to("data")
    require_other_directory(tmp_path / "data", tmp_path / "new")
    with pytest.raises(InputError, match="dump is .*data itself and would be overwritten; remove the link"):
        require_other_directory(tmp_path / "data", tmp_path / "dump")
