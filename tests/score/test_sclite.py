"""Counts out of sclite's output, and that they are ours: the last test runs sclite, where it is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_gmot.score.error_rates import score, total
from espnet_gmot.score.sclite import sclite_counts
from research.kept_files import read_reference, read_runs

PAGE = """
                     SYSTEM SUMMARY PERCENTAGES by SPEAKER
     | Sum/Avg|    2      18 |  0.0  100.0     0.0  594.4  694.4   100.0 |

id: (f4-u1)
Scores: (#C #S #D #I) 3 1 0 2
REF:  *** * 个 人
Eval: I   I S

id: (f4-u2)
Scores: (#C #S #D #I) 5 0 0 0
"""
SCLITE = shutil.which("sclite", path=f"{os.environ['PATH']}:/usr/lib/sctk/bin")
KEPT = Path(__file__).parents[2] / "research" / "results" / "small"
needs_sclite = pytest.mark.skipif(SCLITE is None, reason="sclite (Debian's sctk) is not installed")


def test_the_utterances_are_added_up(tmp_path):
    page = tmp_path / "sclite.txt"
    page.write_text(PAGE)
    counts = sclite_counts(page)
    assert (counts.units, counts.errors, counts.correct, counts.insertions) == (9, 3, 8, 2)
    assert (counts.sentences, counts.sentences_with_errors) == (2, 1)
    page.write_text("nothing of that kind\n")
    assert sclite_counts(page).sentences == 0


def by_sclite(directory, ref, hyp):
    """Count as ESPnet's stage 13 does: a character a word, the utterance in brackets at the end."""
    for name, texts in (("ref", ref), ("hyp", hyp)):
        lines = (f"{' '.join(text)}\t(s-{utterance})\n" for utterance, text in texts.items())
        (directory / f"{name}.trn").write_text("".join(lines))
    command = [SCLITE, "-r", "ref.trn", "trn", "-h", "hyp.trn", "trn", "-i", "rm", "-o", "all", "stdout"]
    page = directory / "result.txt"
    page.write_bytes(subprocess.run(command, cwd=directory, check=True, capture_output=True).stdout)
    return sclite_counts(page)


@needs_sclite
@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.text("一二三四", min_size=1, max_size=8), st.text("一二三四五", max_size=8)), min_size=1
    )
)
def test_sclite_and_we_count_the_same_errors(tmp_path_factory, pairs):
    ref, hyp = ({f"u{i}": pair[side] for i, pair in enumerate(pairs)} for side in (0, 1))
    theirs, ours = (
        by_sclite(tmp_path_factory.mktemp("sclite"), ref, hyp),
        total(score(ref, hyp, "char").values()),
    )
    assert (theirs.sentences, theirs.units) == (ours.sentences, ours.units)
    assert (
        theirs.errors >= ours.errors
    )  # ours are the fewest; sclite's other weights find them but for rare texts
    assert theirs.sentences_with_errors == ours.sentences_with_errors


@needs_sclite
@pytest.mark.slow
def test_of_a_recognisers_1600_hypotheses_sclite_and_we_count_the_same_errors(tmp_path):
    """Of all runs that are kept, 176,000 hypotheses, the totals of each set were the same on 2026-11-28."""
    sentences = 0
    for dset in ("dev", "test"):
        ref, hyp = read_reference(KEPT, dset), read_runs(KEPT)[0].hypotheses[dset]
        theirs, ours = by_sclite(tmp_path, ref, hyp), total(score(ref, hyp, "char").values())
        assert (theirs.units, theirs.errors) == (ours.units, ours.errors)
        assert 0 < ours.errors < ours.units / 2
        sentences += theirs.sentences
    assert sentences == 1600
