"""The one reader: every kind of sound, from a file, a command and an archive, gives the same samples."""

import shutil
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
from espnet2.train.iterable_dataset import DATA_TYPES
from hypothesis import given
from hypothesis import strategies as st

from espnet_gmot.data.sound import (
    LARGEST_PEAK,
    LARGEST_SHARE,
    check_samples,
    read_sound,
    to_float32,
    to_int16,
)
from espnet_gmot.errors import InputError

RATE = 16000
TONE = 0.3 * np.sin(np.arange(2 * RATE) / 9) + 0.05 * np.random.default_rng(0).normal(size=2 * RATE)
KINDS = {
    "u8.wav": ("WAV", "PCM_U8"), "s16.wav": ("WAV", "PCM_16"), "s24.wav": ("WAV", "PCM_24"),
    "s32.wav": ("WAV", "PCM_32"), "float.wav": ("WAV", "FLOAT"), "double.wav": ("WAV", "DOUBLE"),
    "ulaw.wav": ("WAV", "ULAW"), "extensible.wav": ("WAVEX", "PCM_24"), "s8.flac": ("FLAC", "PCM_S8"),
    "s16.flac": ("FLAC", "PCM_16"), "s24.flac": ("FLAC", "PCM_24"), "a.ogg": ("OGG", "VORBIS"),
    "opus.ogg": ("OGG", "OPUS"), "a.mp3": ("MP3", "MPEG_LAYER_III"), "a.sph": ("NIST", "PCM_16"),
    "a.aiff": ("AIFF", "PCM_16"),
}  # fmt: skip


def write(folder: Path, name: str, samples: np.ndarray = TONE) -> str:
    form, subtype = KINDS[name]
    path = folder / name
    soundfile.write(path, samples, RATE, subtype=subtype, format=form)
    return str(path)


def as_int16(samples: np.ndarray) -> np.ndarray:
    return samples if samples.dtype == np.int16 else to_int16(samples)


@pytest.mark.parametrize("name", KINDS)
def test_samples_are_those_that_espnet_reads(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name)
    samples, rate, encoding = read_sound(path)
    expected = DATA_TYPES["sound"](path)
    assert rate == RATE and encoding == " ".join(KINDS[name])
    assert (samples.dtype == np.int16) == (KINDS[name][1] == "PCM_16")
    np.testing.assert_array_equal(as_int16(samples), to_int16(expected))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("command", ["cat '{}' |", "cat '{}' | cat |", "cat < '{}'|"])
def test_a_command_gives_the_samples_of_the_file(tmp_path: Path, name: str, command: str) -> None:
    path = write(tmp_path, name)
    piped, plain = read_sound(command.format(path)), read_sound(path)
    assert piped.rate == plain.rate and piped.encoding == ""
    np.testing.assert_array_equal(piped.samples, plain.samples)


@pytest.mark.parametrize("name", ["u8.wav", "s24.wav", "float.wav", "s16.flac", "a.mp3", "extensible.wav"])
def test_an_archive_gives_the_samples_of_the_file(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name)
    content = Path(path).read_bytes()
    ark = tmp_path / "a.ark"
    wrapped = b"AUDIO\x03" + len(content).to_bytes(3, "little") + content
    ark.write_bytes(b"u1 " + (content if name.endswith(".wav") else wrapped) + b"u2 RIFF")
    np.testing.assert_array_equal(read_sound(f"{ark}:3").samples, read_sound(path).samples)


def test_kaldis_own_archive_of_8_bits_is_scaled(tmp_path: Path) -> None:
    bits = np.array([0, 128, 255], dtype=np.uint8)
    kaldiio.save_ark(str(tmp_path / "a.ark"), {"u1": (RATE, bits)})
    assert as_int16(read_sound(f"{tmp_path}/a.ark:3").samples).tolist() == [-32768, 0, 127 * 256]


@pytest.mark.skipif(shutil.which("sox") is None, reason="needs sox")
@pytest.mark.parametrize("options", ["-t wav", "-b 24 -t wav", "-e float -b 32 -t wav", "-t flac", "-t au"])
def test_what_sox_writes_into_a_pipe_is_whole(tmp_path: Path, options: str) -> None:
    path = write(tmp_path, "s16.wav")
    samples = read_sound(f"sox {path} {options} - |").samples
    np.testing.assert_array_equal(as_int16(samples), read_sound(path).samples)


def test_a_flac_stream_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    content = bytearray(Path(write(tmp_path, "s16.flac")).read_bytes())
    content[21] &= 0xF0  # the number of samples, 36 bits
    content[22:26] = bytes(4)
    (tmp_path / "stream.flac").write_bytes(content)
    stream, rate, encoding = read_sound(f"{tmp_path}/stream.flac")
    assert (rate, encoding) == (RATE, "")  # ESPnet cannot read it
    np.testing.assert_array_equal(stream, read_sound(f"{tmp_path}/s16.flac").samples)


def test_a_wav_stream_that_says_0_is_read_and_is_no_plain_file(tmp_path: Path) -> None:
    path = write(tmp_path, "s16.wav")
    expected = read_sound(path).samples
    content = bytearray(Path(path).read_bytes())
    content[4:8] = content[40:44] = bytes(4)
    Path(path).write_bytes(content)
    found = read_sound(path)
    assert found.encoding == ""  # ESPnet would find no sample in it
    np.testing.assert_array_equal(found.samples, expected)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("piped", [False, True])
