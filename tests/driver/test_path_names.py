"""Names of sets and tags that would lead out of their directory."""

from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet_gmot.driver.options import Options
from espnet_gmot.driver.path_names import NAMES, check_path_names
from espnet_gmot.errors import InputError


def options(**changes: str) -> Options:
    own = dict.fromkeys(NAMES, "") | {"train_set": "train", "valid_set": "dev", "test_sets": "test"}
    return cast(Options, SimpleNamespace(**own | changes))


@pytest.mark.parametrize("name", ["train", "org/dev", "测试", "a..b", "...", "v1.0-x_y", "x" * 255])
@pytest.mark.parametrize("option", NAMES)
def test_usual_names_are_accepted(option: str, name: str) -> None:
    check_path_names(options(**{option: name}))


@pytest.mark.parametrize("name", ["/tmp/x", "..", "../x", "a/../../b", "a/..", "//x"])
@pytest.mark.parametrize("option", NAMES)
def test_names_that_lead_out_are_refused(option: str, name: str) -> None:
    with pytest.raises(
        InputError, match=f"--{option} {name} leads out of its directory; give a name without"
    ):
        check_path_names(options(**{option: name}))


def test_every_test_set_is_looked_at() -> None:
    with pytest.raises(InputError, match="--test_sets ../eval leads out"):
        check_path_names(options(test_sets="test ../eval"))


def test_a_name_too_long_for_a_file_system_is_refused() -> None:
    with pytest.raises(InputError, match="--asr_tag 长+ is longer than 255 bytes; give a shorter name"):
        check_path_names(options(asr_tag="长" * 100))


@given(st.text(st.sampled_from("./a长"), max_size=8))
def test_what_is_accepted_stays_below_any_directory(name: str) -> None:
    from pathlib import Path

    try:
        check_path_names(options(asr_tag=name))
    except InputError:
        return
    assert (Path("/exp") / name).resolve().is_relative_to("/exp")
