"""Token labels that the fonts at hand can draw."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
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

    Matplotlib's own fonts lack Chinese. Noto Sans SC comes with the package ``zhplot`` (extra
    ``demo``); where neither it nor a font of the system has all characters, the tokens become
    pinyin if ``pypinyin`` is installed, and Unicode code points such as U+5929 otherwise.

    Example:
        >>> readable_labels(["a", "b"])
        Labels(text={'a': 'a', 'b': 'b'}, font=None, note='')
    """
    same = {token: token for token in tokens}
    characters = set("".join(same))
    default = font_manager.findfont("DejaVu Sans")
    if _has_glyphs(default, characters):
        return Labels(same, None, "")
    for font in _fonts():
        if _has_glyphs(font, characters):
            return Labels(same, Path(font), "")
    return _romanise(same)


def _fonts() -> Iterator[str]:
    # Found, not imported: the import would set matplotlib's default font.
    if (package := find_spec("zhplot")) and package.origin:
        yield from map(str, sorted((Path(package.origin).parent / "fonts").glob("*.ttf")))
    # "Last Resort" has a box for every character.
    yield from (font.fname for font in font_manager.fontManager.ttflist if "Last Resort" not in font.name)


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
