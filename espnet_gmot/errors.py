"""The one exception for bad input, and what is said of a disk that is full or not ours to write."""

import errno
from collections.abc import Sequence

MOST_NAMED = 10  # faults in a message
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


class InputError(ValueError):
    """Input that the user can mend: the message names the file or utterance and the cure.

    Commands print it as one line and exit with status 1; a traceback means a bug instead.
    """


def refuse(faults: Sequence[str]) -> None:
    """Raise one InputError for all faults, the first ten of them named; none is no error.

    Example:
        >>> refuse(["a.yaml does not exist", "b.yaml does not exist"])
        Traceback (most recent call last):
        ...
        espnet_gmot.errors.InputError: 2 faults: a.yaml does not exist; b.yaml does not exist
    """
    if not faults:
        return
    opening = f"{len(faults)} faults: " if len(faults) > 1 else ""
    ending = "; …" if len(faults) > MOST_NAMED else ""
    raise InputError(opening + "; ".join(faults[:MOST_NAMED]) + ending)


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
