"""Which of the wheel's pieces a teacher keeps, and how it reads a text with them."""

import re
from dataclasses import dataclass

SPACE = "▁"  # SentencePiece's mark of a space
PREFIX = "passage:"  # stands before each text that the wheel's engine reads
PREFIX_PIECES = ("▁passage", ":", SPACE)  # kept by every teacher, so that it can be compared with the engine
MASK = "<mask>"
HAN = "[㐀-䶿一-鿿〇\U00020000-\U0003fffd]"
SINGLE = "[!-~。、·—“”‘’《》]"  # in a Chinese text; a word of Latin letters is one token a letter


@dataclass(frozen=True)
class Vocabulary:
    """Which pieces are kept, and how a text is read.

    Args:
        meaning: in a few words.
        kept: regular expression of the pieces, without their mark of a space.
        spaces: whether a space, and the beginning of the text, is a mark; otherwise white space is left out,
            and so are the pieces that begin with the mark.
        lower: whether the text is put in lower case first.
        characters: whether each character is a token.

    Example:
        >>> chinese, english = VOCABULARIES["chinese"], VOCABULARIES["english"]
        >>> [chinese.keeps(piece) for piece in ("今天", "a", "▁今天", "ab", "さ")]
        [True, True, False, False, False]
        >>> [english.keeps(piece) for piece in ("▁bank", "s", "Bank", "ñ", "银")]
        [True, True, False, False, False]
    """

    meaning: str
    kept: str
    spaces: bool = False
    lower: bool = False
    characters: bool = False

    def keeps(self, piece: str) -> bool:
        """Whether a teacher has this piece; special pieces are not asked for."""
        body = piece.removeprefix(SPACE)
        return (self.spaces or body == piece) and re.fullmatch(self.kept, body, re.DOTALL) is not None


VOCABULARIES = {
    "chinese": Vocabulary("words and characters of Chinese", f"{HAN}+|{SINGLE}"),
    "characters": Vocabulary("Chinese, one token a character", f"{HAN}|{SINGLE}", characters=True),
    "english": Vocabulary("pieces of ASCII, texts in lower case", r"[!-@\[-~]+", spaces=True, lower=True),
    "whole": Vocabulary("all pieces of all languages", ".*", spaces=True),
}