def test_what_is_cut_off_is_refused(tmp_path: Path, name: str, piped: bool) -> None:
    path = Path(write(tmp_path, name, np.tile(TONE, 5)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(InputError, match=r"(is cut off: .*|cannot be read as audio .*); make the file again"):
        read_sound(f"cat {path} |" if piped else str(path))


def wav_header(n_bytes: int) -> bytes:
    sizes = [(36 + n_bytes).to_bytes(4, "little"), n_bytes.to_bytes(4, "little")]
    fmt = bytes.fromhex("10000000 0100 0100 803e0000 007d0000 0200 1000")
    return b"RIFF" + sizes[0] + b"WAVEfmt " + fmt + b"data" + sizes[1]


@pytest.mark.parametrize("piped", [False, True])
def test_samples_that_the_header_does_not_tell_of_are_refused(tmp_path: Path, piped: bool) -> None:
    samples = to_int16(TONE).tobytes()
    (tmp_path / "a.wav").write_bytes(wav_header(len(samples) // 2) + samples)
    with pytest.raises(
        InputError, match=rf"a.wav.* has {len(samples) // 2} bytes after the samples that its"
    ):
        read_sound(f"cat {tmp_path}/a.wav |" if piped else f"{tmp_path}/a.wav")


@pytest.mark.parametrize(
    "trailer",
    [b"", b"\0" * 50000, b"\x01", b"\x07 junk" * 9, b"LIST" + (50000).to_bytes(4, "little") + b"\xff" * 50000]
    + [b"ID3\x03" + b"\xff" * 50000, b"TAG" + b"\xff" * 125],
)
def test_what_follows_the_samples_and_is_no_sound_is_left_out(tmp_path: Path, trailer: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(wav_header(2 * len(TONE)) + to_int16(TONE).tobytes() + trailer)
    np.testing.assert_array_equal(read_sound(f"{tmp_path}/a.wav").samples, to_int16(TONE))


@pytest.mark.parametrize(
    "content", [b"<html>404</html>", b"\0\0\0\x20ftypM4A " + bytes(500), b"RIFF", bytes(1000), b"fLaC"]
)
@pytest.mark.parametrize("name", ["a.wav", "a.raw"])
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    for source in (f"{tmp_path}/{name}", f"cat {tmp_path}/{name} |"):
        with pytest.raises(InputError, match=r"cannot be read as audio \([^<]*\); make the file again"):
            read_sound(source)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("everywhere", [False, True])
def test_values_that_are_no_samples_are_counted(tmp_path: Path, value: float, everywhere: bool) -> None:
    samples = TONE.copy()
    samples[:: 1 if everywhere else len(samples)] = value
    path = write(tmp_path, "float.wav", samples)
    count = len(samples) if everywhere else 1
    for source in (path, f"cat {path} |"):
        with pytest.raises(InputError, match=rf"has {count} samples that are NaN or infinite"):
            read_sound(source)


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (32768, "100.0% of its samples .* a peak of 32768; scale them"),
        (2**31, "peak of .*e\\+"),
        (8, "outside"),
        (1.2, None),
    ],
)
def test_another_scale_is_refused_with_share_and_peak(
    tmp_path: Path, scale: float, message: str | None
) -> None:
    path = write(tmp_path, "float.wav", TONE / np.abs(TONE).max() * scale)
    if message is None:
        read_sound(path)
        return
    with pytest.raises(InputError, match=message):
        read_sound(path)


@given(st.integers(1, 200), st.integers(0, 200), st.floats(0.5, 3.0, width=32))
def test_the_limits_are_those_that_are_stated(inside: int, outside: int, peak: float) -> None:
    samples = np.concatenate([np.full(inside, 0.5), np.full(outside, -peak)]).astype(np.float32)
    out = outside / (inside + outside) if peak > 1 else 0
    refused = outside and peak > LARGEST_PEAK or out > LARGEST_SHARE
    try:
        check_samples("a.wav", samples)
    except InputError:
        assert refused
    else:
        assert not refused


def test_a_loud_mp3_is_ordinary(tmp_path: Path) -> None:
    loud = np.clip(4 * TONE / np.quantile(np.abs(4 * TONE), 0.98) * 1.0, -1, 1 - 2**-15)
    path = write(tmp_path, "a.mp3", loud)
    assert np.abs(soundfile.read(path)[0]).max() > 1
    assert np.abs(as_int16(read_sound(path).samples).astype(int)).max() == 32768


def test_no_samples_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "s16.wav", TONE[:0])
    with pytest.raises(InputError, match=r"s16.wav is empty; make the file again"):
        read_sound(path)


def test_a_pickle_in_an_archive_is_not_run(tmp_path: Path) -> None:
    ark, evil = tmp_path / "a.ark", tmp_path / "evil"
    ark.write_bytes(b"u1 PKLcos\nsystem\n(S'touch " + bytes(evil) + b"'\ntR.")
    with pytest.raises(InputError, match="is no audio in an archive"):
        read_sound(f"{ark}:3")
    assert not evil.exists()


def test_the_program_that_wrote_the_pipe_is_waited_for(tmp_path: Path) -> None:
    path = write(tmp_path, "s16.wav")
    with pytest.raises(InputError, match=r"exit status 5: half way"):
        read_sound(f"cat {path}; echo half way >&2; exit 5 |")


def test_float32_is_in_one_scale_and_16_bit_samples_come_back():
    samples = np.array([-32768, -1, 0, 1, 32767], np.int16)
    floats = to_float32(samples)
    assert floats.dtype == np.float32 and floats[0] == -1.0
    np.testing.assert_array_equal(to_int16(floats), samples)
    np.testing.assert_array_equal(to_float32(np.array([0.25, -1.0])), np.float32([0.25, -1.0]))
