"""Token labels that the fonts at hand can draw."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from matplotlib import font_manager


class Labels(NamedTuple):
    """How to draw tokens: ``text[token]`` in ``font`` (None for the default); ``note`` for the axis."""

    text: dict[str, str]
    font: Path | None
    note: str


def readable_labels(tokens: Iterable[str]) -> Labels:
    """Choose a font that has every character; where none does, write pinyin or code points.

    Matplotlib's own fonts lack Chinese. The fonts of the system are searched for one that has
    all characters; without it the tokens become pinyin if ``pypinyin`` is installed (extra
    ``demo``), and Unicode code points such as U+5929 otherwise.

    Example:
        >>> readable_labels(["a", "b"])
        Labels(text={'a': 'a', 'b': 'b'}, font=None, note='')
    """
    same = {token: token for token in tokens}
    characters = set("".join(same))
    default = font_manager.findfont("DejaVu Sans")
    if _has_glyphs(default, characters):
        return Labels(same, None, "")
    for font in font_manager.fontManager.ttflist:
        # "Last Resort" has a box for every character.
        if "Last Resort" not in font.name and _has_glyphs(font.fname, characters):
            return Labels(same, Path(font.fname), "")
    return _romanise(same)


def _has_glyphs(path: str, characters: set[str]) -> bool:
    face = font_manager.get_font(path)
    return all(face.get_char_index(ord(character)) for character in characters)


def _romanise(tokens: Iterable[str]) -> Labels:
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError:
        codes = {token: token if token.isascii() else _code_points(token) for token in tokens}
        return Labels(codes, None, " (code points)")
    return Labels({token: "".join(lazy_pinyin(token, Style.TONE)) for token in tokens}, None, " (pinyin)")


def _code_points(token: str) -> str:
    return " ".join(f"U+{ord(character):04X}" for character in token)
