"""Train, decode, measure and keep the rows of research/experiments.yaml with several seeds.

What is finished stands in research/results/PRESET and is not run again; a rerun continues. A run that fails
does not keep the others from running. Corpus, teachers and models are made in research/exp/PRESET, apart
from the demo's.

  python3 -m research.bin.run_experiments                              all rows, the most important first
  python3 -m research.bin.run_experiments --rows ctc gmot --seeds 0    these
  python3 -m research.bin.run_experiments --preset full --ngpu 1       hours of speech, the rows of
                                                                       research/experiments_full.yaml
  python3 -m research.bin.run_experiments --preset speechocean762 --local_data_opts "--corpus DIRECTORY"
                                                                       another recipe's corpus
"""

import argparse
import os
import sys
from itertools import chain
from pathlib import Path

from espnet_gmot.bin import _command
from espnet_gmot.driver.jobs import usable_cpus
from espnet_gmot.driver.processes import Stopped
from espnet_gmot.errors import InputError
from research.commands import (
    Machine,
    carry_out,
    prepare_corpus,
    prepare_language_model,
    prepare_teacher,
    train_alone,
)
from research.runner import run_in_turn, run_side_by_side
from research.runs import missing_starts, plan_runs, teachers_of
from research.table import read_experiment_table, table_of

RESEARCH = Path(__file__).resolve().parents[1]


def main() -> None:
    """Parse, prepare, run; tell how many failed."""
    args = get_parser().parse_args()
    at_once = args.jobs or (1 if args.ngpu else usable_cpus())
    if args.ngpu and at_once > 1:
        raise InputError("--jobs: with --ngpu all runs would take the first GPU; use --jobs 1")
    try:
        failed = run(args, at_once)
    except Stopped as reason:
        sys.exit(f"run_experiments: stopped ({reason}); run the same command again to continue")
    if failed:
        sys.exit(
            f"run_experiments: error: {failed} run(s) failed, see above; run the same command again to retry"
        )
    print("run_experiments: all done; page: python3 -m research.bin.experiments_page --help")


def run(args: argparse.Namespace, at_once: int) -> int:
    """Run what ``args`` names; how many runs failed."""
    table = read_experiment_table(table_of(RESEARCH, args.preset))
    machine = Machine(args.ngpu, max(1, usable_cpus() // at_once), table.corpus, args.preset)
    rows = table.with_starts(table.select(list(chain(*args.rows))))
    enter(RESEARCH / "exp" / args.preset, RESEARCH.parent / table.corpus.recipe)
    run_in_turn(prepare_corpus(machine, args.local_data_opts))
    for name, teacher in teachers_of(table, rows):
        run_in_turn(prepare_teacher(machine, name, teacher, usable_cpus()))
    results = RESEARCH / "results" / args.preset
    runs = plan_runs(table, rows, list(chain(*args.seeds)), args.preset, results)
    if any(run.row.decoding == "ctc_beam_lm" for run in runs):
        run_in_turn(prepare_language_model(machine))
    if starts := missing_starts(table, runs, args.preset):
        print(f"run_experiments: first {len(starts)} training(s) that others begin with", flush=True)
        # what fails is tried again below, as a row
        run_side_by_side(starts, at_once, lambda run: train_alone(run, machine))
    print(f"run_experiments: {len(runs)} run(s) to do, {at_once} at a time; results: {results}", flush=True)
    return run_side_by_side(runs, at_once, lambda run: carry_out(run, results, machine))


def enter(directory: Path, recipe: Path) -> None:
    """Go into a directory like the recipe's, so that the recipe's own data and models stay what they are."""
    (directory / "exp").mkdir(parents=True, exist_ok=True)
    os.chdir(directory)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(RESEARCH.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    for name in ("asr.sh", "cmd.sh", "db.sh", "path.sh", "conf", "local"):
        link = Path(name)
        link.unlink(missing_ok=True)
        if (recipe / name).exists():
            link.symlink_to(recipe / name)


def get_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="run_experiments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--preset", default="small", help="small, full, tiny (for the tests), or X of experiments_X.yaml"
    )
    parser.add_argument("--local_data_opts", default="", help="where the corpus is: for local/data.sh")
    # names and seeds may stand in one argument, too: --rows "ctc gmot"
    parser.add_argument("--rows", nargs="*", type=str.split, default=[], help="names of rows (default: all)")
    parser.add_argument(
        "--seeds", nargs="+", type=_seeds, default=[[0, 1, 2]], help="of initialisation and data order"
    )
    parser.add_argument("--ngpu", type=int, default=0, help="GPUs of each training")
    parser.add_argument(
        "--jobs",
        type=_positive,
        help="runs at a time, they share the machine's threads (default: as many as cores, with GPUs one)",
    )
    return parser


def _seeds(text: str) -> list[int]:
    return [int(word) for word in text.split()]


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


if __name__ == "__main__":
    _command.run(main)
