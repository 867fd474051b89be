"""The Kaldi tables of the corpus's own train and test sets, checked against the recordings."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from espnet_gmot.data.kaldi_data import c_sorted
from espnet_gmot.data.kaldi_text import first_names, plain_spaces, read_table, require_same_ids
from espnet_gmot.errors import InputError

SPEAKERS = 125  # of train and of test
UTTERANCES = 20  # of each speaker
CURE = "let SPEECHOCEAN762 name a whole copy, or an empty folder to download it to"


@dataclass(frozen=True)
class Utterances:
    """Utterances of a set, each table keyed by utterance id."""

    wavs: dict[str, Path]
    text: dict[str, str]
    utt2spk: dict[str, str]

    def of(self, utterances: Iterable[str]) -> "Utterances":
        """These utterances alone, sorted."""
        ids = c_sorted(utterances)
        wavs = {each: self.wavs[each] for each in ids}
        text, utt2spk = ({each: table[each] for each in ids} for table in (self.text, self.utt2spk))
        return Utterances(wavs, text, utt2spk)

    @property
    def speakers(self) -> list[str]:
        """Who speaks, in the order of their names."""
        return c_sorted(set(self.utt2spk.values()))


def read_set(corpus: Path, name: str) -> tuple[Utterances, list[str]]:
    """Read the tables of a set and find its recordings; speakers without any are left out.

    Texts become lower case, which every text model knows; one that tells case would take them for shouting.

    Args:
        corpus: the folder ``speechocean762``.
        name: ``train`` or ``test``.

    Returns:
        The utterances, and warnings where the set is not whole.

    Raises:
        InputError: a table is missing or malformed, tables have other utterances, or a recording is missing
            of a speaker who has others.
    """
    directory = corpus / name
    places, text, utt2spk = (read_table(directory / each, CURE) for each in ("wav.scp", "text", "utt2spk"))
    for table, other in ((text, "text"), (utt2spk, "utt2spk")):
        require_same_ids(places, directory / "wav.scp", table, directory / other, CURE)
    every = Utterances(
        {utterance: corpus / place for utterance, place in places.items()},
        {utterance: plain_spaces(words).lower() for utterance, words in text.items()},
        utt2spk,
    )
    found = every.of(utterance for utterance, wav in every.wavs.items() if wav.is_file())
    _refuse_lost(name, corpus, every, found)
    absent = c_sorted(set(every.speakers) - set(found.speakers))
    return found, [*_tell_absent(name, absent), *_tell_counts(name, found)]


def _refuse_lost(name: str, corpus: Path, every: Utterances, found: Utterances) -> None:
    """A speaker may be absent; one of whom a part is there is a copy that went wrong."""
    if not found.wavs:
        raise InputError(f"{name}: none of its {len(every.wavs)} recordings is in {corpus}; {CURE}")
    here = set(found.speakers)
    lost = [each for each in every.wavs if each not in found.wavs and every.utt2spk[each] in here]
    if lost:
        raise InputError(
            f"{every.wavs[lost[0]]} does not exist: {len(lost)} recordings of {name} are missing whose "
            f"speakers have others; remove {corpus} and unpack it again"
        )


def _tell_absent(name: str, speakers: list[str]) -> list[str]:
    if not speakers:
        return []
    names = first_names(speakers, len(speakers))
    return [f"warning: {name}: {len(speakers)} speakers have no recording and are left out: {names}"]


def _tell_counts(name: str, found: Utterances) -> list[str]:
    lines = []
    if len(found.speakers) != SPEAKERS:
        lines.append(
            f"warning: {name} has {len(found.speakers)} speakers, and that of speechocean762 {SPEAKERS}"
        )
    counts = Counter(found.utt2spk.values())
    other = [f"{each} ({counts[each]})" for each in found.speakers if counts[each] != UTTERANCES]
    if other:
        names = first_names(other, 10)
        lines.append(f"warning: {name}: {len(other)} speakers have not {UTTERANCES} utterances: {names}")
    return lines
