"""The proof that nothing of dev and test was seen in training, by the recogniser or by the teacher."""

from itertools import combinations
from pathlib import Path

from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from espnet_gmot.text_files import read_text
from mini_mandarin.text import SentenceFinder

SETS = ("train", "dev", "test")


def check_disjoint(data: str | Path) -> str:
    """Check sentences and speakers of the three sets and the teacher's text; return the proof in a line.

    Checked: no sentence is in two sets; no speaker is in two sets; no dev or test sentence occurs
    inside a training sentence or inside a line of ``local/teacher.txt``, commas not counted.

    Args:
        data: the directory that holds ``train``, ``dev``, ``test`` and ``local``.

    Raises:
        InputError: a leak, with its file and text, or a missing file.
    """
    data = Path(data)
    teacher = require_file(data / "local" / "teacher.txt", "make the data again (stage 1)")
    texts = {name: read_table(data / name / "text") for name in SETS}
    for table, what in (("text", "sentence"), ("utt2spk", "speaker")):
        values = {name: set(read_table(data / name / table).values()) for name in SETS}
        for first, second in combinations(SETS, 2):
            if shared := values[first] & values[second]:
                raise _leak(data / second / table, f"{what} {min(shared)} is also in {data / first / table}")
    held_out = SentenceFinder([*texts["dev"].values(), *texts["test"].values()])
    for utterance, sentence in texts["train"].items():
        if found := held_out.find(sentence):
            raise _leak(data / "train" / "text", f"{utterance} contains the dev or test sentence {found}")
    lines = read_text(teacher).splitlines()
    for number, line in enumerate(lines, start=1):
        if found := held_out.find(line):
            raise _leak(teacher, f"line {number} contains the dev or test sentence {found}")
    counts = ", ".join(f"{len(texts[name])} {name}" for name in SETS)
    return (
        f"disjoint: {counts} sentences share no sentence and no speaker; none of the dev and test "
        f"sentences occurs in a training sentence or in the {len(lines)} lines of {teacher}"
    )


def _leak(path: Path, what: str) -> InputError:
    return InputError(f"{path}: {what}; remove {path.parent} and make the data again (stage 1)")
