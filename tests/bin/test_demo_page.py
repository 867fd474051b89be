"""The command of the demo page: what it refuses before it serves anything."""

import sys

import pytest

from espnet_gmot.errors import InputError


def test_an_experiment_that_is_not_there_is_named(tmp_path, monkeypatch):
    from espnet_gmot.bin.demo_page import main

    monkeypatch.setattr(sys, "argv", ["demo_page", "--experiment", str(tmp_path / "none")])
    with pytest.raises(InputError, match=r"none/config.yaml does not exist; train the model first"):
        main()
