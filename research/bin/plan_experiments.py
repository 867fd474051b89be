"""List, for the shell, the teachers that experiments need, or the runs that are still to do."""

import argparse
from pathlib import Path

from espnet_gmot.bin import _command
from research.runs import plan_runs, teachers_of
from research.table import read_experiment_table, table_of


def main() -> None:
    """Parse, plan, print a line a teacher or run."""
    parser = argparse.ArgumentParser(prog="plan_experiments", description=__doc__)
    parser.add_argument("what", choices=("teachers", "runs"))
    parser.add_argument("--rows", nargs="*", default=[], help="names of rows (default: all)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="seeds of each row")
    parser.add_argument("--preset", required=True, help="sizes of corpus and models, and the table of rows")
    parser.add_argument("--results", type=Path, required=True, help="results of finished runs, ROW/seedN")
    args = parser.parse_args()
    table = read_experiment_table(table_of(args.results.parents[1], args.preset))
    rows = table.select(args.rows)
    if args.what == "teachers":
        for line in teachers_of(table, rows):
            print(line)
        return
    for run in plan_runs(table, rows, args.seeds, args.preset, args.results):
        print(run.row.name, run.seed, run.config, run.expdir, run.row.decoding)


if __name__ == "__main__":
    _command.run(main)
