"""Print what a recipe's script is to run, a line each: commands after the word run, or rows to compare."""

import argparse
import shlex
import sys
from pathlib import Path

from espnet_gmot.driver.recipe_plan import plan_comparison, plan_system
from espnet_gmot.errors import InputError


def main() -> None:
    """Parse, plan, print; an error bears the script's name."""
    parser = argparse.ArgumentParser(prog="plan_recipe", description=__doc__)
    plans = parser.add_subparsers(dest="plan", required=True)
    system = plans.add_parser("system", help="commands of one system")
    system.add_argument("script", help="the recipe's, named in errors")
    system.add_argument("cuda_cmd", help="what starts trainings")
    system.add_argument("options", nargs=argparse.REMAINDER, help="of the recipe and of ./asr.sh")
    comparison = plans.add_parser("comparison", help="YAML, row, decoding and first stage of each row")
    comparison.add_argument("script", help="the recipe's, named in errors")
    comparison.add_argument("baseline", help="first system, where none is named")
    comparison.add_argument("systems", nargs="*", help="names of training YAMLs in conf/")
    args = parser.parse_args()
    try:
        if args.plan == "system":
            lines = (f"run {shlex.join(command)}" for command in plan_system(args.options, args.cuda_cmd))
        else:
            lines = (" ".join(map(str, row)) for row in plan_comparison(args.systems, args.baseline))
        print(*lines, sep="\n")
    except InputError as error:
        print(f"{Path(args.script).name}: error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
