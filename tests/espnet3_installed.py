"""Marks for tests that need ESPnet3."""

import importlib.util

import pytest

NONE = "ESPnet3 begins with 202611"


def is_installed() -> bool:
    """Whether ESPnet3 is there; a folder of these tests is called espnet3 too."""
    try:
        return importlib.util.find_spec("espnet3.systems") is not None
    except ModuleNotFoundError:
        return False


needs_espnet3 = [
    pytest.mark.skipif(not is_installed(), reason=NONE),
    pytest.mark.skipif(importlib.util.find_spec("lightning") is None, reason="lightning is not installed"),
]
