"""The exception for bad input, for one fault or for many."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

SHOWN = 10  # faults that a message names

Item = TypeVar("Item")
Result = TypeVar("Result")


class InputError(ValueError):
    """Input that the user can mend: the message names the file or utterance and the cure.

    Commands print it as one line and exit with status 1; a traceback means a bug instead.
    """


class InputErrors(InputError):
    """The faults of several inputs: how many there are, and the first ten, a line each.

    Args:
        faults: a message each; equal ones count once.
        among: how many inputs there were and what they are, e.g. "7176 recordings".

    Example:
        >>> print(InputErrors(["u1 is empty", "u2 has 2 channels"], "5 recordings"))
        2 of 5 recordings cannot be used:
          u1 is empty
          u2 has 2 channels
    """

    def __init__(self, faults: Sequence[str], among: str = ""):
        self.faults = list(dict.fromkeys(faults))
        self.among = among
        super().__init__(self.faults, among)  # what pickle makes it from

    def __str__(self) -> str:
        if len(self.faults) == 1:
            return self.faults[0]
        of = f" of {self.among}" if self.among else ""
        first = f"; the first {SHOWN}" if len(self.faults) > SHOWN else ""
        lines = [f"{len(self.faults)}{of} cannot be used{first}:", *self.faults[:SHOWN]]
        return "\n  ".join(lines)


def faults_of(error: InputError) -> list[str]:
    """The messages in an error, one or many."""
    return error.faults if isinstance(error, InputErrors) else [str(error)]


def collect_faults(
    function: Callable[[Item], Result], items: Iterable[Item], among: str = ""
) -> Iterator[Result]:
    """Yield ``function(item)`` for each item; those that raise an InputError are left out until the end.

    Raises:
        InputErrors: the faults of all of them, after the last item.

    Example:
        >>> def positive(number):
        ...     if number < 0:
        ...         raise InputError(f"{number} is negative")
        ...     return number
        >>> list(collect_faults(positive, [1, -2, 3, -4], "4 numbers"))
        Traceback (most recent call last):
        espnet_gmot.errors.InputErrors: 2 of 4 numbers cannot be used:
          -2 is negative
          -4 is negative
    """
    faults: list[str] = []
    for item in items:
        try:
            result = function(item)
        except InputError as error:
            faults += faults_of(error)
            continue
        yield result
    if faults:
        raise InputErrors(faults, among)
