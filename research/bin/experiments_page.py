"""Write the page of the experiments and its pictures from the kept files; no model is needed."""

import argparse
from pathlib import Path

from espnet_gmot.bin import _command
from research.figures import draw_figures
from research.kept_files import read_runs
from research.page import write_experiment_page
from research.rows import gather_sets
from research.table import read_experiment_table, table_of

GENERAL = "experiments.yaml"  # the table of presets that have none of their own
SIZES = ("small", "tiny")  # the presets that it is meant for


def main() -> None:
    """Parse, gather, draw, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("research/results/small"),
        help="kept files of a protocol, research/results/PROTOCOL",
    )
    parser.add_argument("--out", type=Path, default=Path("docs/experiments/small.md"), help="page to write")
    args = parser.parse_args()
    table = table_of(args.results.absolute().parents[1], args.results.name)
    plans = read_experiment_table(table).rows
    if table.name == GENERAL and args.results.name not in SIZES:  # a pilot, not meant to have all rows
        kept = {run.row for run in read_runs(args.results)}
        plans = [plan for plan in plans if plan.name in kept]
    rows = gather_sets(args.results, plans)
    figures = draw_figures(rows, args.out.with_suffix(""))
    write_experiment_page(args.out, args.results, rows, figures)
    print(f"page: {args.out}; pictures: {', '.join(map(str, figures))}")


if __name__ == "__main__":
    _command.run(main)
