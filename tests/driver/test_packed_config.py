"""Which configuration goes into an archive."""

import pytest
import yaml

from espnet_gmot import NAME_IN_ARCHIVE
from espnet_gmot.driver.packed_config import packed_config
from espnet_gmot.errors import InputError


def test_a_gmot_model_is_renamed_in_a_copy_and_nothing_else_is_changed(tmp_path, caplog):
    config = tmp_path / "config.yaml"
    content = {"model_conf": {"ctc_weight": 1.0}, "model": "gmot", "token_list": ["<blank>", "天", "."]}
    config.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    packed = packed_config(config)
    assert packed == tmp_path / "packed" / "config.yaml"
    found = yaml.safe_load(packed.read_text(encoding="utf-8"))
    assert found == content | {"model": NAME_IN_ARCHIVE}
    assert list(found) == list(content)
    assert yaml.safe_load(config.read_text(encoding="utf-8")) == content
    assert "pip install espnet_gmot" in caplog.text
    assert "espnet_gmot.bin.export" in caplog.text


def test_another_model_is_packed_as_it_is(tmp_path, caplog):
    config = tmp_path / "config.yaml"
    config.write_text("model: espnet\n")
    assert packed_config(config) == config
    assert list(tmp_path.iterdir()) == [config]
    assert not caplog.text


def test_a_configuration_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"config.yaml does not exist; name the config.yaml of the training"):
        packed_config(tmp_path / "config.yaml")


def test_the_name_says_what_to_do_and_espnet_can_look_it_up():
    assert "pip install espnet_gmot" in NAME_IN_ARCHIVE
    assert NAME_IN_ARCHIVE.lower() == NAME_IN_ARCHIVE  # as ESPnet looks it up
