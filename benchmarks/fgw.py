"""Time the backends of the transport core against its peers, and write ``benchmarks/fgw.md``."""

import argparse
import datetime
import functools
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks import fgw_gpu, gpu_rows, peers, roofline
from benchmarks.claims import check_claims
from benchmarks.kernel_resources import fits
from benchmarks.machine import describe_machine, gpu_name
from benchmarks.measure import measure
from benchmarks.page import Run, format_page
from benchmarks.problems import KINDS, SPEECH_SHAPES, Shape, speech_batch
from benchmarks.results import Table
from espnet_gmot.bin._command import run
from espnet_gmot.ot import SolverOptions
from espnet_gmot.ot.problem import make_problem

HERE = Path(__file__).parent

# Of the problems. Seeds 0 to 3 served to choose SHARP.
SEED = 10

# The default, and the cheapest setting found whose couplings are as good as conditional gradient's on all
# shapes. Without a tolerance every solver takes the same steps.
DEFAULT = SolverOptions(tol=0.0)
SHARP = replace(DEFAULT, epsilon=0.003, max_iter=5, sinkhorn_iter=60, overrelaxation=1.9)


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fgw", description=__doc__)
    parser.add_argument(
        "--shapes",
        nargs="+",
        default=[str(shape).replace("×", "x") for shape in SPEECH_SHAPES],
        metavar="BATCHxFRAMESxTOKENS",
        help="batches to time (default: %(default)s)",
    )
    parser.add_argument(
        "--repeats", type=int, default=5, help="timed runs of each solver (default: %(default)s)"
    )
    parser.add_argument(
        "--output", type=Path, default=HERE / "fgw.md", help="the page (default: %(default)s)"
    )
    gpu_rows.add_options(parser)
    return parser


def main() -> None:
    args = get_parser().parse_args()
    shapes = [Shape.parse(text) for text in args.shapes]
    warnings.filterwarnings("ignore", module="ot")  # POT on its own convergence; the marginal error shows it

    def measure_gpu() -> dict[str, Any]:
        tables = run_all(shapes, args.repeats, _needed_for_gpu_rows)
        kernel = [
            fgw_gpu.KernelTime(shape, peers.own_setting(options), kernel_seconds(shape, options))
            for options in (SHARP, DEFAULT)
            for shape in filter(fits, shapes)
        ]
        return fgw_gpu.to_json(fgw_gpu.Measured(*tables, roofline.Peaks.here(), kernel))

    write = functools.partial(fgw_gpu.with_gpu_rows, settings=(SHARP, DEFAULT))
    if gpu_rows.served(args, "fgw", args.output, measure_gpu, write):
        return
    ragged, equal = run_all(shapes, args.repeats)
    result = Run(
        command=shlex.join(["python", "-m", "benchmarks.fgw", *sys.argv[1:]]),
        date=datetime.date.today().isoformat(),
        machine=describe_machine(),
        repeats=args.repeats,
        alpha=DEFAULT.alpha,
        ragged=ragged,
        equal=equal,
        claims=check_claims(ragged, equal, gpu_name()),
    )
    profile = (HERE / "fgw_profile.md").read_text(encoding="utf-8")
    gpu_rows.write_page(args.output, format_page(result, profile))
    print(f"benchmark page: {args.output}")


def run_all(
    shapes: Sequence[Shape], repeats: int, wanted: Callable[[peers.Contender], bool] = lambda _: True
) -> tuple[list[Table], list[Table]]:
    """Measure the solvers that are wanted; return the tables of ragged batches and of equal sizes.

    Those of equal sizes are late ones: POT's batch solver takes the same steps whatever the problems are.
    """
    cases = [(shape, kind, True) for kind in KINDS for shape in shapes]
    cases += [(shape, "late", False) for shape in shapes]
    contenders = {
        ragged: list(filter(wanted, every))
        for ragged, every in ((True, ragged_contenders()), (False, equal_contenders()))
    }
    rounds = sum(len(contenders[ragged]) + 2 * repeats for _, _, ragged in cases)
    tables = []
    with tqdm(total=rounds, file=sys.stderr) as bar:
        for shape, kind, ragged in cases:
            batch = speech_batch(shape, ragged, SEED, kind)
            rows = measure(contenders[ragged], batch, DEFAULT.alpha, repeats, _ticker(bar, shape))
            tables.append(Table(shape, rows, kind))
    return tables[: -len(shapes)], tables[-len(shapes) :]


def kernel_seconds(shape: Shape, options: SolverOptions) -> float:
    """Time the Triton kernel by itself on the batch of equal sizes: events on the device, the median."""
    from triton.testing import do_bench

    from espnet_gmot.ot.triton_kernel import solve_on_gpu

    problem = make_problem(*speech_batch(shape, ragged=False, seed=SEED, kind="late").to("cuda"))
    return 1e-3 * do_bench(lambda: solve_on_gpu(problem, options), return_mode="median")


def ragged_contenders() -> list[peers.Contender]:
    """The solvers that take problems of unequal sizes."""
    return [
        peers.pot_conditional_gradient(SHARP),
        peers.pot_proximal(DEFAULT),
        peers.pot_bapg(DEFAULT),
        peers.ott_jax(SHARP),
        peers.torchgw(SHARP),
        *peers.own_backends(SHARP),
        *peers.own_backends(DEFAULT),
    ]


def equal_contenders() -> list[peers.Contender]:
    """POT's batch solver and ours at the same settings, with conditional gradient to judge the costs by."""
    contenders = [peers.pot_conditional_gradient(SHARP)]
    for options in (SHARP, DEFAULT):
        contenders += [peers.pot_batch(options, "cpu"), peers.pot_batch(options, "cuda")]
        contenders += peers.own_backends(options)
    return [*contenders, peers.pot_batch_unbalanced()]


def _needed_for_gpu_rows(contender: peers.Contender) -> bool:
    """Also conditional gradient on the CPU, which costs are judged by."""
    return contender.device == "cuda" or contender.name == peers.POT_CONDITIONAL_GRADIENT


def _ticker(bar: tqdm, shape: Shape) -> Callable[[str], None]:
    def tick(text: str) -> None:
        bar.set_postfix_str(f"{shape}, {text}", refresh=False)
        bar.update()

    return tick


if __name__ == "__main__":
    run(main)
