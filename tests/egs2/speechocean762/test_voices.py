"""The speakers' age and sex, as far as the tables tell them."""

from pathlib import Path

import pytest
from speechocean762.voices import tell_voices

from espnet_gmot.errors import InputError

SPEAKERS = {"dev": ["0006", "0075", "0575"]}


def tables(folder: Path, ages: str, genders: str) -> Path:
    (folder / "train").mkdir()
    (folder / "train" / "spk2age").write_text(ages)
    (folder / "train" / "spk2gender").write_text(genders)
    return folder


@pytest.mark.parametrize("female", ["f", "F", "female"])
def test_children_and_women_are_counted(tmp_path: Path, female: str) -> None:
    genders = f"0006\t{female}\n0075\tm\n0575\t{female}\n9999\t{female}\n"
    corpus = tables(tmp_path, "0006\t17\n0075\t18\n0575\t7\n9999\t5\n", genders)
    assert tell_voices(corpus, SPEAKERS) == ["dev: of 3 speakers 2 are under 18 and 2 female"]


def test_speakers_who_stand_in_no_table_are_named(tmp_path: Path) -> None:
    corpus = tables(tmp_path, "0006\t17\n0075\t18\n", "0006\tf\n0575\tm\n")
    assert tell_voices(corpus, SPEAKERS) == [
        "dev: of 1 speakers 1 are under 18 and 1 female; of 2 it is not known: 0075, 0575"
    ]


@pytest.mark.parametrize(("age", "gender"), [("six", "f"), ("6", "x")])
def test_what_is_no_age_or_sex_is_refused_with_the_speaker(tmp_path: Path, age: str, gender: str) -> None:
    with pytest.raises(
        InputError, match=rf"say '{age}' and '{gender}' of speaker 0006, and not years and m or f"
    ):
        tell_voices(tables(tmp_path, f"0006\t{age}\n", f"0006\t{gender}\n"), SPEAKERS)


def test_a_table_that_is_missing_is_one_warning(tmp_path: Path) -> None:
    corpus = tables(tmp_path, "0006\t17\n", "0006\tf\n")
    (corpus / "train" / "spk2age").unlink()
    (warning,) = tell_voices(corpus, SPEAKERS)
    assert warning.startswith(f"warning: no {corpus}/train/spk2age: ")
