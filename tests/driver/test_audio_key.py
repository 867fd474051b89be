"""Keys of audio: what changes them, what does not, and since when the audio has been what it is."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_gmot.driver.audio_key import END_BYTES, audio_key, audio_times

TIME = 1_000_000_000


def put(path, data=b"audio", time=TIME):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (time, time))
    return path


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A wav.scp of two files, a command and an archive of two utterances."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.wav", "b.wav", "c.sph", "d.ark"):
        put(Path("wav", name))
    entries = [
        "a wav/a.wav",
        "b wav/b.wav",
        "c sph2pipe -f wav wav/c.sph |",
        "d1 wav/d.ark:3",
        "d2 wav/d.ark:9",
    ]
    Path("wav.scp").write_text("".join(f"{entry}\n" for entry in entries))
    return Path("wav.scp")


@pytest.mark.parametrize("name", ["a.wav", "b.wav", "c.sph", "d.ark"])
def test_each_file_counts(data, name):
    before = audio_key(data)
    put(Path("wav", name), b"other")
    assert audio_key(data) != before
    put(Path("wav", name))
    assert audio_key(data) == before


def test_the_newest_file_tells_the_time(data):
    put(Path("wav/c.sph"), time=TIME + 7)
    assert audio_key(data).newest == TIME + 7


@settings(max_examples=60)
@given(
    size=st.integers(1, 5 * END_BYTES),
    place=st.integers(0, 5 * END_BYTES - 1),
    kind=st.sampled_from(["byte", "longer", "shorter", "time"]),
)
def test_size_time_head_and_tail_change_the_key_and_the_middle_does_not(size, place, kind):
    with tempfile.TemporaryDirectory() as name:
        wav = put(Path(name, "a.wav"), bytes(size))
        scp = Path(name, "wav.scp")
        scp.write_text(f"a {wav}\n")
        before, place = audio_key(scp).value, place % size
        data = bytearray(size)
        data[place] = 1
        changed = {"byte": data, "longer": bytes(size + 1), "shorter": bytes(size - 1), "time": bytes(size)}
        put(wav, bytes(changed[kind]), TIME + (kind == "time"))
        middle = kind == "byte" and END_BYTES <= place < size - END_BYTES
        assert (audio_key(scp).value == before) == middle


@settings(max_examples=20)
@given(
    names=st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=4, unique=True),
    fraction=st.floats(0, 0.99),
)
def test_a_moved_directory_and_fractions_of_a_second_change_nothing(names, fraction):
    with tempfile.TemporaryDirectory() as name:
        keys = []
        for place in ("here", "there/below"):
            folder = Path(name, place)
            wavs = [put(folder / f"{each}.wav", each.encode(), TIME + fraction) for each in names]
            (folder / "wav.scp").write_text("".join(f"{wav.stem} {wav}\n" for wav in wavs))
            keys.append(audio_key(folder / "wav.scp").value)
        assert len(set(keys)) == 1


def test_recordings_that_change_places_are_others(data):
    before = audio_key(data)
    put(Path("wav/b.wav"), b"other")
    after = audio_key(data)
    put(Path("wav/b.wav"))
    put(Path("wav/a.wav"), b"other")
    assert len({before.value, after.value, audio_key(data).value}) == 3


@pytest.mark.parametrize(
    "command",
    [
        "cat wav/c.sph |",
        "cat 'wav/c.sph' | sox - -t wav - |",
        "sox wav/c.sph -t wav - speed 0.9|",
        "cat <wav/c.sph |",
        "ffmpeg -i wav/c.sph -f wav -|",
        "decode --input=wav/c.sph |",
        "cat wav/*.sph |",
        "cat wav/c.sph 'unbalanced |",
    ],
)
def test_the_files_of_a_command_count(data, command):
    data.write_text(f"c {command}\n")
    before = audio_key(data)
    put(Path("wav/c.sph"), b"other")
    assert audio_key(data) != before


def test_a_command_without_files_has_a_key(data):
    data.write_text("c make_a_tone 440 |\n")
    assert audio_key(data).value is not None


def test_missing_audio_has_no_key_and_is_named(data, caplog):
    Path("wav/b.wav").unlink()
    assert audio_key(data).value is None
    assert "wav.scp: 1 of 4 files are missing: wav/b.wav" in caplog.text


def test_times_tell_since_when_the_audio_is_what_it_is(data, tmp_path):
    made = tmp_path / "made"
    assert set(audio_times(data, made).values()) == {TIME}
    assert set(audio_times(data, made).values()) == {TIME}
    put(Path("wav/a.wav"), b"older", TIME - 99)
    put(Path("wav/d.ark"), b"moved", TIME)
    times = audio_times(data, made)
    assert {entry for entry, time in times.items() if time > TIME} == {
        "wav/a.wav",
        "wav/d.ark:3",
        "wav/d.ark:9",
    }
    assert audio_times(data, made) == times
