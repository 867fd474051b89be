"""The command that a job's log says was run."""

import re
from itertools import islice
from pathlib import Path

# What run.pl, queue.pl and the like write above or below the command.
JOB_REMARK = re.compile(r"# (Running on|Started at|Ended|Accounting|Finished)")


def job_command(log: Path) -> str | None:
    """The line ``# COMMAND`` of run.pl and its kin; without it, the line that ESPnet itself logs."""
    with log.open(encoding="utf-8", errors="replace") as file:
        head = [line.strip() for line in islice(file, 20)]
    jobs = [line.removeprefix("# ") for line in head if line.startswith("# ") and not JOB_REMARK.match(line)]
    own = [line for line in head if " --" in line]
    return next(iter(jobs + own), None)
