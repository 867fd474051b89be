"""Text files from outside."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from espnet_gmot.errors import InputError
from espnet_gmot.text_files import open_text, read_text


@given(st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: text.replace("\r", "")))
@example("a")
@example("\ufeffab")
def test_utf8_is_read_with_and_without_a_mark(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("text") / "text"
    for encoding in ("utf-8", "utf-8-sig"):
        content = text.encode(encoding)
        if b"\0" in content[:4]:  # looks like wider characters
            continue
        path.write_bytes(content)
        assert read_text(path) == content.decode("utf-8-sig")


def test_another_encoding_is_refused_also_after_the_first_line(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"utt1 hello\n" * 10000 + "utt2 今天\n".encode("gb18030"))
    with pytest.raises(InputError, match=r"text is not UTF-8 \(.*\); convert it to UTF-8 with iconv"):
        read_text(path)
    with pytest.raises(InputError, match="text is not UTF-8"), open_text(path) as lines:
        assert next(lines) == "utt1 hello\n"
        list(lines)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_characters_are_named_with_the_command_that_converts_them(tmp_path, encoding):
    path = tmp_path / "text"
    path.write_bytes("utt1 今天\n".encode(encoding))
    with pytest.raises(
        InputError, match=r"text is not UTF-8 but (UTF-\S+); .*: iconv -f \1 -t UTF-8"
    ) as raised:
        read_text(path)
    (named,) = re.findall(r"iconv -f (\S+)", str(raised.value))
    assert path.read_bytes().decode(named) == "utt1 今天\n"
