"""How the recordings of a data directory are divided, and what is counted of them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet_gmot.data.audio import ARK_FORMAT, RECORDINGS_A_FOLDER, Cut, Recording
from espnet_gmot.driver.audio_parts import Job, Part, make_parts, parts_of
from espnet_gmot.driver.parallel import Processes
from espnet_gmot.driver.placed import Placed
from espnet_gmot.errors import InputError, InputErrors


def recordings(count: int) -> list[Recording]:
    return [Recording(f"{number}.wav", (Cut(f"u{number:05d}"),)) for number in range(count)]


@given(
    count=st.integers(0, 2 * RECORDINGS_A_FOLDER + 1),
    audio_format=st.sampled_from(["wav", "flac", ARK_FORMAT]),
    factor=st.sampled_from(["0.9", "1.0", "1", "1.10"]),
)
def test_each_recording_is_in_one_part_and_each_file_of_one(count: int, audio_format: str, factor: str):
    given = recordings(count)
    parts = parts_of(given, audio_format, Path("dump/data/sp0.9"), factor)
    assert [recording for part in parts for recording in part.recordings] == given
    paths = [path for part in parts for path in part.paths(audio_format)]
    assert (
        len(set(paths))
        == len(paths)
        == (-(-count // RECORDINGS_A_FOLDER) if "ark" in audio_format else count)
    )
    folders = {path.parent for path in paths}
    assert folders == {Path(f"dump/data/sp0.9.{n + 1}") for n in range(-(-count // RECORDINGS_A_FOLDER))}
    prefix = {"0.9": "sp0.9-", "1.10": "sp1.10-"}.get(factor, "")
    assert [utterance for part in parts for utterance in part.utterances] == [
        prefix + recording.cuts[0].utterance for recording in given
    ]


def refuse_all(job: Job, part: Part) -> list[Placed]:
    raise InputErrors([f"{recording.source} is bad" for recording in part.recordings])


def tell_since(job: Job, part: Part) -> list[Placed]:
    return [Placed(utterance, job.audio_format, int(part.since)) for utterance in part.utterances]


@pytest.fixture
def wav_scp(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for recording in recordings(3):
        Path(recording.source).write_bytes(b"sound")
        os.utime(recording.source, (1000, 1000))
    os.utime("1.wav", (2000, 2000))
    table = tmp_path / "wav.scp"
    table.write_text("".join(f"u{number:05d} {number}.wav\n" for number in range(3)))
    return table


@pytest.mark.parametrize("audio_format, expected", [("wav", [1500, 2000, 1500]), (ARK_FORMAT, [2000] * 3)])
def test_a_younger_recording_alone_makes_what_was_made_of_it_stale(wav_scp, audio_format, expected):
    parts = parts_of(recordings(3), audio_format, Path("out/data/format"))
    job = Job.of(parts, audio_format)
    made = make_parts(tell_since, job, parts, 1500.0, wav_scp, Path("out"), Processes(1), "format")
    assert made == [Placed(f"u{n:05d}", audio_format, since) for n, since in enumerate(expected)]


def test_a_recording_that_is_bad_at_each_speed_counts_once(wav_scp):
    parts = [
        part for factor in ("0.9", "1.1") for part in parts_of(recordings(3), "wav", Path("out/x"), factor)
    ]
    with pytest.raises(InputError, match=r"^3 of 3 recordings cannot be used"):
        make_parts(refuse_all, Job.of(parts, "wav"), parts, 0.0, wav_scp, Path("out"), Processes(1), "speed")
