"""How much of a corpus a teacher's tokenizer knows: an unknown token tells the teacher nothing."""

import json
import logging
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from espnet_gmot.errors import InputError

WARNED_SHARE = 0.02  # of the tokens are unknown: a warning
REFUSED_SHARE = 0.5  # and most of them: an error

logger = logging.getLogger(__name__)  # of its own, so that a command shows these lines and no library's


@dataclass
class Coverage:
    """Counts the tokens of texts and those among them that are unknown.

    Args:
        name: of the teacher, for messages.
        unknown_ids: see `unknown_ids`.
        tokens: counted so far, special ones not among them.
        unknown: those that stand for what the tokenizer does not know.

    Example:
        >>> coverage = Coverage("老师", frozenset({1}))
        >>> coverage.count(np.array([7, 1, 8, 9]))
        >>> str(coverage)
        '25.0 % of 4 tokens of teacher 老师 are unknown ([UNK])'
    """

    name: str
    unknown_ids: frozenset[int]
    tokens: int = field(default=0, init=False)
    unknown: int = field(default=0, init=False)

    def __str__(self) -> str:
        share = 100 * self.unknown / max(self.tokens, 1)
        return f"{share:.1f} % of {self.tokens:,} tokens of teacher {self.name} are unknown ([UNK])"

    def count(self, ids: np.ndarray) -> None:
        """Count token ids (N,), special tokens left out."""
        self.tokens += ids.size
        self.unknown += int(np.isin(ids, list(self.unknown_ids)).sum())

    def judge(self) -> None:
        """Tell the share of unknown tokens in one line of the log.

        Raises:
            InputError: most tokens are unknown.
        """
        if self.unknown > REFUSED_SHARE * self.tokens:
            raise InputError(
                f"{self}: it cannot read these transcripts; choose a teacher of their language and script "
                "(simplified or traditional characters), with its own tokenizer"
            )
        if self.unknown > WARNED_SHARE * self.tokens:
            logger.warning("%s: it sees nothing there; a teacher of this language knows more", self)
        else:
            logger.info("%s", self)


def unknown_ids(tokenizer: Any) -> frozenset[int]:
    """Return the ids that stand for what a tokenizer does not know; none where it falls back to bytes.

    What the tokenizer itself says and what its tokenizer.json says need not be the same.
    """
    ids = {tokenizer.unk_token_id}
    if getattr(tokenizer, "is_fast", False):
        model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
        ids |= {model.get("unk_id"), tokenizer.get_vocab().get(model.get("unk_token"))}
    return frozenset(ids - {None})


def show_coverage() -> None:
    """Let a command show the line of `Coverage.judge` on stderr."""
    logging.basicConfig(format="%(levelname)s: %(message)s")
    logger.setLevel(logging.INFO)
