"""All that only a GPU can show, in one command: ``tools/gpu_check.sh OUT`` installs and calls this.

Each part is a command with a time limit of its own. ``OUT`` gets a file of rows from each benchmark, and
``report.json`` what came of every part, written as it ends. A call into the same ``OUT`` does what is
missing: first the parts that have not run, then those that failed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import torch

from benchmarks.machine import NO_GPU, describe_machine
from espnet_gmot.bin._command import at_least, run
from espnet_gmot.driver.processes import Children, Stopped
from espnet_gmot.errors import InputError
from espnet_gmot.files import write_text

ROOT = Path(__file__).parents[1]
REPORT = "report.json"
PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"
SECONDS = 540
LEAST = 1 / 3  # of a part's limit that must be left for it to begin
LAST_LINES = 5  # among which is what a command says of its work
TAIL = 3000  # characters of a failed part's output that the report keeps
TESTS = ("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class Part:
    """One thing to show.

    Attributes:
        name: in the report, and of its file.
        seconds: after which it is stopped.
        needs: modules that are not this project's.
        arguments: of Python; ``OUT`` in them is the folder.
        says: what the end of its output holds once it has done its work.
    """

    name: str
    seconds: int
    needs: tuple[str, ...]
    arguments: tuple[str, ...]
    says: str = " written"


@dataclass(frozen=True)
class Outcome:
    """What came of a part.

    Attributes:
        status: one of the three above.
        told: what it said at its end, or why it did not run or failed.
        seconds: that it took.
        command: what was called.
        machine: see ``machine.describe_machine``.
        tail: end of the output, of a part that failed.
    """

    status: str
    told: str
    seconds: float = 0.0
    command: str = ""
    machine: dict[str, str] | None = None
    tail: str = ""


def _tests(name: str, seconds: int, *paths: str, needs: tuple[str, ...] = ()) -> Part:
    return Part(
        name, seconds, ("pytest", "hypothesis", "wrapt", "soundfile", *needs), (*TESTS, *paths), " passed"
    )


def _benchmark(name: str, seconds: int, *options: str, needs: tuple[str, ...] = ("espnet2",)) -> Part:
    return Part(
        name, seconds, needs, ("-m", f"benchmarks.{name}", *options, "--gpu_only", f"OUT/{name}.json")
    )


# The most important first. benchmarks/fgw.py and the others say what a row is.
PARTS = (
    _tests("kernel", 150, "tests/ot/test_triton_kernel.py", "-m", "not slow", needs=("triton",)),
    _tests("step", 150, "tests/test_gpu.py", needs=("espnet2", "triton")),
    _benchmark("fgw", 180, "--repeats", "3", needs=("ot", "triton")),
    _benchmark("training_step", 180, "--pairs", "6"),
    _benchmark("decoding", 120, "--utterances", "64", "--beam_utterances", "2"),
    _benchmark("teacher_cache", 150, needs=("transformers",)),
    _benchmark("full_training", 90),
    _tests("two_processes", 150, "tests/test_gpu_distributed.py", needs=("espnet2",)),
)


def main() -> None:
    args = get_parser().parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        outcomes = check(PARTS, args.out, args.seconds)
    except Stopped as reason:
        sys.exit(f"gpu_check: stopped ({reason}); the same command goes on")
    sys.exit(any(outcome.status == FAILED for outcome in outcomes.values()))


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder of the results; again the same one to go on")
    parser.add_argument(
        "--seconds", type=at_least(1), default=SECONDS, help="that all parts together may take"
    )
    return parser


def check(parts: Sequence[Part], out: Path, seconds: float) -> dict[str, Outcome]:
    """Run what is missing, write the report after each part, and print it.

    Args:
        parts: the most important first.
        out: folder of the results.
        seconds: for all of them.

    Raises:
        InputError: the folder's report cannot be read.
    """
    end = time.monotonic() + seconds
    outcomes = read_report(out / REPORT)
    todo = [part for part in parts if _status(outcomes, part) != PASSED]
    for part in sorted(todo, key=lambda part: _status(outcomes, part) == FAILED):
        outcomes[part.name] = _run_part(part, out, end - time.monotonic())
        write_report(out / REPORT, parts, outcomes)
        print(line(part, outcomes[part.name]), flush=True)
    for part in parts:
        if part not in todo:
            print(line(part, outcomes[part.name]), "(earlier)")
    return outcomes


def read_report(path: Path) -> dict[str, Outcome]:
    """Return what came of each part in earlier calls.

    Raises:
        InputError: It is no report.
    """
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {name: Outcome(**outcome) for name, outcome in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no report of this command ({error}); choose another folder") from error


def write_report(path: Path, parts: Sequence[Part], outcomes: dict[str, Outcome]) -> None:
    """Write what came of each part, in their order."""
    report = {part.name: asdict(outcomes[part.name]) for part in parts if part.name in outcomes}
    write_text(path, json.dumps(report, ensure_ascii=False, indent=1) + "\n")


def line(part: Part, outcome: Outcome) -> str:
    """Say in a line what came of a part."""
    return f"{part.name:14} {outcome.status:8} {outcome.seconds:4.0f} s  {outcome.told}"


def hindrance(part: Part) -> str | None:
    """Say why a part cannot run here, or return None."""
    if not torch.cuda.is_available():
        return NO_GPU
    missing = [module for module in part.needs if find_spec(module) is None]
    return f"not installed: {', '.join(missing)}" if missing else None


def _status(outcomes: dict[str, Outcome], part: Part) -> str:
    return outcomes[part.name].status if part.name in outcomes else NOT_RUN


def _run_part(part: Part, out: Path, left: float) -> Outcome:
    """Run a part in ``left`` seconds, if it can."""
    why = hindrance(part)
    if why is None and left < LEAST * part.seconds:
        why = f"{max(0, left):.0f} s are left; call again"
    if why is not None:
        return Outcome(NOT_RUN, why)
    command = [sys.executable, *(argument.replace("OUT", str(out.resolve())) for argument in part.arguments)]
    begun, limit = time.monotonic(), min(part.seconds, left)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        code = _call(command, output, limit)
        output.seek(0)
        told = output.read()
    seconds, last = time.monotonic() - begun, _last_words(told, part.says)
    facts = seconds, " ".join(command), describe_machine()
    if code is None and limit < part.seconds:
        return Outcome(NOT_RUN, f"cut off after {limit:.0f} s, when time was up; call again", *facts)
    if code is None:
        return Outcome(FAILED, f"timed out after {limit:.0f} s", *facts, told[-TAIL:])
    if code != 0:
        return Outcome(FAILED, f"status {code}: {last}", *facts, told[-TAIL:])
    if part.says not in last:
        return Outcome(FAILED, f"its end has no {part.says.strip()!r}: {last}", *facts, told[-TAIL:])
    return Outcome(PASSED, last, *facts)


def _last_words(told: str, says: str) -> str:
    """The line that says what a command did; libraries may warn after it."""
    lines = told.strip().splitlines() or [""]
    return next((line for line in reversed(lines[-LAST_LINES:]) if says in line), lines[-1])


def _call(command: Sequence[str], output, seconds: float) -> int | None:
    """Return the exit status, None after ``seconds``: then the command's processes are gone."""
    end = time.monotonic() + seconds
    with Children(grace_seconds=0.0) as children:
        process = children.start(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        while time.monotonic() < end:
            if process in children.wait_a_moment():
                return process.returncode
    return None


if __name__ == "__main__":
    run(main)
