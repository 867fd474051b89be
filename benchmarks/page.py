"""Turn measurements into the page ``fgw.md``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks import problems
from benchmarks.claims import Claim
from benchmarks.machine import told
from benchmarks.measure import PATIENCE
from benchmarks.peers import POT_BATCH, POT_UNBALANCED
from benchmarks.results import MOST_ERROR, MOST_EXCESS, Row, Table, excess, speedup

HEADER = ["solver", "device", "setting", "forward, ms", "× CG", "forward + backward, ms"]
HEADER += ["cost", "above CG, %", "worst, %", "marginal error", "worst"]
DASH = "–"


@dataclass(frozen=True)
class Run:
    """All that one run found, and how it was started.

    Attributes:
        command: The command line.
        date: Day of the run.
        machine: See ``machine.describe_machine``.
        repeats: Timed runs of each solver.
        alpha: Weight of the edge cost.
        ragged: Tables of the ragged batches of each kind.
        equal: Tables of the batches of equal sizes.
        claims: See ``claims.check_claims``.
    """

    command: str
    date: str
    machine: Mapping[str, str]
    repeats: int
    alpha: float
    ragged: Sequence[Table]
    equal: Sequence[Table]
    claims: Sequence[Claim]


def format_page(run: Run, profile: str) -> str:
    """Write the page.

    Args:
        run: What was measured.
        profile: Markdown of the section written by hand.
    """
    sections = [
        "# Speed of the transport core",
        f"`make bench` writes this page from one run. This one was `{run.command}` on {run.date}.",
        "## Targets",
        grid(["target", "measured", "verdict"], run.claims),
        f"Speeds count at a marginal error of at most {MOST_ERROR:g} and a cost at most {MOST_EXCESS:g} % "
        "above conditional gradient's, both as means over the batch. The training step has its own page, "
        "`training_step.md`.",
        "## Machine",
        told(run.machine),
        "## How it was measured",
        _method(run),
        "## Ragged batches",
        *(f"### {ragged_title(table)}\n\n{grid(HEADER, ragged_rows(table))}" for table in run.ragged),
        f"## {POT_BATCH} at equal iterations",
        "All problems of full size, because POT's batch solver takes no padding. The last column is the "
        "time of POT's batch solver on the same device, with the same steps and Sinkhorn iterations, over "
        "the row's.",
        *(
            f"### {equal_title(table)}\n\n{grid([*HEADER, f'× {POT_BATCH}'], equal_rows(table))}"
            for table in run.equal
        ),
        profile.strip(),
    ]
    return "\n\n".join(sections) + "\n"


def ragged_title(table: Table) -> str:
    """The heading of a ragged batch."""
    return f"{table.shape}, {table.kind}"


def equal_title(table: Table) -> str:
    """The heading of a batch of equal sizes."""
    return f"{table.shape}, all full"


def _method(run: Run) -> str:
    return f"""\
- Problems: batch × frames × tokens, {problems.DIMENSION} dimensions. A token is a random direction plus
  a component common to all ({problems.COMMON:g} of its own length: BERT's vectors are anisotropic). A frame
  is its token plus noise (standard deviation {problems.NOISE:g} a coordinate, as the token's own
  component), smoothed over three frames; segments are cut at random; up to
  {100 * problems.MOST_SILENCE:.0f} % of the frames at either edge are silence. D, A and B are cosine costs;
  alpha {run.alpha:g}; uniform marginals. In ragged batches frames run from half to full length, tokens in
  proportion. {_earlier("early")} {_earlier("middle")}
- Times: a whole batch from given costs, in the solver's own array type (conversion and compilation left
  out); median of {run.repeats} runs after one that warms up, the solvers in turn; a solver that takes more
  than {PATIENCE:g} s has one run. × CG is the time of POT's conditional gradient over the row's. Forward +
  backward goes down to the costs; a dash there: not measured. GOMP_SPINCOUNT holds for all solvers.
- Cost and marginal error (L1 over frames and tokens): of the couplings, by one function in float64,
  `espnet_gmot.ot.fused_cost`; means over the batch and the worst problem.
- Settings: ε, steps × Sinkhorn iterations, over-relaxation ω where it is not 1. Ours, POT batch and OTT-JAX
  run in float32, POT one by one in float64.
- Value and gradient are computed by compiled code in all our CPU rows, also in those of the torch backend.
- POT one by one solves each problem without its padding; conditional gradient stops at a relative change of
  1e-9, and its forward + backward is `fused_gromov_wasserstein2` on torch tensors.
- BAPG alternates between the marginals, and its coupling meets that of the tokens alone: a cost below
  conditional gradient's is that of another problem.
- The problems' seed is not among those on which the sharper setting of ours was chosen.
- OTT-JAX is entropic: `jit(vmap(…))` over the padded batch with zero weights on padding, and
  `fused_penalty = (1 - alpha) / (2 alpha)`.
- torchgw estimates the edge term from sampled pairs and divides each edge cost by its largest sampled
  entry, so it answers a slightly different problem. Its licence, above, is not a free one: no extra
  installs it.
- POT's development branch has `loss_fugw_batch`, the fused unbalanced cost of given couplings in a batch
  (its pull request 775). That is no solver: POT's example minimises it by gradient descent. The POT of this
  run: {_unbalanced_row(run)}."""


def _unbalanced_row(run: Run) -> str:
    rows = [row for table in run.equal for row in table.rows if row.contender.name == POT_UNBALANCED]
    return rows[0].hindrance or "measured below" if rows else "not asked"


def _earlier(name: str) -> str:
    kind = problems.KINDS[name]
    return (
        f"In *{name}* batches a frame has {kind.signal:g} of its token, {100 * kind.pure_noise:.0f} % of the "
        f"frames are noise alone, and either neighbour has {kind.neighbour:g} of a frame's smoothing."
    )


def ragged_rows(table: Table) -> list[list[str]]:
    """The cells below ``HEADER`` of a ragged batch."""
    return [_cells(row, table) for row in table.rows]


def equal_rows(table: Table) -> list[list[str]]:
    """The cells of a batch of equal sizes, which have one column more."""
    return [
        [*cells, _number(speedup(row, table.batch_peer(row)), ".2f")]
        for cells, row in zip(ragged_rows(table), table.rows, strict=True)
    ]


def _cells(row: Row, table: Table) -> list[str]:
    who = row.contender
    name = f"**{who.name}**" if who.ours else who.name
    device = {"cpu": "CPU", "cuda": "GPU"}[who.device]
    if not row.was_run:
        return [name, device, who.setting, row.hindrance, *[DASH] * (len(HEADER) - 4)]
    reference = table.conditional_gradient()
    above = excess(row, reference)
    return [
        name,
        device,
        who.setting,
        _number(1e3 * row.seconds, ".2f"),
        _number(speedup(row, reference), ".2f"),
        _number(row.train_seconds and 1e3 * row.train_seconds, ".2f"),
        _number(float(row.objective.mean()), ".5f"),
        _number(above and above.mean, "+.3f"),
        _number(above and above.worst, "+.3f"),
        _number(float(row.error.mean()), ".1e"),
        _number(float(row.error.max()), ".1e"),
    ]


def _number(value: float | None, form: str) -> str:
    return DASH if value is None else format(value, form)


def grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a Markdown table whose columns do not line up: some cells here are wide."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
