"""How old the speakers are and how many are women, as the corpus's tables say: does dev resemble train?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet_gmot.data.kaldi_text import first_names, read_table
from espnet_gmot.errors import InputError

GROWN_UP = 18  # years
TABLES = ("spk2age", "spk2gender")


def tell_voices(corpus: Path, speakers: Mapping[str, Sequence[str]]) -> list[str]:
    """Count the children and the female among speakers of the corpus's train.

    Args:
        corpus: the folder ``speechocean762``.
        speakers: set to its speakers.

    Returns:
        A line a set; or one line if a table is missing, without which everything else works.

    Raises:
        InputError: a table is malformed.
    """
    paths = [corpus / "train" / name for name in TABLES]
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        return [f"warning: no {' and no '.join(missing)}: how like train dev is in age and sex is not known"]
    ages, genders = map(read_table, paths)
    return [_tell(name, each, paths, ages, genders) for name, each in speakers.items()]


def _tell(
    name: str,
    speakers: Sequence[str],
    paths: Sequence[Path],
    ages: Mapping[str, str],
    genders: Mapping[str, str],
) -> str:
    known = [each for each in speakers if each in ages and each in genders]
    for speaker in known:
        if not ages[speaker].isdecimal() or genders[speaker].lower()[:1] not in ("m", "f"):
            raise InputError(
                f"{' and '.join(map(str, paths))} say '{ages[speaker]}' and '{genders[speaker]}' of speaker "
                f"{speaker}, and not years and m or f; unpack the corpus again"
            )
    children = sum(int(ages[each]) < GROWN_UP for each in known)
    female = sum(genders[each].lower().startswith("f") for each in known)
    unknown = [each for each in speakers if each not in known]
    rest = f"; of {len(unknown)} it is not known: {first_names(unknown)}" if unknown else ""
    return f"{name}: of {len(known)} speakers {children} are under {GROWN_UP} and {female} female{rest}"
