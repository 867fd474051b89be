"""Error counts in what NIST's sclite prints."""

import re
from pathlib import Path

from espnet_gmot.score.error_rates import ErrorCounts, total

# Of each utterance, as `sclite -o all` or `-o pra` writes it: "Scores: (#C #S #D #I) 4 1 0 2"
SCORES = re.compile(r"^Scores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)$", re.MULTILINE)


def sclite_counts(page: Path) -> ErrorCounts:
    """Sum the counts of the utterances.

    Args:
        page: what ``sclite -o all stdout`` or ``-o pra stdout`` printed; no utterances in another file.

    Example:
        >>> import tempfile
        >>> page = Path(tempfile.mkdtemp()) / "result.txt"
        >>> _ = page.write_text("id: (f-f-u1)\\nScores: (#C #S #D #I) 4 1 0 2\\nREF: …\\n")
        >>> counts = sclite_counts(page)
        >>> counts.units, counts.errors
        (5, 3)
    """
    found = [
        tuple(map(int, each)) for each in SCORES.findall(page.read_text(encoding="utf-8", errors="replace"))
    ]
    return total(
        ErrorCounts(correct, sub, deleted, inserted, 1, int(sub + deleted + inserted > 0))
        for correct, sub, deleted, inserted in found
    )
