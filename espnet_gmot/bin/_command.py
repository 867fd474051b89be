"""How every command starts and ends."""

import argparse
import signal
import sys
from collections.abc import Callable

from espnet_gmot.driver.processes import is_under_nohup
from espnet_gmot.errors import InputError, explain


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
