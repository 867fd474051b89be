"""Which characters a teacher's token stands for: kinds of tokenizers, counts that agree by chance."""

import dataclasses
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertTokenizerFast, PreTrainedTokenizerFast

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.cache import CacheMeta
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.token_spans import teacher_tokens, tokenizer_of_cache
from espnet_gmot.teacher.tokenizer import encode_transcript, load_tokenizer, tokenizer_number

SINGLE = "今天很好气我们去公园"
MERGED = ["今天", "天气", "我们", "公园", "今天天气", "▁我", "▁去公"]
SPECIAL = {"<s>": 0, "</s>": 1, "<unk>": 2}


def framed(tokenizer):
    tokenizer.post_processor = processors.Sequence(
        [
            *([processors.ByteLevel()] if isinstance(tokenizer.model, models.BPE) else []),
            processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def unigram(split_at_spaces=False, **metaspace):
    """Characters and merges of them as SentencePiece has them, in XLM-R and its like."""
    pieces = [*SPECIAL, "▁", *MERGED, *SINGLE]
    scores = [(piece, -1.0 if piece in MERGED else -5.0) for piece in pieces]
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=2, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(**metaspace)
    if split_at_spaces:
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), tokenizer.pre_tokenizer]
        )
    else:
        tokenizer.decoder = decoders.Metaspace()
    return framed(tokenizer)


