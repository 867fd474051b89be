"""The tokenizer of the pieces that a teacher keeps: SentencePiece's, by the library ``tokenizers``."""

from collections.abc import Sequence

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from espnet_gmot.teacher.wheel.packed import PackedModel
from espnet_gmot.teacher.wheel.vocabulary import MASK, PREFIX_PIECES, SPACE, VOCABULARIES, Vocabulary


def kept_ids(packed: PackedModel, vocabulary: Vocabulary) -> list[int]:
    """Return the ids of the pieces that a teacher keeps, rising; special ones are always among them."""
    always = {*special_ids(packed), *(packed.pieces.index(piece) for piece in PREFIX_PIECES)}
    return [i for i, piece in enumerate(packed.pieces) if i in always or vocabulary.keeps(piece)]


def special_ids(packed: PackedModel) -> list[int]:
    """Return the ids of beginning, padding, end, unknown and mask."""
    return [packed.bos, packed.pad, packed.eos, packed.unk, packed.pieces.index(MASK)]


def build_tokenizer(packed: PackedModel, ids: Sequence[int], vocabulary: Vocabulary) -> Tokenizer:
    """Build the tokenizer of the pieces ``ids``; its ids are their places in this list.

    The normalisation is SentencePiece's nmt_nfkc. That of ``tokenizers`` differs from the file's own table in
    two of the characters of Unicode 15.0, U+FF5E and U+1F23B.
    """
    places = {piece: place for place, piece in enumerate(ids)}
    pieces = [(packed.pieces[i], packed.scores[i]) for i in ids]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=places[packed.unk], byte_fallback=False))
    space = normalizers.Replace(Regex(r"\s+"), " " if vocabulary.spaces else "")
    steps = [normalizers.Nmt(), normalizers.NFKC(), space, normalizers.Strip()]
    tokenizer.normalizer = normalizers.Sequence(steps + [normalizers.Lowercase()] * vocabulary.lower)
    if vocabulary.spaces:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")
    elif vocabulary.characters:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    bos, eos = (packed.pieces[i] for i in (packed.bos, packed.eos))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, places[packed.bos]), (eos, places[packed.eos])],
    )
    tokenizer.add_special_tokens(
        [AddedToken(packed.pieces[i], special=True, normalized=False) for i in special_ids(packed)]
    )
    return tokenizer


def whole_tokenizer(packed: PackedModel) -> Tokenizer:
    """Build the tokenizer that reads as the wheel's engine does."""
    return build_tokenizer(packed, range(len(packed.pieces)), VOCABULARIES["whole"])
