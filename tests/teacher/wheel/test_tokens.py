import pytest
from small_e5_wheel import PIECES, SENTENCES
from small_e5_wheel import SPECIAL as BEGIN

from espnet_gmot.teacher.wheel.tokens import build_tokenizer, kept_ids, whole_tokenizer
from espnet_gmot.teacher.wheel.vocabulary import PREFIX_PIECES, VOCABULARIES


@pytest.fixture(params=VOCABULARIES)
def read(request, packed):
    """Give what a vocabulary reads of a text, without <s> and </s>."""
    vocabulary = VOCABULARIES[request.param]
    tokenizer = build_tokenizer(packed, kept_ids(packed, vocabulary), vocabulary)

    def tokens(text: str) -> list[str]:
        found = tokenizer.encode(text)
        assert found.tokens[0] == "<s>" and found.tokens[-1] == "</s>"
        assert found.special_tokens_mask == [1, *[0] * (len(found.ids) - 2), 1]
        return [tokenizer.id_to_token(i) for i in found.ids[1:-1]]

    tokens.name = request.param
    return tokens


@pytest.mark.parametrize("text", [*SENTENCES, "ab cd  e", " the bank ", "今 天", "Ａ１今天、ab", "ñandú Ω"])
def test_the_whole_vocabulary_reads_as_the_engine_does(packed, engine, text):
    plain = " ".join(text.split())  # at the ends the engine keeps a mark of each space
    ids = whole_tokenizer(packed).encode(text).ids
    theirs = engine.tokens(plain)
    fused = [i for k, i in enumerate(theirs) if i != packed.unk or theirs[k - 1 : k] != [packed.unk]]
    assert ids == [packed.bos, *fused, packed.eos]


READ = {
    "今天 天气": {
        "chinese": ["今天", "天气"],
        "characters": ["今", "天", "天", "气"],
        "english": ["▁", "<unk>", "▁", "<unk>"],
        "whole": ["▁今天", "▁", "天气"],
    },
    "The bank": {
        "chinese": ["<unk>", *"hebank"],
        "characters": ["<unk>", *"hebank"],
        "english": ["▁the", "▁bank"],
        "whole": ["▁", "<unk>", "h", "e", "▁bank"],
    },
    "ｂ": {"chinese": ["b"], "characters": ["b"], "english": ["▁", "b"], "whole": ["▁", "b"]},
    "": {"chinese": [], "characters": [], "english": [], "whole": []},
}


@pytest.mark.parametrize("text", READ)
def test_how_each_vocabulary_reads(read, text):
    assert read(text) == READ[text][read.name]


def test_what_is_kept_stays_in_order_and_holds_the_special_pieces(packed):
    for vocabulary in VOCABULARIES.values():
        kept = [PIECES[i] for i in kept_ids(packed, vocabulary)]
        assert kept[:4] == BEGIN and kept[-1] == "<mask>"
        assert set(PREFIX_PIECES) <= set(kept)
        others = set(kept) - {*BEGIN, "<mask>", *PREFIX_PIECES}
        assert others == {p for p in PIECES if vocabulary.keeps(p)} - {*BEGIN, "<mask>", *PREFIX_PIECES}
    assert kept == PIECES  # the whole one, the last
