"""Whether a process that was told to end has ended."""

import time
from pathlib import Path


def ended(pid: int, within_s: float = 15) -> bool:
    """A signal takes effect a moment after it was sent: wait until the process is gone or a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False
