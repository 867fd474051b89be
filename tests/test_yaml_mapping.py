"""A YAML mapping is read, or refused with the file and the cure."""

import re

import pytest

from espnet_gmot.errors import InputError
from espnet_gmot.yaml_mapping import read_mapping


def test_a_mapping_is_read_as_utf8(tmp_path):
    (tmp_path / "x.yaml").write_text("token_list: [人]\n", encoding="utf-8")
    assert read_mapping(tmp_path / "x.yaml", "mend it") == {"token_list": ["人"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist; mend it"),
        (b"", "is empty; mend it"),
        (b"# nothing\n", "holds no keys; mend it"),
        (b"- a\n", "holds no keys; mend it"),
        (b"a: [1\n", r"is no YAML \(.*line 2.*\); correct it, or mend it"),
        (b"a: \xff\n", r"is no YAML \(.*\); correct it, or mend it"),
        (b"a: 2025-02-30\n", r"is no YAML \(.*\); correct it, or mend it"),
        (b"a: 1\n2: b\n", "has the key 2, which is no name; correct it, or mend it"),
        (b"no: 1\n", "has the key False, which is no name; correct it, or mend it"),
    ],
)
def test_what_is_no_mapping_is_refused(tmp_path, content, message):
    path = tmp_path / "x.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"(?s)^{re.escape(str(path))} {message}$"):
        read_mapping(path, "mend it")


@pytest.mark.parametrize("block", ["3", "text", "[alpha]", "true"])
def test_a_block_of_options_holds_keys_or_nothing(tmp_path, block):
    path = tmp_path / "x.yaml"
    path.write_text("model_conf:\noptim_conf: {}\n")
    assert read_mapping(path, "mend it") == {"model_conf": None, "optim_conf": {}}
    path.write_text(f"model_conf: {block}\n")
    with pytest.raises(InputError, match=r"x.yaml: model_conf holds .* and no keys; correct it, or mend it"):
        read_mapping(path, "mend it")


def test_a_byte_order_mark_is_left_out_and_wide_characters_are_refused(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfseed: 1\r\n")
    assert read_mapping(path, "mend it") == {"seed": 1}
    path.write_text("seed: 1\n", encoding="utf-16")  # which PyYAML would read, but not from ESPnet's open()
    with pytest.raises(InputError, match=r"x.yaml is not UTF-8 but UTF-16; convert it"):
        read_mapping(path, "mend it")
