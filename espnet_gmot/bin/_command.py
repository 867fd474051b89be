"""How every command starts and ends."""

import signal
import sys
from collections.abc import Callable

from espnet_gmot.driver.processes import is_under_nohup
from espnet_gmot.errors import InputError


def run(main: Callable[[], None]) -> None:
    """Call ``main``; turn an InputError into one line on stderr and exit status 1.

    TERM and HUP end the command in good order too: what it was writing aside is removed.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if not is_under_nohup(number):
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        main()
    except InputError as error:
        sys.exit(f"{sys.argv[0].rsplit('/', 1)[-1]}: error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted; run the same command again to continue")
