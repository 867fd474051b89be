"""Processes that end with the one that started them.

Standard library only, because it stands between the shell and every training process.
"""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any

from espnet_gmot.errors import InputError

GRACE_SECONDS = 5.0
POLL_SECONDS = 0.1
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal, or the death of the parent process, asked this process to stop."""


class Children:
    """A block whose processes end with it: each is a session of its own, ended with all that it started.

    Signals are noted while the block lasts, since an exception while a process is started would lose it; they
    end the block in :meth:`wait_a_moment`, :meth:`finish` or at its end.

    Args:
        grace_seconds: how long what is asked to end may take until it is killed.

    Example:
        >>> with Children() as children:
        ...     children.finish(children.start(["true"]))
        0
    """

    def __init__(self, grace_seconds: float = GRACE_SECONDS) -> None:
        self._grace_seconds = grace_seconds
        self._running: list[subprocess.Popen[Any]] = []
        self._signals: list[signal.Signals] = []
        self._parent = os.getppid()

    def __enter__(self) -> "Children":
        noted = [number for number in SIGNALS if not is_under_nohup(number)]
        self._former = {number: signal.signal(number, self._note) for number in noted}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_all()
        for number, handler in self._former.items():
            signal.signal(number, handler)
        if error is None and self._signals:
            raise Stopped(self._signals[0].name)

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a process without input.

        Args:
            command: program and arguments.
            options: of :class:`subprocess.Popen`.

        Raises:
            InputError: there is no such program.
        """
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
        except OSError as error:
            raise InputError(f"cannot start {command[0]}: {error}; correct the command") from error
        self._running.append(process)
        return process

    def wait_a_moment(self) -> list[subprocess.Popen[Any]]:
        """Return the processes that have ended since the last call.

        Raises:
            Stopped: on SIGINT, SIGTERM, SIGHUP or when the parent process has died.
        """
        time.sleep(POLL_SECONDS)
        if self._signals:
            raise Stopped(self._signals[0].name)
        if os.getppid() != self._parent:
            raise Stopped("the parent process has died")
        ended = [process for process in self._running if process.poll() is not None]
        self._running = [process for process in self._running if process not in ended]
        return ended

    def finish(self, process: subprocess.Popen[Any]) -> int:
        """Wait until a process has ended, and return its status.

        Raises:
            Stopped: as :meth:`wait_a_moment`.
        """
        while process not in self.wait_a_moment():
            pass
        return process.returncode

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(signal.Signals(number))

    def _end_all(self) -> None:
        for process in self._running:
            _signal_group(process, signal.SIGTERM)
        deadline = time.time() + self._grace_seconds
        while any(_is_alive(process) for process in self._running) and time.time() < deadline:
            time.sleep(POLL_SECONDS)
        for process in self._running:
            _signal_group(process, signal.SIGKILL)
            process.wait()


def is_under_nohup(number: signal.Signals) -> bool:
    """Whether this is the signal that nohup makes a process ignore, and it does."""
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN


def _is_alive(process: subprocess.Popen[Any]) -> bool:
    """Whether the process or one that it started is there; it may end before it has ended the others."""
    process.poll()
    return _signal_group(process, 0)


def _signal_group(process: subprocess.Popen[Any], number: int) -> bool:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:  # the whole group has ended
        return False
    return True
