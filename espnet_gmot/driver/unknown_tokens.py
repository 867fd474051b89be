"""Tokens of a transcript that the token list does not hold: a model can never write them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from espnet2.text.build_tokenizer import build_tokenizer
from espnet2.text.cleaner import TextCleaner

from espnet_gmot.data.kaldi_text import UNKNOWN, first_names, read_table
from espnet_gmot.driver.needs import need
from espnet_gmot.errors import MOST_NAMED


@dataclass(frozen=True)
class UnknownTokens:
    """What one ``text`` file holds that the token list does not.

    Args:
        text: the file.
        tokens: number of all its tokens.
        counts: occurrences of each unknown token, the most frequent first.
        utterances: ids of the utterances with one.
        spelled: ids of those that hold ``<unk>`` itself, which the tokenizer splits.
    """

    text: Path
    tokens: int
    counts: dict[str, int]
    utterances: list[str]
    spelled: list[str]

    def __str__(self) -> str:
        """One line for the log; named are the most frequent tokens and the first utterances."""
        spelled = ""
        if self.spelled:
            spelled = (
                f"; {len(self.spelled)} transcripts hold {UNKNOWN} ({first_names(self.spelled)}), which the "
                "tokenizer splits and scoring counts as one symbol: transcribe or remove these utterances"
            )
        return self._told_of_tokens() + spelled

    def _told_of_tokens(self) -> str:
        if not self.counts:
            return f"{self.text}: all {self.tokens} tokens are in the token list"
        tokens = ", ".join(f"{token} ×{count}" for token, count in list(self.counts.items())[:MOST_NAMED])
        more = "" if len(self.counts) <= MOST_NAMED else f", … ({len(self.counts)} different ones)"
        return (
            f"{self.text}: {sum(self.counts.values())} of {self.tokens} tokens are outside the token list, in"
            f" {len(self.utterances)} utterances ({' '.join(self.utterances[:MOST_NAMED])}): {tokens}{more}; "
            "they become <unk>, and each is an error of every system"
        )


def find_unknown_tokens(
    text: str | Path,
    token_list: str | Path,
    token_type: str,
    bpemodel: str | None = None,
    cleaner: str | None = None,
    non_linguistic_symbols: str | None = None,
) -> UnknownTokens:
    """Tokenise a ``text`` file as ESPnet does in training and look each token up.

    Args:
        text: utterance id, transcript.
        token_list: a token a line.
        token_type: ``char``, ``word``, ``bpe`` or ``hugging_face``.
        bpemodel: of the last two.
        cleaner: ESPnet's text cleaner.
        non_linguistic_symbols: file of symbols that stay whole, such as ``<noise>``.

    Raises:
        InputError: a file is missing.
    """
    known = set(need(token_list, 5).read_text(encoding="utf-8").split("\n"))
    tokenizer = build_tokenizer(
        token_type=token_type, bpemodel=bpemodel, non_linguistic_symbols=non_linguistic_symbols
    )
    clean = TextCleaner(cleaner)
    total, counts, utterances, spelled = 0, Counter[str](), [], []
    for utterance, transcript in read_table(text).items():
        tokens: Sequence[str] = tokenizer.text2tokens(clean(transcript))
        unknown = [token for token in tokens if token not in known]
        total += len(tokens)
        counts.update(unknown)
        if unknown:
            utterances.append(utterance)
        if UNKNOWN in transcript and token_type != "word":
            spelled.append(utterance)
    return UnknownTokens(Path(text), total, dict(counts.most_common()), utterances, spelled)
