"""The one exception for bad input."""


class InputError(ValueError):
    """Input that the user can mend: the message names the file or utterance and the cure.

    Commands print it as one line and exit with status 1; a traceback means a bug instead.
    """
