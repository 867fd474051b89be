"""How every command starts and ends."""

import argparse
import signal
import sys
from collections.abc import Callable

from espnet_gmot.driver.processes import is_under_nohup
from espnet_gmot.errors import InputError, explain
from espnet_gmot.teacher.reading import CONTEXTS, NONE, POOLS


def run(main: Callable[[], None]) -> None:
    """Call ``main``; turn an InputError or a full disk into one line on stderr and exit status 1.

    TERM and HUP end the command in good order too: what it was writing aside is removed.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if not is_under_nohup(number):
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        main()
    except (InputError, OSError) as error:
        sys.exit(f"{sys.argv[0].rsplit('/', 1)[-1]}: error: {reason(error)}")
    except KeyboardInterrupt:
        sys.exit("interrupted; run the same command again to continue")


def reason(error: Exception) -> str:
    """Return what the user can mend; raise the error again if it is none of that kind, but a bug."""
    told = explain(error) if isinstance(error, OSError) else str(error)
    if told is None:
        raise error
    return told


def at_least(least: int) -> Callable[[str], int]:
    """Return a type for options of argparse: whole numbers from ``least`` up.

    Example:
        >>> at_least(1)("4")
        4
    """

    def whole_number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} up")
        return int(text)

    return whole_number


def add_address_options(parser: argparse.ArgumentParser, host: str = "127.0.0.1", port: str = "7860") -> None:
    """Let a command ask where a page is to be served: ``host`` and ``port``, with these defaults."""
    parser.add_argument("--host", default=host, help="address to listen on; 0.0.0.0 is all of them")
    parser.add_argument("--port", type=at_least(1), default=port, help="port to listen on")


def add_embedding_options(parser: argparse.ArgumentParser) -> None:
    """Let a command ask which vectors of a teacher are wanted: ``layer``, ``context`` and ``pool``."""
    parser.add_argument(
        "--layer", type=int, nargs="+", default=[-1],
        help="hidden state: 0 = input embeddings, -1 = last; of several, such as -4 -3 -2 -1, the mean",
    )  # fmt: skip
    parser.add_argument(
        "--context", choices=CONTEXTS, default=NONE,
        help="repeat: the text twice, and the second copy counts; for models that read from left to right",
    )  # fmt: skip
    parser.add_argument(
        "--pool", choices=POOLS, default=NONE,
        help="characters: the mean over the tokens of each character, in place of the tokens",
    )  # fmt: skip
