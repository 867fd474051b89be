"""What a user may choose about the small BERT and its training."""

from dataclasses import Field, dataclass, field, fields
from typing import Any

from espnet_gmot.errors import InputError

# By the corpus's preset, changes of the defaults below: two minutes on two cores
PRESETS: dict[str, dict[str, Any]] = {
    "demo": {},
    "small": {},
    "long": {},
    "full": {
        "layers": 4,
        "hidden_size": 256,
        "steps": 15000,
        "batch_size": 64,
        "lr": 1e-3,
        "min_count": 5,
    },
    "tiny": {"layers": 1, "hidden_size": 16, "heads": 2, "steps": 20},
}


def _option(default: Any, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class PretrainOptions:
    """Size and training of the small BERT.

    Raises:
        InputError: a value that makes no sense.
    """

    layers: int = _option(2, "Transformer blocks")
    hidden_size: int = _option(128, "size of the embeddings")
    heads: int = _option(4, "attention heads")
    steps: int = _option(3500, "updates")
    batch_size: int = _option(32, "lines an update")
    lr: float = _option(3e-3, "peak learning rate, after a warm-up; it then falls to 0")
    mask_rate: float = _option(0.3, "share of the characters to predict")
    max_length: int = _option(64, "tokens a sequence with [CLS] and [SEP]; longer lines are cut")
    min_count: int = _option(40, "rarer characters become [UNK]")
    held_out: float = _option(0.02, "share of the distinct lines kept for measuring, at most 1000 lines")
    seed: int = _option(0, "of everything random")

    def __post_init__(self) -> None:
        for option in fields(self):
            self._check(option)
        if self.hidden_size % (2 * self.heads):
            raise InputError(
                f"--hidden_size {self.hidden_size} does not divide by twice --heads {self.heads}; change one"
            )
        if self.max_length < 3:
            raise InputError(
                f"--max_length is {self.max_length}; leave room for [CLS], a character and [SEP]"
            )

    def _check(self, option: Field[Any]) -> None:
        value = getattr(self, option.name)
        if option.name in ("mask_rate", "held_out"):
            if not 0 < value < 1:
                raise InputError(f"--{option.name} is {value}; give a share between 0 and 1")
        elif option.name == "seed":
            if not 0 <= value < 2**31:
                raise InputError(f"--seed is {value}; give a number from 0 to {2**31 - 1}")
        elif not value > 0:
            raise InputError(f"--{option.name} is {value}; give a positive number")
