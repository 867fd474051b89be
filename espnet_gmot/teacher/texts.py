"""The distinct transcripts of a corpus of any size: sorted on disk, and read a part at a time."""

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

from tqdm import tqdm

from espnet_gmot.data.kaldi_text import each_line, plain_spaces
from espnet_gmot.errors import InputError, collect_faults
from espnet_gmot.teacher.cache import text_key
from espnet_gmot.teacher.coverage import Coverage, unknown_ids
from espnet_gmot.teacher.reading import PLAIN, Reading
from espnet_gmot.teacher.transcript import TeacherText, read_transcript

SORTS_MEMORY = "256M"
STDIN = "-"


class Transcript(NamedTuple):
    """A transcript with plain spaces.

    Attributes:
        key: see `text_key`.
        utt_id: an utterance that has it, for messages.
        text: what is said.
    """

    key: str
    utt_id: str
    text: str


def read_transcripts(paths: Iterable[str | Path]) -> Iterator[tuple[str, str]]:
    """Give (utterance id, transcript) of Kaldi ``text`` files, line by line.

    A path may be a pipe, and ``-`` stands for what comes from the standard input. The ids are not kept, so
    one that comes twice is not noticed.

    Raises:
        InputError: a missing or empty file, or a bad line; see
            :func:`espnet_gmot.data.kaldi_text.each_line`.
    """
    cure = "give Kaldi text files: an utterance id and its transcript on each line"
    for path in paths:
        nothing = True
        for utt_id, transcript in each_line("/dev/stdin" if str(path) == STDIN else path, cure):
            nothing = False
            yield utt_id, transcript
        if nothing:
            raise InputError(f"{path} is empty; {cure}")


def distinct(transcripts: Iterable[tuple[str, str]], scratch: Path) -> Iterator[Transcript]:
    """Give each text once, in the order of the keys.

    A key is a hash, so the first texts are a draw from all of them.

    Args:
        transcripts: (utterance id, transcript).
        scratch: a directory for what does not fit into memory.

    Raises:
        InputError: the disk is too small to sort them.

    Example:
        >>> import tempfile
        >>> said = [("u1", "天气"), ("u2", "今天"), ("u3", " 天气\\n")]
        >>> [each.text for each in distinct(said, Path(tempfile.mkdtemp()))]
        ['今天', '天气']
    """
    plain = ((utt_id, plain_spaces(text)) for utt_id, text in transcripts)
    lines = (f"{text_key(text)}\t{utt_id}\t{text}" for utt_id, text in plain)
    for line in sort_lines(lines, scratch, "-s", "-u", "-k1,1"):
        yield Transcript(*line.split("\t"))


def tokenize(
    tokenizer: Any, texts: Iterable[Transcript], reading: Reading = PLAIN
) -> Iterator[tuple[Transcript, TeacherText]]:
    """Give each text with its tokens; the log tells how many of them the tokenizer does not know.

    Args:
        tokenizer: the teacher's.
        texts: distinct ones.
        reading: what the teacher sees beside a text, and what becomes a row.

    Raises:
        InputError: unusable transcripts, told together at the end, or most tokens are unknown.
    """
    coverage = Coverage(tokenizer.name_or_path, unknown_ids(tokenizer))

    def read(each: Transcript) -> tuple[Transcript, TeacherText]:
        text = read_transcript(tokenizer, each.text, reading, each.utt_id)
        coverage.count(text.text_ids)
        return each, text

    yield from collect_faults(read, tqdm(texts, desc="tokenise", unit="text", mininterval=1.0, leave=False))
    coverage.judge()


def sort_lines(lines: Iterable[str], scratch: Path, *options: str, separator: str = "\t") -> Iterator[str]:
    """Sort lines with ``sort`` in the C locale: what does not fit into its memory goes to disk.

    Args:
        lines: without newlines.
        scratch: a directory for what does not fit into memory.
        options: of ``sort``.
        separator: between the fields of a line.

    Raises:
        InputError: it failed, most likely for lack of disk.
    """
    command = ["sort", "-t", separator, "-S", SORTS_MEMORY, "-T", str(scratch), *options]
    environment = os.environ | {"LC_ALL": "C"}
    with (
        TemporaryFile() as said,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        try:
            for line in lines:
                process.stdin.write(f"{line}\n".encode())
            process.stdin.close()
        except BrokenPipeError:  # what it said is told below
            with suppress(BrokenPipeError):
                process.stdin.close()
        for sorted_line in process.stdout:
            yield sorted_line[:-1].decode()
        if process.wait() != 0:
            said.seek(0)
            raise InputError(
                f"{scratch}: {said.read().decode(errors='replace').strip()}; free some disk space"
            )
