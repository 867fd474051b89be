"""Files that end before their header says, and streams whose header cannot say."""

import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from espnet_gmot.data.cut_off import bytes_missing, data_chunk, with_known_length

N = 16000
NOISE = (np.random.default_rng(0).normal(size=N) * 0.1).clip(-1, 1)
TOLD = [
    ("WAV", "PCM_U8"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAVEX", "PCM_16"),
    ("WAV", "ULAW"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "PCM_16"),
    ("NIST", "PCM_16"), ("CAF", "PCM_16"), ("OGG", "VORBIS"),
]  # fmt: skip


def encoded(form: str, subtype: str, n: int = N, comment: str = "") -> bytes:
    stream = io.BytesIO()
    with soundfile.SoundFile(stream, "w", 16000, 1, subtype, format=form) as audio:
        if comment:
            audio.comment = audio.title = comment
        audio.write(np.resize(NOISE, n))
    return stream.getvalue()


def missing(content: bytes) -> str:
    with soundfile.SoundFile(io.BytesIO(content)) as audio:
        return bytes_missing(content, with_known_length(content)[1], audio)


@pytest.mark.parametrize(("form", "subtype"), TOLD)
def test_a_whole_file_misses_nothing(form: str, subtype: str) -> None:
    for n in (1, 7, N):
        assert missing(encoded(form, subtype, n)) == ""


@pytest.mark.parametrize(("form", "subtype"), TOLD)
@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_misses_something(form: str, subtype: str, share: float) -> None:
    content = encoded(form, subtype, 20 * N)
    try:
        assert missing(content[: int(share * len(content))]) != ""
    except soundfile.LibsndfileError as error:  # it tells by itself
        assert form in ("CAF", "OGG"), error


@given(st.integers(45, 2 * N + 43))
def test_a_wav_says_how_much_is_missing(length: int) -> None:
    content = encoded("WAV", "PCM_16")
    told = missing(content[:length])
    assert told == f"its header promises {2 * N} bytes of samples and {length - 44} are there"


def test_a_long_comment_hides_nothing() -> None:
    content = encoded("WAV", "PCM_16", comment="x" * 5000)
    assert missing(content) == "" and missing(content[:-100]) != ""


def test_chunks_around_the_samples_are_passed_over() -> None:
    content = encoded("WAV", "PCM_16", 7)
    before = content[:36] + b"odd \3\0\0\0abc\0" + content[36:]
    chunk = data_chunk(io.BytesIO(before))
    assert chunk is not None and (chunk.promised, chunk.found) == (14, 14)
    assert missing(before) == missing(content + b"LIST\4\0\0\0abcd") == missing(content + b"rubbish") == ""


def streamed(riff: int, data: int, n: int = N) -> bytes:
    """A WAV as a program writes it that cannot go back to its header."""
    content = bytearray(encoded("WAV", "PCM_16", n))
    content[4:8], content[40:44] = struct.pack("<I", riff), struct.pack("<I", data)
    return bytes(content)


@pytest.mark.parametrize(
    ("riff", "data"),
    [
        (0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF024, 0x7FFFF000), (0xFFFFFFFF, 0), (0, 0), (0, 0xFFFFFFFF),
        (0x7FFFFFFF, 0x7FFFFFDB), (0x80000000, 0x80000000),
    ],
)  # fmt: skip
@pytest.mark.parametrize("n", [1, N])
def test_a_stream_of_unknown_length_is_all_that_is_there(riff: int, data: int, n: int) -> None:
    content, _ = with_known_length(streamed(riff, data, n))
    assert missing(content) == ""
    samples, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    expected, _ = soundfile.read(io.BytesIO(encoded("WAV", "PCM_16", n)), dtype="int16")
    np.testing.assert_array_equal(samples, expected)


def test_a_file_that_says_it_is_empty_stays_so() -> None:
    content = encoded("WAV", "PCM_16", 0)
    assert with_known_length(content)[0] is content
    with_tags = content + b"LIST\4\0\0\0abcd"
    assert with_known_length(with_tags)[0] is with_tags
