"""What asr.sh and recipes' scripts call: the stages, the plans of recipes, and what is shown of trainings.

A stage gets every option of ./asr.sh as ``--name value``; ``check`` likewise, before the first stage.
"""

import argparse
import logging
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from espnet_gmot.bin import _command
from espnet_gmot.driver.commands import CommandFailed, Commands
from espnet_gmot.driver.named_files import require_named_files
from espnet_gmot.driver.names import Names
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.plan import IN_PYTHON, Stage, check, selected
from espnet_gmot.driver.processes import Stopped
from espnet_gmot.driver.recipe_plan import plan_comparison, plan_system
from espnet_gmot.driver.training_log import is_gone, watch_trainings
from espnet_gmot.errors import InputError


def main() -> None:
    """Run a stage, or parse and call."""
    name, *words = sys.argv[1:] or ["--help"]
    if name in ("check", *IN_PYTHON) and words[:1] not in (["--help"], ["-h"]):
        _log_as_asr_sh(IN_PYTHON.get(name))
        try:
            _check(words) if name == "check" else _run(name, words)
        except (InputError, CommandFailed, OSError) as error:
            logging.error(_command.reason(error))
            sys.exit(2)
        except Stopped as reason:
            sys.exit(f"stopped ({reason})")
    else:
        args = get_parser().parse_args()
        args.call(args)


def _check(words: Sequence[str]) -> None:
    """Print under their names the stages to run, the model's directory and the words for local/data.sh."""
    options = Options.parse(words)
    check(options)
    print("selected:", *selected(options))
    print("asr_exp:", Names(options).asr_exp)
    if options.local_data_opts:
        print("local_data_opts:", shlex.join(options.words("local_data_opts")))


def _run(name: str, words: Sequence[str]) -> None:
    options, stage = Options.parse(words), IN_PYTHON[name]
    require_named_files(options, [number for number in selected(options) if number >= stage.number])
    stage.run(options, Commands(options.python))


def _log_as_asr_sh(stage: Stage | None) -> None:
    told = f"stage {stage.number}: " if stage else ""
    for level, opening in (("INFO", told), ("WARNING", f"Warning: {told}"), ("ERROR", "Error: ")):
        logging.addLevelName(getattr(logging, level), opening)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s (asr.sh) %(levelname)s%(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )


def get_parser() -> argparse.ArgumentParser:
    """The subcommands; those of asr.sh are named for ``--help`` alone."""
    parser = argparse.ArgumentParser(prog="stage", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="NAME")

    command = commands.add_parser("plan_system", help="print the commands of a recipe's run.sh, a line each")
    command.add_argument("script", help="the recipe's, named in errors")
    command.add_argument("train_cmd", help="what starts jobs without a GPU")
    command.add_argument("cuda_cmd", help="what starts trainings")
    command.add_argument("options", nargs=argparse.REMAINDER, help="of the recipe and of ./asr.sh")
    command.set_defaults(call=_print_system)

    command = commands.add_parser(
        "plan_comparison", help="print YAML, row, decoding and first stage of each row of a comparison"
    )
    command.add_argument("script", help="the recipe's, named in errors")
    command.add_argument("baseline", help="first system, where none is named")
    command.add_argument("systems", nargs="*", help="names of training YAMLs in conf/")
    command.set_defaults(call=_print_comparison)

    command = commands.add_parser("watch_training", help="show how trainings go until their processes end")
    command.add_argument("--log", type=Path, nargs="+", required=True, help="ESPnet's train.log of each")
    command.add_argument("--pid", type=int, nargs="+", required=True, help="processes to wait for")
    command.add_argument(
        "--since", type=float, help="when they were started, seconds since the epoch (default: now)"
    )
    command.set_defaults(call=_watch_training)

    command = commands.add_parser("results_page", help="write the page of all experiments' results")
    command.add_argument("--expdir", type=Path, default=Path("exp"), help="directory of the experiments")
    command.add_argument("--out", type=Path, default=Path("exp/RESULTS.md"), help="the page")
    command.set_defaults(call=_write_results_page)

    command = commands.add_parser(
        "score_decoded_sets", help="count the errors in all that ESPnet's asr.sh decoded with a model"
    )
    command.add_argument("experiment", type=Path, help="directory of the model")
    command.add_argument(
        "--spaces", choices=("true", "false"), default="false",
        help="count the space between two words as a character, as ESPnet does",
    )  # fmt: skip
    command.set_defaults(call=_score_decoded_sets)

    commands.add_parser("check", help="refuse options of asr.sh that no stage could follow")
    for stage in IN_PYTHON.values():
        commands.add_parser(stage.name, help=f"stage {stage.number}: {stage.title}")
    return parser


def _print_system(args: argparse.Namespace) -> None:
    with _errors_of(args.script):
        for command in plan_system(args.options, args.train_cmd, args.cuda_cmd):
            print(f"run {shlex.join(command)}")


def _print_comparison(args: argparse.Namespace) -> None:
    with _errors_of(args.script):
        for row in plan_comparison(args.systems, args.baseline):
            print(*row)


@contextmanager
def _errors_of(script: str) -> Iterator[None]:
    """Say what is wrong in the name of the recipe's script."""
    try:
        yield
    except InputError as error:
        print(f"{Path(script).name}: error: {error}", file=sys.stderr)
        sys.exit(2)


def _watch_training(args: argparse.Namespace) -> None:
    watch_trainings(args.log, lambda: all(map(is_gone, args.pid)), args.since)


def _write_results_page(args: argparse.Namespace) -> None:
    from espnet_gmot.score.results_page import write_results_page

    write_results_page(args.expdir, args.out)
    print(f"results page: {args.out}")


def _score_decoded_sets(args: argparse.Namespace) -> None:
    from espnet_gmot.score.decoded_sets import score_decoded_sets

    score_decoded_sets(args.experiment, spaces=args.spaces == "true")


if __name__ == "__main__":
    _command.run(main)
