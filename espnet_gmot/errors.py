"""The exception for bad input, one fault or many, and what is said of a disk that is full or not ours."""

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

MOST_NAMED = 10  # faults that a message names
WHAT_HELPS = {
    errno.ENOSPC: "free some disk space or choose another place",
    errno.EDQUOT: "free some of your quota or choose another place",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f) or choose another place",
    errno.EACCES: "get the right to read and write there or choose another place",
    errno.EPERM: "get the right to read and write there or choose another place",
    errno.EROFS: "choose a place that can be written",
    errno.EEXIST: "a file stands where a directory has to be; move it or choose another place",
    errno.ENOTDIR: "a file stands where a directory has to be; move it or choose another place",
    errno.EISDIR: "a directory stands where a file has to be; move it or choose another place",
    errno.ENAMETOOLONG: "choose shorter names",
    errno.ELOOP: "put the links right",
    errno.EMFILE: "raise the limit on open files (ulimit -n) or use fewer jobs (--nj)",
    errno.ENFILE: "use fewer jobs (--nj)",
    errno.ENOMEM: "use fewer jobs (--nj) or a machine with more memory",
    errno.EIO: "the disk is at fault: copy your data to another one",
    errno.ESTALE: "the file server has lost it: run the same command again",
}

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
        told = f"of {self.among} cannot be used" if self.among else "faults"
        first = f"; the first {MOST_NAMED}" if len(self.faults) > MOST_NAMED else ""
        lines = [f"{len(self.faults)} {told}{first}:", *self.faults[:MOST_NAMED]]
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
    refuse(faults, among)


def refuse(faults: Sequence[str], among: str = "") -> None:
    """Raise the error of all these faults; none is no error.

    Example:
        >>> refuse(["a.yaml does not exist", "b.yaml does not exist"])
        Traceback (most recent call last):
        espnet_gmot.errors.InputErrors: 2 faults:
          a.yaml does not exist
          b.yaml does not exist
    """
    if faults:
        raise InputErrors(faults, among)


def explain(error: OSError) -> str | None:
    """Say in one line what the system refused, of which file, and what helps.

    Args:
        error: what was raised.

    Returns:
        The line; None for what is no matter of disks, rights and limits: a bug.

    Example:
        >>> explain(OSError(errno.ENOSPC, "No space left on device", "exp/p.npz"))
        'exp/p.npz: No space left on device; free some disk space or choose another place'
        >>> explain(FileNotFoundError(errno.ENOENT, "No such file or directory", "x"))
    """
    if error.errno not in WHAT_HELPS:
        return None
    names = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    return f"{names or 'a file that is being written'}: {error.strerror}; {WHAT_HELPS[error.errno]}"
