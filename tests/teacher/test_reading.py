"""The options of how a teacher reads."""

import pytest

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.identity import TeacherIdentity
from espnet_gmot.teacher.reading import PLAIN, READINGS, Reading


@pytest.mark.parametrize("options", [{"context": "twice"}, {"pool": "words"}, {"pool": None}])
def test_an_unknown_choice_names_the_known_ones(options):
    with pytest.raises(InputError, match=r"teacher's \w+ .* is not known; choose one of none, "):
        Reading(**options)


def test_each_reading_of_a_teacher_has_a_number_and_a_name_of_its_own():
    identities = [TeacherIdentity("t", 3, "abc", False, each.context, each.pool) for each in READINGS]
    assert [identity.reading for identity in identities] == list(READINGS)
    assert len({identity.number for identity in identities}) == len(READINGS) == 4
    assert len({str(identity) for identity in identities}) == 4


def test_numbers_of_earlier_versions_stay():
    """As caches, projections and batches of earlier versions have them."""
    import hashlib

    expected = int.from_bytes(hashlib.sha1(b"abc 3").digest()[:8], "big") >> 1
    assert TeacherIdentity("t", 3, "abc").number == expected
    assert TeacherIdentity("t", (3, 4), "abc").number != expected


def test_options_are_those_of_the_commands():
    assert PLAIN.options == ""
    assert Reading("repeat", "characters").options == "--context repeat --pool characters "
