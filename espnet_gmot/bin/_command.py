"""How every command starts and ends."""

import signal
import sys
from collections.abc import Callable

from espnet_gmot.errors import InputError


def run(main: Callable[[], None]) -> None:
    """Call ``main``; turn an InputError into one line on stderr and exit status 1.

    A TERM signal ends the command in good order too: what it was writing aside is removed.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        main()
    except InputError as error:
        sys.exit(f"{sys.argv[0].rsplit('/', 1)[-1]}: error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted; run the same command again to continue")
