"""A corpus of the exact shape of AISHELL-1 in a few megabytes: each character is a chord, quick to learn."""

import io
import tarfile
import wave
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np

RATE = 16000
CHARACTERS = "今天气很好我们去公园"  # those of small_corpus.TOKENS
TONES = (400.0, 620.0, 960.0, 1490.0, 2300.0)  # Hz; their ten pairs stay apart at speeds 0.9 to 1.1
CHORDS = dict(zip(CHARACTERS, combinations(TONES, 2), strict=True))
FIRST_SPEAKER = {"train": 2, "dev": 724, "test": 764}  # as in AISHELL-1
SIZES = {"train": (3, 24), "dev": (1, 8), "test": (1, 8)}  # set: (speakers, utterances of each)
TRANSCRIPT = "transcript/aishell_transcript_v0.8.txt"
LEXICON = "SIL sil\n<SPOKEN_NOISE> sil\n今天 j in1 t ian1\n"


def make_aishell(
    folder: Path, packed: bool = True, sizes: Mapping[str, tuple[int, int]] = SIZES, member_prefix: str = ""
) -> Path:
    """Make the corpus in ``folder`` and return ``folder``, which AISHELL may then point to.

    Args:
        folder: where to make it.
        packed: ``data_aishell.tgz`` and ``resource_aishell.tgz``; otherwise both wholly unpacked.
        sizes: set to (speakers, utterances of each). The last utterance of each speaker lacks a transcript.
        member_prefix: what stands before ``train/S0002/…`` in the speaker archives, e.g. ``wav/``.
    """
    wavs, transcript = _make_utterances(sizes)
    data = {f"data_aishell/{TRANSCRIPT}": transcript.encode()}
    resource = {"resource_aishell/lexicon.txt": LEXICON.encode()}
    folder.mkdir(parents=True, exist_ok=True)
    if packed:
        data |= _speaker_archives(wavs, member_prefix)
        (folder / "data_aishell.tgz").write_bytes(make_tar(data))
        (folder / "resource_aishell.tgz").write_bytes(make_tar(resource))
    else:
        wavs = {f"data_aishell/wav/{name}": content for name, content in wavs.items()}
        for name, content in (data | resource | wavs).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    return folder


def make_tar(files: Mapping[str, bytes]) -> bytes:
    """Return a gzipped tar archive of ``files``, name to content."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _make_utterances(sizes: Mapping[str, tuple[int, int]]) -> tuple[dict[str, bytes], str]:
    """Return ``train/S0002/BAC009S0002W0121.wav`` … with their content, and the transcript file."""
    random = np.random.default_rng(0)
    wavs, lines = {}, []
    for name, (n_speakers, n_utterances) in sizes.items():
        for number in range(FIRST_SPEAKER[name], FIRST_SPEAKER[name] + n_speakers):
            pitch = random.uniform(0.97, 1.03)
            for index in range(n_utterances):
                utterance = f"BAC009S{number:04d}W{121 + index:04d}"
                sentence = "".join(random.choice(list(CHARACTERS), size=random.integers(3, 6)))
                wavs[f"{name}/S{number:04d}/{utterance}.wav"] = _to_wav(_sing(sentence, pitch, random))
                if index < n_utterances - 1:
                    lines.append(f"{utterance} {_split_into_words(sentence)}\n")
    return wavs, "".join(lines)


def _speaker_archives(wavs: Mapping[str, bytes], prefix: str) -> dict[str, bytes]:
    speakers: dict[str, dict[str, bytes]] = {}
    for name, content in wavs.items():
        speakers.setdefault(name.split("/")[1], {})[prefix + name] = content
    return {f"data_aishell/wav/{speaker}.tar.gz": make_tar(files) for speaker, files in speakers.items()}


def _split_into_words(sentence: str) -> str:
    return " ".join(sentence[start : start + 2] for start in range(0, len(sentence), 2))


def _sing(sentence: str, pitch: float, random: np.random.Generator) -> np.ndarray:
    """Return int16 samples (n,): a chord of 0.12–0.16 s for each character, 0.03 s of silence around it."""
    silence = np.zeros(int(0.03 * RATE))
    parts = [silence]
    for character in sentence:
        time = np.arange(int(random.uniform(0.12, 0.16) * RATE)) / RATE
        chord = sum(np.sin(2 * np.pi * pitch * tone * time) for tone in CHORDS[character])
        parts += [4000 * chord * np.hanning(len(time)) ** 0.25, silence]
    samples = np.concatenate(parts)
    return np.rint(samples + random.normal(scale=20, size=len(samples))).astype(np.int16)


def _to_wav(samples: np.ndarray) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(RATE)
        audio.writeframes(samples.tobytes())
    return stream.getvalue()
