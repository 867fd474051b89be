"""A small corpus in AISHELL-1's layout: its official sample of two speakers, and words read by a third."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from aishell.corpus import TRANSCRIPT
from espnet_gmot.driver.parallel import Processes, parallel_map
from espnet_gmot.errors import InputError
from espnet_gmot.files import write_aside, write_text

RATE = 16000
FIRST_SENTENCE = 121  # number of a speaker's first sentence; before come commands
DEV, TEST = 40, 60  # sentences of each speaker
WORDS_SPEAKER = "S9001"  # AISHELL-1's own end with S0916
WORD_FILE = re.compile(r"(?:cmn-)?([\u3400-\u9fff]+)\.(?:mp3|wav|flac)")
SENTENCE_FILE = re.compile(r"BAC009(S\d{4})W(\d{4})\.wav")


class Utterance(NamedTuple):
    """Where a recording comes from and goes to, and what is said."""

    source: Path
    target: Path
    text: str


def make_sample(sample: Path, words: Path, out: Path, nj: int) -> str:
    """Write ``data_aishell/{wav,transcript}`` under ``out``; recordings that are there stay.

    Args:
        sample: folder of AISHELL-1's official sample: ``BAC009S0150W0001.wav`` …, a ``.txt`` beside each.
        words: folder of recordings whose names are what is said, such as ``cmn-今天.mp3``; names with other
            characters are left out.
        out: folder to write to.
        nj: processes.

    Returns:
        A report of one line.

    Raises:
        InputError: no such recordings, too few sentences of a speaker, or a recording that cannot be read.
    """
    root = out / "data_aishell"
    utterances = [*_sentences(sample, root / "wav"), *_words(words, root / "wav" / "train" / WORDS_SPEAKER)]
    among = f"{len(utterances)} recordings"
    parallel_map(_write_wav, utterances, Processes(nj), "convert", unit="wav", among=among)
    (root / TRANSCRIPT).parent.mkdir(parents=True, exist_ok=True)
    write_text(root / TRANSCRIPT, "".join(f"{u.target.stem} {u.text}\n" for u in utterances))
    return f"{len(utterances)} recordings in {root}"


def split(numbers: Iterable[int], speaker: str) -> dict[int, str]:
    """Draw a speaker's sentences for dev and test; all else is for train.

    The order is that of a hash of speaker and number, which does not depend on what else is there.

    Raises:
        InputError: less than half of the sentences would be left for train.
    """
    sentences = [number for number in numbers if number >= FIRST_SENTENCE]
    if len(sentences) < 2 * (DEV + TEST):
        raise InputError(
            f"speaker {speaker} has {len(sentences)} sentences (W{FIRST_SENTENCE:04d} and on), and "
            f"{2 * (DEV + TEST)} are needed; give the whole of AISHELL-1's sample"
        )
    drawn = sorted(sentences, key=lambda number: hashlib.sha1(f"{speaker} {number}".encode()).digest())
    return dict.fromkeys(drawn[:DEV], "dev") | dict.fromkeys(drawn[DEV : DEV + TEST], "test")


def _sentences(sample: Path, wav: Path) -> list[Utterance]:
    found: dict[str, dict[int, Path]] = defaultdict(dict)
    for path in sorted(sample.rglob("*.wav")):
        if match := SENTENCE_FILE.fullmatch(path.name):
            found[match[1]][int(match[2])] = path
    if not found:
        raise InputError(
            f"{sample} holds no BAC009S….wav; let --sample name the unpacked sample of AISHELL-1"
        )
    utterances = []
    for speaker, paths in found.items():
        sets = split(paths, speaker)
        for number, path in paths.items():
            text = path.with_suffix(".txt")
            if not text.is_file():
                raise InputError(f"{text} is missing; copy the sample of AISHELL-1 again")
            target = wav / sets.get(number, "train") / speaker / path.name
            utterances.append(Utterance(path, target, "".join(text.read_text(encoding="utf-8").split())))
    return utterances


def _words(words: Path, wav: Path) -> list[Utterance]:
    found = {match[1]: path for path in words.iterdir() if (match := WORD_FILE.fullmatch(path.name))}
    if not found:
        raise InputError(f"{words} holds no cmn-….mp3; let --words name the folder 64k/hsk of audio-cmn")
    return [
        Utterance(found[word], wav / f"BAC009{WORDS_SPEAKER}W{number:04d}.wav", word)
        for number, word in enumerate(sorted(found))
    ]


def _write_wav(utterance: Utterance) -> None:
    if utterance.target.exists():
        return
    try:
        samples, rate = soundfile.read(utterance.source, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise InputError(f"{utterance.source} cannot be read ({error}); copy it again") from error
    mono: np.ndarray = soxr.resample(samples.mean(axis=1), rate, RATE)
    utterance.target.parent.mkdir(parents=True, exist_ok=True)
    with write_aside(utterance.target) as aside:
        soundfile.write(aside, mono, RATE, subtype="PCM_16")