def byte_level(add_prefix_space=False):
    """Bytes without merges: three tokens a Chinese character."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = SPECIAL | {char: 3 + number for number, char in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    return framed(tokenizer)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SINGLE, "20", "##24", "i", "##phone", "e", "Ġ"]
    vocabulary = tmp_path_factory.mktemp("bert") / "vocab.txt"
    vocabulary.write_text("\n".join(pieces) + "\n")
    return BertTokenizerFast(str(vocabulary))


def labels(tokenizer, text):
    return [token.label for token in teacher_tokens(tokenizer, text)]


def places(tokenizer, text):
    return [list(token.characters) for token in teacher_tokens(tokenizer, text)]


@pytest.mark.parametrize(
    ("text", "rows", "characters"),
    [
        ("今天", ["今", "天"], [[0], [1]]),
        ("今 天\n", ["今", "天"], [[0], [1]]),
        ("2024今", ["20", "24", "今"], [[0, 1], [2, 3], [4]]),
        ("iphone", ["i", "phone"], [[0], [1, 2, 3, 4, 5]]),
        ("今龘天", ["今", "龘 [UNK]", "天"], [[0], [1], [2]]),
        ("abc今", ["abc [UNK]", "今"], [[0, 1, 2], [3]]),
        ("É今", ["É", "今"], [[0], [1]]),  # e in the vocabulary
        ("今\u200b天", ["今", "天"], [[0], [2]]),  # a character that BERT leaves out
        ("ĠĠ", ["ĠĠ [UNK]"], [[0, 1]]),  # a Maltese letter, no mark of a space
    ],
)
def test_wordpiece(bert, text, rows, characters):
    assert labels(bert, text) == ["[CLS]", *rows, "[SEP]"]
    assert places(bert, text) == [[], *characters, []]


@pytest.mark.parametrize("tokenizer", [unigram(), unigram(split_at_spaces=True)], ids=["metaspace", "xlm-r"])
@pytest.mark.parametrize(
    ("text", "rows", "characters"),
    [  # as many rows as characters, by chance, in the first two
        ("今天很好", ["▁", "今天", "很", "好"], [[], [0, 1], [2], [3]]),
        ("天气好", ["▁", "天气", "好"], [[], [0, 1], [2]]),
        ("我很好", ["我", "很", "好"], [[0], [1], [2]]),  # ▁我
        ("今天 去公园", ["▁", "今天", "去公", "园"], [[], [0, 1], [2, 3], [4]]),
        ("好 好", ["▁", "好", "▁", "好"], [[], [0], [], [1]]),
        ("好龘", ["▁", "好", "龘 <unk>"], [[], [0], [1]]),
    ],
)
def test_merges(tokenizer, text, rows, characters):
    assert labels(tokenizer, text) == ["<s>", *rows, "</s>"]
    assert places(tokenizer, text) == [[], *characters, []]


@pytest.mark.parametrize("prefix", [True, False])
def test_bytes_are_parts_of_their_character(prefix):
    tokenizer = byte_level(add_prefix_space=prefix)
    first = [[]] if prefix else []
    assert places(tokenizer, "a 今") == [[], *first, [0], [], [1], [1], [1], []]
    assert labels(tokenizer, "今") == ["<s>", *["Ġ"] * prefix, "今", "今", "今", "</s>"]


TOKENIZERS = {
    "always": unigram(),
    "never": unigram(prepend_scheme="never"),
    "xlm-r": unigram(split_at_spaces=True),
}


@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS)
@given(text=st.text(st.sampled_from(SINGLE + "  "), min_size=1).filter(str.strip))
def test_tokens_are_consecutive_slices_of_the_text(tokenizer, text):
    characters = "".join(text.split())
    tokens = teacher_tokens(tokenizer, text)
    names = tokenizer.convert_ids_to_tokens(encode_transcript(tokenizer, text)["input_ids"])
    heard = [token for token in tokens if token.characters]
    assert [place for token in heard for place in token.characters] == list(range(len(characters)))
    for token, name in zip(tokens, names, strict=True):
        part = "".join(characters[place] for place in token.characters)
        assert token.label == (part or name)
        assert name.strip("▁") == part or name in ("<s>", "</s>")


@given(text=st.text(st.sampled_from("今a é 💡"), min_size=1).filter(str.strip))
def test_every_byte_belongs_to_its_character(text):
    characters = "".join(text.split())
    tokens = teacher_tokens(byte_level(), text)
    expected = [place for place, char in enumerate(characters) for _ in char.encode()]
    assert [place for token in tokens for place in token.characters] == expected


def test_a_slow_tokenizer_gives_its_names_and_no_characters(bert):
    class Slow:
        is_fast, unk_token = False, "[UNK]"
        convert_ids_to_tokens = staticmethod(bert.convert_ids_to_tokens)

        def __call__(self, text, verbose, return_offsets_mapping):
            assert not return_offsets_mapping  # transformers refuses it
            return bert(text)

    found = teacher_tokens(Slow(), "iphone")
    assert found == [("[CLS]", None), ("i", None), ("##phone", None), ("[SEP]", None)]


def meta_of(teacher_dir, **changes):
    teacher = FrozenTeacher.load(str(teacher_dir), **changes)
    identity = teacher.identity()
    return CacheMeta(
        identity.name, identity.layer, teacher.hidden_size, "float16", identity.fingerprint, 1,
        identity.random_init,
    )  # fmt: skip


@pytest.mark.parametrize("random_init", [True, False])
def test_the_tokenizer_of_a_cache_is_that_of_its_teacher(tiny_bert, other_bert, random_init):
    meta = meta_of(tiny_bert, random_init=random_init)
    assert labels(tokenizer_of_cache(meta), "我们") == ["[CLS]", "我", "们", "[SEP]"]


def test_a_teacher_that_was_replaced_or_removed_is_refused(tiny_bert, other_bert, tmp_path):
    shutil.copytree(tiny_bert, tmp_path / "bert")
    meta = meta_of(tmp_path / "bert")
    shutil.copytree(other_bert, tmp_path / "bert", dirs_exist_ok=True)
    with pytest.raises(InputError, match="is not the one that the cache was made with"):
        tokenizer_of_cache(meta)
    with pytest.raises(InputError, match="gone is not on this machine"):
        tokenizer_of_cache(dataclasses.replace(meta, teacher=str(tmp_path / "gone")))


def test_a_cache_of_another_tokenizer_has_no_tokenizer_to_read_it_by(tiny_bert):
    number = tokenizer_number(load_tokenizer(str(tiny_bert)))
    meta = dataclasses.replace(meta_of(tiny_bert), tokenizer=number)
    assert labels(tokenizer_of_cache(meta), "我们") == ["[CLS]", "我", "们", "[SEP]"]
    with pytest.raises(InputError, match="its tokenizer is another"):
        tokenizer_of_cache(dataclasses.replace(meta, tokenizer=number + 1))


def test_white_space_of_any_kind_is_that_of_the_token_ids(bert):
    expected = teacher_tokens(bert, "今天 很 好")
    for text in ("今天\u3000很\u00a0好", " 今天\t\u3000很  好\u2028"):
        assert teacher_tokens(bert, text) == expected
