import hashlib
import itertools
import os
import shutil
import stat
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_gmot.data.kaldi_text import plain_spaces
from espnet_gmot.errors import InputError, InputErrors
from espnet_gmot.teacher import texts
from espnet_gmot.teacher.cache import text_key
from espnet_gmot.teacher.texts import Transcript, distinct, read_transcripts, sort_lines, tokenize
from espnet_gmot.teacher.tokenizer import load_tokenizer


def test_transcripts_are_read_and_one_that_is_missing_is_named(tmp_path):
    text = tmp_path / "text"
    text.write_text("utt1 我们 爱\n", encoding="utf-8")
    assert list(read_transcripts([text, text])) == [("utt1", "我们 爱")] * 2
    text.write_text("utt1 我们 爱\nutt2\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"{text}:2: id utt2 has no value; complete or remove the line"):
        list(read_transcripts([text]))


def through_pipe(path: Path, content: bytes) -> None:
    os.mkfifo(path)
    threading.Thread(target=path.write_bytes, args=(content,), daemon=True).start()


def test_a_pipe_is_read(tmp_path):
    through_pipe(tmp_path / "pipe", "utt1 我们\nutt2 爱\n".encode())
    assert list(read_transcripts([tmp_path / "pipe"])) == [("utt1", "我们"), ("utt2", "爱")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "pipe is empty; give Kaldi text files"),
        ("utt1 我们\n".encode("gbk"), "pipe is not UTF-8"),
        ("utt1 ab\n".encode("utf-16"), "pipe is not UTF-8 but UTF-16"),
    ],
)
def test_what_is_wrong_in_a_pipe_is_told_as_of_a_file(tmp_path, content: bytes, message: str):
    through_pipe(tmp_path / "pipe", content)
    with pytest.raises(InputError, match=message):
        list(read_transcripts([tmp_path / "pipe"]))


@pytest.mark.parametrize("name", ["nothing", ""])
def test_a_missing_file_is_named(tmp_path, name: str):
    with pytest.raises(InputError, match="does not exist; give Kaldi text files"):
        list(read_transcripts([tmp_path / name]))


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=8), max_size=30
    )
)
def test_each_text_comes_once_in_the_order_of_keys_with_its_first_utterance(tmp_path_factory, said):
    said = [text for text in said if text.split()]
    named = [(f"u{number}", text) for number, text in enumerate(said)]
    found = list(distinct(named, tmp_path_factory.mktemp("scratch")))
    assert [each.key for each in found] == sorted({text_key(text) for text in said})
    first = {}
    for utt_id, text in named:
        first.setdefault(plain_spaces(text), utt_id)
    assert {each.text: each.utt_id for each in found} == first


def test_sorting_leaves_nothing_and_does_not_depend_on_the_locale(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    lines = ["b\t1", "B\t2", "é\t3", "a\t10", "a\t9"]
    assert list(sort_lines(lines, tmp_path, "-k1,1", "-k2,2n")) == ["B\t2", "a\t9", "a\t10", "b\t1", "é\t3"]
    assert list(tmp_path.iterdir()) == []


def test_more_than_fits_into_sorts_memory_is_sorted_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "SORTS_MEMORY", "100k")
    keys = [hashlib.sha1(str(number).encode()).hexdigest() for number in range(20_000)]
    assert list(sort_lines(keys, tmp_path)) == sorted(keys)


@pytest.mark.parametrize("reads", ["cat > /dev/null", ":"])
def test_a_full_disk_is_told_with_its_cure(tmp_path, monkeypatch, reads: str):
    broken = tmp_path / "bin"
    broken.mkdir()
    script = f"#!/bin/sh\n{reads}\necho 'sort: write failed: No space left on device' >&2\nexit 2\n"
    (broken / "sort").write_text(script)
    (broken / "sort").chmod((broken / "sort").stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{broken}:{os.environ['PATH']}")
    with pytest.raises(
        InputError, match=f"{tmp_path}: sort: write failed: No space .*; free some disk space"
    ):
        list(sort_lines(["a" * 100] * 10_000, tmp_path))


def test_a_fault_in_the_lines_comes_through_and_ends_the_sort(tmp_path):
    def lines():
        yield "a"
        raise InputError("utterance u2 is bad")

    with pytest.raises(InputError, match="utterance u2 is bad"):
        list(sort_lines(lines(), tmp_path))
    assert shutil.which("sort")


def test_a_corpus_is_not_held_in_memory(tmp_path):
    """Four times the texts take no more memory."""

    def peak(count: int) -> int:
        said = ((f"u{number}", f"天气 {number} " * 10) for number in range(count))
        tracemalloc.start()
        try:
            assert sum(1 for _ in distinct(said, tmp_path)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(5_000), peak(20_000)
    assert large < 1.2 * small + 50_000
    assert list(itertools.islice(tmp_path.iterdir(), 1)) == []


def test_texts_that_cannot_be_read_are_told_together(tiny_bert: str):
    said = [("u1", "我们"), ("u2", "我" * 100), ("u3", "爱"), ("u4", "人" * 100)]
    distinct_texts = [Transcript(text_key(text), utt_id, text) for utt_id, text in said]
    read: list[str] = []
    with pytest.raises(InputErrors, match=r"u2 has 102 .*\n.*u4 has 102 "):
        for each, _ in tokenize(load_tokenizer(tiny_bert), distinct_texts):
            read.append(each.text)
    assert read == ["我们", "爱"]
