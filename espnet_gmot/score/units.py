"""What is counted in a text: the characters or words of ESPnet's own tokenizers, with ``<unk>`` as one."""

from collections.abc import Iterable
from typing import Literal

from espnet2.text.char_tokenizer import CharTokenizer
from espnet2.text.word_tokenizer import WordTokenizer

from espnet_gmot.data.kaldi_text import UNKNOWN, plain_spaces

Unit = Literal["char", "word"]
CHARACTERS = CharTokenizer(nonsplit_symbols=[UNKNOWN])
SPACE = "<space>"  # ESPnet's token for the space between two words


def units_of(text: str, unit: Unit, spaces: bool = False) -> list[str]:
    """Split a text into what is counted.

    Args:
        text: a transcript or a recognised text.
        unit: "char" or "word".
        spaces: whether the space between two words counts as a character.

    Example:
        >>> units_of("很好<unk> ok", "char")
        ['很', '好', '<unk>', 'o', 'k']
        >>> units_of("很好<unk> ok", "char", spaces=True)
        ['很', '好', '<unk>', '<space>', 'o', 'k']
        >>> units_of("很好<unk> ok", "word")
        ['很好<unk>', 'ok']
    """
    if unit == "word":
        return text.split()
    units = CHARACTERS.text2tokens(plain_spaces(text))
    return [each for each in units if spaces or each != SPACE]


def without_symbols(text: str, unit: Unit, symbols: Iterable[str]) -> str:
    """Take non-linguistic symbols out, as ESPnet does before it scores: of words, those that are one.

    Example:
        >>> without_symbols("so <noise> good<laugh>", "char", ["<noise>", "<laugh>"])
        'so good'
        >>> without_symbols("so <noise> good<laugh>", "word", ["<noise>", "<laugh>"])
        'so good<laugh>'
    """
    kind = CharTokenizer if unit == "char" else WordTokenizer
    tokenizer = kind(non_linguistic_symbols=list(symbols), remove_non_linguistic_symbols=True)
    return plain_spaces(tokenizer.tokens2text(tokenizer.text2tokens(plain_spaces(text))))
