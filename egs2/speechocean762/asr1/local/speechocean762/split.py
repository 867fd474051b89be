"""Which utterances are trained on, chosen by and tested on."""

from espnet_gmot.data.kaldi_text import first_names
from espnet_gmot.errors import InputError
from speechocean762.tables import Utterances

# The project's own choice: every eighth of train's 125 speakers in the order of their names, from the third.
# Written out, so that neither a missing speaker nor a missing table of ages makes another split. Of the eight
# starts it is that whose speakers' median pitch spreads most like everybody's: quartiles of 172, 221 and
# 238 Hz against 184, 219 and 235.
DEV_SPEAKERS = (
    "0006", "0075", "0575", "1033", "1309", "1439", "2129", "2251",
    "2799", "3068", "5195", "6010", "8002", "9606", "9619", "9645",
)  # fmt: skip


def split(train: Utterances, test: Utterances) -> tuple[dict[str, Utterances], list[str]]:
    """Carve dev out of the corpus's train, and set test's utterances apart whose sentence stands in it.

    Args:
        train: the corpus's own training set.
        test: its test set.

    Returns:
        ``train``, ``dev``, ``test`` and ``test_seen``, the last of which may be empty; and a report: a line a
        set, and a warning where dev speakers are missing.

    Raises:
        InputError: a set would be empty, or a speaker or recording stands in train and test.
    """
    _refuse_shared(train, test)
    sentences = set(train.text.values())
    in_dev = {each for each, speaker in train.utt2spk.items() if speaker in DEV_SPEAKERS}
    seen = {each for each, sentence in test.text.items() if sentence in sentences}
    sets = {
        "train": train.of(train.text.keys() - in_dev),
        "dev": train.of(in_dev),
        "test": test.of(test.text.keys() - seen),
        "test_seen": test.of(seen),
    }
    for name in ("train", "dev", "test"):
        if not sets[name].text:
            raise InputError(
                f"{name} would hold no utterance; the copy of speechocean762 lacks too many speakers"
            )
    shared = len(sentences_of(sets["dev"]) & sentences_of(sets["train"]))
    remarks = {
        "dev": f"; {shared} of its {len(sentences_of(sets['dev']))} sentences stand in train",
        "test": "; their sentences stand in neither train nor dev",
        "test_seen": ": those of the test set whose sentence stands in train or dev",
    }
    absent = [each for each in DEV_SPEAKERS if each not in sets["dev"].speakers]
    warning = (
        f"warning: dev lacks {len(absent)} of its {len(DEV_SPEAKERS)} speakers: {first_names(absent, 16)}"
    )
    return sets, [
        *([warning] if absent else []),
        *(
            f"{name}: {len(each.text)} utterances of {len(each.speakers)} speakers{remarks.get(name, '')}"
            for name, each in sets.items()
        ),
    ]


def sentences_of(utterances: Utterances) -> set[str]:
    """The distinct sentences of a set."""
    return set(utterances.text.values())


def _refuse_shared(train: Utterances, test: Utterances) -> None:
    for what, ours, theirs in (
        ("utterance", train.text.keys(), test.text.keys()),
        ("speaker", train.speakers, test.speakers),
    ):
        both = sorted(set(ours) & set(theirs))
        if both:
            raise InputError(
                f"{what} {both[0]} stands in train and in test ({len(both)} do); let SPEECHOCEAN762 name an "
                "unchanged copy"
            )
