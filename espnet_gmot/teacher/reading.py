"""How a teacher reads a transcript: what it sees beside it, and which of its vectors become one."""

from dataclasses import dataclass
from itertools import product

from espnet_gmot.errors import InputError

NONE, REPEAT, CHARACTERS = "none", "repeat", "characters"
CONTEXTS = (NONE, REPEAT)
POOLS = (NONE, CHARACTERS)


@dataclass(frozen=True)
class Reading:
    """What is read, and what counts as a row, a vector that is aligned.

    Args:
        context: ``repeat`` puts the transcript in front of itself. A model that reads from left to right has
            then seen all of it at each token of the second copy, whose rows alone count. ``none``: the
            transcript alone.
        pool: ``characters`` makes rows of the transcript's characters, white space left out: the mean over
            the tokens that hold a part of the character. So a token of several characters gives each of them
            its vector, and the pieces of one character are averaged. ``none``: a row a token.

    Raises:
        InputError: an unknown choice.

    Source: the repeated text after Springer, Kotha, Fried, Neubig, Raghunathan, arXiv 2402.15449.

    Example:
        >>> str(Reading()), str(Reading("repeat", "characters"))
        ('', ', text repeated, pooled to characters')
    """

    context: str = NONE
    pool: str = NONE

    def __post_init__(self) -> None:
        for name, choices in (("context", CONTEXTS), ("pool", POOLS)):
            if (value := getattr(self, name)) not in choices:
                raise InputError(
                    f"teacher's {name} {value!r} is not known; choose one of {', '.join(choices)}"
                )

    def __str__(self) -> str:
        said = {REPEAT: ", text repeated", CHARACTERS: ", pooled to characters"}
        return said.get(self.context, "") + said.get(self.pool, "")

    @property
    def options(self) -> str:
        """The options of the commands that ask for it, each with a blank behind it; empty by default."""
        given = {"context": self.context, "pool": self.pool}
        return "".join(f"--{name} {value} " for name, value in given.items() if value != NONE)


PLAIN = Reading()
READINGS = tuple(Reading(context, pool) for context, pool in product(CONTEXTS, POOLS))
