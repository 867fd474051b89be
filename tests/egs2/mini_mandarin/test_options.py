import re

import pytest
from small_bert.options import PretrainOptions

from espnet_gmot.errors import InputError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "--steps is 0; give a positive number"),
        ({"lr": float("nan")}, "--lr is nan; give a positive number"),
        ({"mask_rate": 1.0}, "--mask_rate is 1.0; give a share between 0 and 1"),
        ({"hidden_size": 20, "heads": 3}, "--hidden_size 20 does not divide by twice --heads 3"),
        ({"max_length": 2}, "--max_length is 2; leave room"),
        ({"seed": -1}, "--seed is -1; give a number from 0"),
    ],
)
def test_options_are_checked(options: dict[str, float], message: str):
    with pytest.raises(InputError, match=re.escape(message)):
        PretrainOptions(**options)
