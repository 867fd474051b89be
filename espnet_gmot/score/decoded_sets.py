"""Where asr.sh, ours or ESPnet's, puts what it decodes, and the errors of all that it decoded."""

import logging
from functools import partial
from pathlib import Path

from espnet_gmot.errors import InputError, collect_faults
from espnet_gmot.score.result_files import is_ours, score_files
from espnet_gmot.score.sclite import sclite_counts

# Below dump/raw: training and validation data before stage 4 leaves out what is too long or too short. A
# validation set among the test sets ESPnet's asr.sh decodes from there, into a directory of the same name.
UNFILTERED = "org"


def decoded_set(experiment: Path, decode: str, dataset: str) -> Path:
    """The directory of a decoded set.

    Args:
        experiment: directory of the training, e.g. ``exp/asr_train_ctc``.
        decode: name of the decoding directory in it.
        dataset: name of the set.

    Returns:
        ``EXPERIMENT/DECODE/SET``, or ``EXPERIMENT/DECODE/org/SET`` where ESPnet's asr.sh decoded the set.

    Raises:
        InputError: both are there.

    Example:
        >>> decoded_set(Path("exp/asr_ctc"), "greedy", "dev")
        PosixPath('exp/asr_ctc/greedy/dev')
    """
    ours, stock = experiment / decode / dataset, experiment / decode / UNFILTERED / dataset
    if not (stock / "text").is_file():
        return ours
    if (ours / "text").is_file():
        raise InputError(
            f"{ours} and {stock} both hold hypotheses of {dataset}; remove that which is not to count"
        )
    return stock


def score_decoded_sets(experiment: Path, data: Path = Path("dump/raw"), spaces: bool = False) -> None:
    """Count each utterance's errors in all that ESPnet's asr.sh decoded, for comparisons.

    ``score_cer/result.txt`` of sclite becomes ``sclite.txt``; a warning says where it has other totals.

    Args:
        experiment: directory of the training; every ``DECODE/SET`` and ``DECODE/org/SET`` in it is scored.
        data: where the transcripts are, in ``SET`` and ``org/SET``.
        spaces: count the space between two words as a character, as ESPnet does.

    Raises:
        InputErrors: some could not be scored; the others are.
    """
    found = sorted([*experiment.glob("*/*/text"), *experiment.glob(f"*/{UNFILTERED}/*/text")])
    list(collect_faults(partial(_score, experiment, data, spaces), found, f"{len(found)} decoded sets"))


def _score(experiment: Path, data: Path, spaces: bool, text: Path) -> None:
    _, *dataset, _ = text.relative_to(experiment).parts
    decoded, data = text.parent, data.joinpath(*dataset)
    page = decoded / "score_cer" / "result.txt"
    by_sclite = page.with_name("sclite.txt") if page.is_file() and not is_ours(page) else None
    if by_sclite:
        page.replace(by_sclite)
    counts = score_files(data / "text", decoded / "text", data / "utt2spk", "char", page.parent, spaces).total
    print(f"{counts.err_rate:.2f} % errors in {counts.units} characters: {page}")
    if by_sclite and counts.errors != (theirs := sclite_counts(by_sclite)).errors:
        logging.warning(
            "%s has %d errors, sclite %d (%s): an alignment that sclite weighs otherwise, <unk>, which is "
            "five characters to it, or a text that ESPnet writes otherwise before it scores (--cleaner, "
            "--nlsyms_txt)",
            page, counts.errors, theirs.errors, by_sclite,
        )  # fmt: skip
