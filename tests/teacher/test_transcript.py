"""Which tokens of a transcript are text, and which rows come of them, by tokenizers of every kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_tokenizers import CHARACTERS, KINDS, tokenizer_of
from tokenizers import normalizers

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.reading import PLAIN, READINGS, Reading
from espnet_gmot.teacher.token_spans import teacher_tokens
from espnet_gmot.teacher.transcript import labelled_rows, read_transcript, require_characters

REPEAT, CHARACTERWISE = Reading(context="repeat"), Reading(pool="characters")
FRAMES = [("", ""), ("<s>", ""), ("", "</s>"), ("<s>", "</s>"), ("", "<sep> <cls>"), ("<a> <b>", "<c>")]
TOKENIZERS = {(kind, *frame): tokenizer_of(kind, *frame) for kind in KINDS for frame in FRAMES}
TEXTS = st.text(st.sampled_from(CHARACTERS + " aé💡"), min_size=1, max_size=6).filter(str.strip)
any_tokenizer = pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=map("-".join, TOKENIZERS))


@any_tokenizer
@settings(max_examples=15)
@given(text=TEXTS)
def test_text_is_what_the_tokenizer_gives_without_special_tokens(tokenizer, text):
    found = read_transcript(tokenizer, text)
    plain = tokenizer(" ".join(text.split()), add_special_tokens=False)["input_ids"]
    assert found.ids[found.is_text].tolist() == found.text_ids.tolist() == plain
    assert found.ids.tolist() == tokenizer(" ".join(text.split()))["input_ids"]
    assert found.rows[:, 0].tolist() == list(range(len(found.ids)))
    assert (found.rows[:, 1] - found.rows[:, 0] == 1).all()


@pytest.mark.parametrize(
    ("front", "behind", "mask"),
    [
        ("", "", [1, 1]),
        ("<s>", "", [0, 1, 1]),
        ("", "<sep> <cls>", [1, 1, 0, 0]),
        ("<s>", "</s>", [0, 1, 1, 0]),
    ],
)
def test_special_tokens_stand_where_they_stand(front, behind, mask):
    found = read_transcript(tokenizer_of("wordpiece", front, behind), "今天")
    assert found.is_text.tolist() == [kind == 1 for kind in mask]


@any_tokenizer
@settings(max_examples=15)
@given(text=TEXTS)
def test_a_repeated_text_gives_the_rows_of_its_second_copy(tokenizer, text):
    for pool in ("none", "characters"):
        once = read_transcript(tokenizer, text, Reading(pool=pool))
        twice = read_transcript(tokenizer, text, Reading("repeat", pool))
        assert len(once.rows) == len(twice.rows)
        for a, b in zip(once.rows, twice.rows, strict=True):  # the same tokens in each row
            assert once.ids[a[0] : a[1]].tolist() == twice.ids[b[0] : b[1]].tolist()
            assert a[2] == b[2]
    plain = read_transcript(tokenizer, text)
    body, special = plain.ids[plain.is_text].tolist(), (~plain.is_text).sum()
    read = read_transcript(tokenizer, text, REPEAT)
    start = read.rows[read.is_text, 0].min()
    first = read.ids[:start].tolist()
    assert body == read.ids[read.rows[read.is_text, 0]].tolist()
    assert any(first[n : n + len(body)] == body for n in range(len(first)))  # the first copy is in front
    separator = tokenizer("\n", add_special_tokens=False)["input_ids"]
    assert len(read.ids) in (2 * len(body) + special, 2 * len(body) + special + len(separator))


def test_a_repeated_text_with_and_without_a_line_break_in_the_vocabulary():
    assert read_transcript(tokenizer_of("wordpiece", "<s>", "</s>"), "今天", REPEAT).ids.tolist() == [
        0, 3, 4, 3, 4, 1
    ]  # fmt: skip
    tokenizer = tokenizer_of("bytes", "<s>")
    names = tokenizer.convert_ids_to_tokens(read_transcript(tokenizer, "今天我", REPEAT).ids)
    assert names == ["<s>", "ä»Ĭå¤©", "æĪĳ", "Ċ", "ä»Ĭå¤©", "æĪĳ"]


KNOWN = [
    ("wordpiece", "今天a", [(1, 2), (2, 3), (3, 4)]),
    ("unigram", "今天很", [(2, 3), (2, 3), (3, 4)]),  # ▁ has no row, 今天 gives both its vector
    ("bytes", "天很我", [(1, 2), (2, 5), (5, 6)]),  # 很 is three bytes
    ("bytes", "公园", [(1, 3), (2, 5)]),  # the second of four pieces is of both characters
    ("fallback", "今天好 我", [(2, 3), (2, 3), (3, 6), (7, 8)]),
]


@pytest.mark.parametrize(("kind", "text", "spans"), KNOWN)
def test_rows_of_characters(kind, text, spans):
    found = read_transcript(tokenizer_of(kind, "<s>", "</s>"), text, CHARACTERWISE)
    last = len(found.ids) - 1
    assert found.rows.tolist() == [[0, 1, 0], *([*span, 1] for span in spans), [last, last + 1, 0]]


@any_tokenizer
@settings(max_examples=15)
@given(text=TEXTS)
def test_each_character_has_one_row_of_all_tokens_that_hold_it(tokenizer, text):
    characters = "".join(text.split())
    rows = [row for row in labelled_rows(tokenizer, text, CHARACTERWISE) if row.is_text]
    tokens = teacher_tokens(tokenizer, text)
    assert [row.token.label[0] for row in rows] == list(characters)
    for place, row in enumerate(rows):
        assert list(row.token.characters) == [place]
        holders = [n for n, token in enumerate(tokens) if place in token.characters]
        assert holders == list(range(row.start, row.stop))


@any_tokenizer
@settings(max_examples=15)
@given(text=TEXTS)
def test_labels_belong_to_the_rows(tokenizer, text):
    for reading in READINGS:
        rows, labelled = read_transcript(tokenizer, text, reading), labelled_rows(tokenizer, text, reading)
        assert rows.is_text.tolist() == [row.is_text for row in labelled]
        if reading.context == "none":
            assert rows.rows[:, :2].tolist() == [[row.start, row.stop] for row in labelled]


def test_labels_of_unknown_characters_say_so():
    rows = labelled_rows(tokenizer_of("wordpiece", "<s>"), "今龘", CHARACTERWISE)
    assert [row.token.label for row in rows] == ["<s>", "今", "龘 [UNK]"]


class Slow:
    """A tokenizer without offsets."""

    is_fast, unk_token, unk_token_id, model_max_length, name_or_path = False, "[UNK]", None, 64, "teacher-x"

    def __init__(self, fast):
        self.fast = fast
        self.convert_ids_to_tokens = fast.convert_ids_to_tokens

    def __call__(self, text, **options):
        assert not options.pop("return_offsets_mapping", False)  # transformers refuses it
        return self.fast(text, **options)


def test_a_slow_tokenizer_is_read_and_cannot_be_pooled():
    slow = Slow(tokenizer_of("wordpiece", "<s>"))
    assert read_transcript(slow, "今天").is_text.tolist() == [False, True, True]
    assert [row.token.label for row in labelled_rows(slow, "今天", PLAIN)] == ["<s>", "今", "天"]
    refused = "teacher teacher-x has a tokenizer that does not tell which characters"
    with pytest.raises(InputError, match=refused):
        read_transcript(slow, "今天", CHARACTERWISE)
    with pytest.raises(InputError, match=refused):
        require_characters(slow, CHARACTERWISE)
    require_characters(slow, PLAIN)


@pytest.mark.parametrize("frame", FRAMES, ids=map("-".join, FRAMES))
@pytest.mark.parametrize("reading", READINGS, ids=[f"{r.context}-{r.pool}" for r in READINGS])
@pytest.mark.parametrize("text", ["", " \u3000\n"])
def test_an_empty_text_is_refused_whatever_stands_around_it(frame, reading, text):
    with pytest.raises(InputError, match="utterance u7 has no text for the teacher; remove it"):
        read_transcript(tokenizer_of("bytes", *frame), text, reading, "u7")


def test_a_text_of_which_no_character_is_known_to_have_a_token_is_refused():
    """A soft hyphen is left out, and its space mark stays."""
    tokenizer = tokenizer_of("unigram", "<s>")
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("\u00ad", "")
    assert read_transcript(tokenizer, "今\u00ad很", CHARACTERWISE).is_text.sum() == 2
    with pytest.raises(InputError, match="utterance u7 has no"):
        read_transcript(tokenizer, "\u00ad", CHARACTERWISE, "u7")


def test_a_text_that_is_too_long_only_when_it_is_repeated():
    tokenizer = tokenizer_of("wordpiece", "<s>")
    assert len(read_transcript(tokenizer, "今" * 31, REPEAT).ids) == 63
    with pytest.raises(
        InputError, match="u1 has 65 teacher tokens, the text twice, and the teacher takes 64"
    ):
        read_transcript(tokenizer, "今" * 32, REPEAT, "u1")
    assert len(read_transcript(tokenizer, "今" * 32).ids) == 33


def test_rows_are_whole_numbers_that_espnet_pads_with_minus_one():
    from espnet2.train.collate_fn import CommonCollateFn

    tokenizer = tokenizer_of("bytes", "<s>")
    read = [read_transcript(tokenizer, text, CHARACTERWISE) for text in ("今天很", "好")]
    assert all(each.rows.dtype == each.ids.dtype == np.int64 for each in read)
    data = [(f"u{n}", {"teacher": each.ids, "teacher_rows": each.rows}) for n, each in enumerate(read)]
    _, batch = CommonCollateFn(float_pad_value=0.0, int_pad_value=-1)(data)
    assert batch["teacher_rows"][1].tolist() == [[0, 1, 0], [1, 4, 1], [-1] * 3, [-1] * 3]
