"""Who is in which set: no speaker in two, no sentence of train or dev in test."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speechocean762.split import DEV_SPEAKERS, sentences_of, split
from speechocean762.tables import Utterances

from espnet_gmot.errors import InputError

OTHERS = ("0001", "0482", "9649")
TEST = ("0003", "0560")


def utterances(speakers: tuple[str, ...], sentences: list[str]) -> Utterances:
    """The sentences, spoken by one speaker after the other."""
    ids = {
        f"0{speakers[number % len(speakers)]}{number:04d}": sentence
        for number, sentence in enumerate(sentences)
    }
    return Utterances({each: Path(each) for each in ids}, ids, {each: each[1:5] for each in ids})


def test_dev_speakers_are_sixteen_of_different_names() -> None:
    assert len(set(DEV_SPEAKERS)) == 16
    assert list(DEV_SPEAKERS) == sorted(DEV_SPEAKERS)
    assert all(re.fullmatch("[0-9]{4}", speaker) for speaker in DEV_SPEAKERS)


def test_a_sentence_of_train_or_of_dev_is_seen() -> None:
    train = utterances((*OTHERS, "0006"), ["a b", "a c", "a d", "of dev"])
    test = utterances(TEST, ["a c", "of dev", "a", "new one"])
    sets, report = split(train, test)
    assert sentences_of(sets["test_seen"]) == {"a c", "of dev"}
    assert sentences_of(sets["test"]) == {"a", "new one"}  # "a" stands in them only as a part
    assert sets["dev"].speakers == ["0006"]
    assert report[0].startswith("warning: dev lacks 15 of its 16 speakers: 0075, 0575, ")
    assert report[0].endswith("9645")


def test_sentences_that_dev_shares_with_train_are_counted() -> None:
    train = utterances(("0001", "0006"), ["same", "same", "x", "y", "z", "y"])
    _, report = split(train, utterances(TEST, ["new"]))
    assert report[2] == "dev: 3 utterances of 1 speakers; 1 of its 2 sentences stand in train"


@given(
    train=st.lists(st.sampled_from("abcdefgh"), min_size=5, max_size=40),
    test=st.lists(st.sampled_from("efghijkl"), min_size=1, max_size=20),
)
def test_every_utterance_is_in_one_set(train: list[str], test: list[str]) -> None:
    official = utterances((*OTHERS, *DEV_SPEAKERS[:2]), train), utterances(TEST, [*test, "new"])
    sets, _ = split(*official)
    ids = [each for found in sets.values() for each in found.wavs]
    assert sorted(ids) == sorted([*official[0].wavs, *official[1].wavs])
    assert not set(sets["train"].speakers) & set(sets["dev"].speakers)
    known = sentences_of(sets["train"]) | sentences_of(sets["dev"])
    assert not sentences_of(sets["test"]) & known
    assert sentences_of(sets["test_seen"]) <= known


@pytest.mark.parametrize(
    ("train", "test", "empty"),
    [
        (utterances(OTHERS, ["a", "b"]), utterances(TEST, ["c"]), "dev"),
        (utterances(("0006",), ["a"]), utterances(TEST, ["c"]), "train"),
        (utterances(("0001", "0006"), ["a", "b"]), utterances(TEST, ["a", "b"]), "test"),
    ],
)
def test_an_empty_set_is_refused(train: Utterances, test: Utterances, empty: str) -> None:
    with pytest.raises(
        InputError, match=f"^{empty} would hold no utterance; the copy of speechocean762 lacks"
    ):
        split(train, test)


def test_a_speaker_of_train_and_test_is_refused() -> None:
    train = utterances(("0001", "0006"), ["a", "b"])
    test = utterances(("0560", "0001"), ["c", "d", "e", "f"])
    with pytest.raises(
        InputError, match=r"speaker 0001 stands in train and in test \(1 do\); let SPEECHOCEAN762"
    ):
        split(train, test)
    with pytest.raises(InputError, match=r"utterance 000010000 stands in train and in test \(2 do\)"):
        split(train, train)
