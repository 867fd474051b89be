"""Compare what ESPnet's asr.sh and ours made of the same recipes, and print a table.

Usage: ``python tools/stock_table.py STOCK OURS``: directories of recipes, as tools/stock_check.sh makes them.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_gmot.data.kaldi_text import UNKNOWN, read_table
from espnet_gmot.score.decoded_sets import decoded_set
from espnet_gmot.score.error_rates import ErrorCounts, score, total
from espnet_gmot.score.markdown_table import markdown_table
from espnet_gmot.score.result_files import Result, read_result
from espnet_gmot.score.sclite import sclite_counts

HEADER = ["recipe", "what", "equal", "of", "remark"]
SETS = ("dev", "test")
PARTS = ("train", "valid")
SUMS = ("count", "sum", "sum_square")
STOCK_DECODE, BEAM, GREEDY = "decode_ctc_greedy", "greedy_false", "greedy_true"  # of tools/stock_check.sh
Table = Mapping[tuple[str, ...], str]


class Line(NamedTuple):
    """A line of the table; ``must`` says whether all have to be equal."""

    what: str
    equal: int
    of: int
    remark: str = ""
    must: bool = True

    @property
    def fails(self) -> bool:
        """Whether something differs that must not, or there was nothing to compare."""
        return self.must and (self.equal != self.of or self.of == 0)


def compare(stock: Path, ours: Path) -> Iterator[Line]:
    """Compare what ESPnet's asr.sh made in a recipe's directory with what ours made in another.

    Yields:
        Lines of the table.
    """
    yield _line("tokens", _tokens(stock), _tokens(ours))
    yield from _statistics(*(next(recipe.glob("exp/asr_stats_*")) for recipe in (stock, ours)))
    experiments = sorted(path.name for path in ours.glob("exp/asr_train*"))
    beam = _hypotheses(ours, experiments, BEAM)
    stock_beam = _hypotheses(stock, experiments, STOCK_DECODE)
    yield _line("hypotheses of asr_inference", stock_beam, beam, "the same models")
    yield _line(
        "best path and beam 1", _hypotheses(ours, experiments, GREEDY), beam, "two decoders", must=False
    )
    yield _errors(stock, experiments)


def _tokens(recipe: Path) -> Table:
    lines = (recipe / "data/zh_token_list/char/tokens.txt").read_text(encoding="utf-8").split("\n")[:-1]
    return {(str(number),): token for number, token in enumerate(lines)}


def _statistics(stock: Path, ours: Path) -> Iterator[Line]:
    """Lengths of audio and text, and the sums of the features.

    sox and soxr perturb the speed: such utterances may differ by a sample, and with them the sums.
    """
    plain = [_shapes(place, perturbed=False) for place in (stock, ours)]
    yield _line("shapes", plain[0], plain[1])
    others = [_shapes(place, perturbed=True) for place in (stock, ours)]
    if others[0]:
        yield _line("shapes at other speeds", others[0], others[1], "by sox and soxr", must=False)
    theirs, own = (np.load(place / "train/feats_stats.npz") for place in (stock, ours))
    equal = sum(np.array_equal(theirs[name], own[name]) for name in SUMS)
    largest = max(np.max(np.abs(theirs[name] / own[name] - 1)) for name in SUMS)
    yield Line("sums of features", equal, len(SUMS), f"differ by {largest:.1e} at most", must=not others[0])


def _shapes(statistics: Path, perturbed: bool) -> Table:
    """The shapes of utterances at other speeds (their names begin with ``sp``), or of all others."""
    names = [f"{part}/{kind}_shape" for part in PARTS for kind in ("speech", "text")]
    return {
        (name, utterance): shape
        for name in names
        for utterance, shape in read_table(statistics / name).items()
        if utterance.startswith("sp") == perturbed
    }


def _hypotheses(recipe: Path, experiments: Sequence[str], decode: str) -> Table:
    return {
        (experiment, dset, utterance): text
        for experiment in experiments
        for dset in SETS
        for utterance, text in read_table(
            decoded_set(recipe / "exp" / experiment, decode, dset) / "text", allow_empty=True
        ).items()
    }


def _errors(stock: Path, experiments: Sequence[str]) -> Line:
    """Utterances of the sets in which sclite has as many errors as we, where ``<unk>`` is five characters."""
    scored = [
        decoded_set(stock / "exp" / experiment, STOCK_DECODE, dset) / "score_cer"
        for experiment in experiments
        for dset in SETS
    ]
    theirs = [sclite_counts(place / "sclite.txt") for place in scored]
    results = [read_result(place / "result.json") for place in scored]
    ours = [_with_unknown_spelled(result) for result in results]
    equal = sum(
        own.sentences
        for their, own in zip(theirs, ours, strict=True)
        if (their.errors, their.units) == (own.errors, own.units)
    )
    totals = [sum(each.errors for each in counts) for counts in (theirs, ours)]
    remark = f"sclite {totals[0]}, ours {totals[1]} errors"
    if as_one := sum(result.total.errors for result in results) - totals[1]:
        remark += f", {as_one:+d} with {UNKNOWN} as one"
    return Line("utterances, by the errors of their set", equal, sum(each.sentences for each in ours), remark)


def _with_unknown_spelled(result: Result) -> ErrorCounts:
    ref, hyp = (
        {utterance: text.replace(UNKNOWN, " ".join(UNKNOWN)) for utterance, text in (table or {}).items()}
        for table in (result.references, result.hypotheses)
    )
    return total(score(ref, hyp, result.unit, allow_empty=True).values())


def _line(what: str, first: Table, second: Table, remark: str = "", must: bool = True) -> Line:
    keys = first.keys() | second.keys()
    return Line(what, sum(first.get(key) == second.get(key) for key in keys), len(keys), remark, must)


def main() -> None:
    """Compare each recipe and print the table; fail if something differs that must not."""
    stock, ours = map(Path, sys.argv[1:])
    lines = [
        (recipe.parent.name, line)
        for recipe in sorted(ours.glob("*/asr1"))
        if (recipe / "exp").is_dir()
        for line in compare(stock / recipe.parent.name / "asr1", recipe)
    ]
    cells = [[corpus, line.what, str(line.equal), str(line.of), line.remark] for corpus, line in lines]
    print(markdown_table(HEADER, cells, left={0, 1, 4}))
    failing = [f"{line.what} of {corpus}" for corpus, line in lines if line.fails]
    if failing or not lines:
        sys.exit(
            f"stock_table.py: error: not all equal, or not there: {', '.join(failing) or 'every recipe'}"
        )


if __name__ == "__main__":
    main()
