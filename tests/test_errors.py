"""Faults of several inputs in one message."""

import pickle

import pytest

from espnet_gmot.errors import InputError, InputErrors, collect_faults, faults_of


def odd(number: int) -> int:
    if number % 2 == 0:
        raise InputError(f"{number} is even")
    return number


def test_what_can_be_used_comes_before_the_faults():
    found = collect_faults(odd, range(5), "5 numbers")
    assert [next(found), next(found)] == [1, 3]
    with pytest.raises(InputErrors, match="^3 of 5 numbers cannot be used:\n  0 is even\n  2 is even\n  4"):
        next(found)


def test_no_fault_is_no_error():
    assert list(collect_faults(odd, [1, 3])) == [1, 3]
    assert list(collect_faults(odd, [])) == []


def test_ten_of_many_are_named():
    error = InputErrors([f"u{n} is empty" for n in range(12)], "7176 recordings")
    assert str(error).splitlines()[0] == "12 of 7176 recordings cannot be used; the first 10:"
    assert str(error).splitlines()[1:] == [f"  u{n} is empty" for n in range(10)]


def test_a_single_fault_is_its_own_message_and_an_equal_one_counts_once():
    assert str(InputErrors(["u1 is empty", "u1 is empty"], "9 recordings")) == "u1 is empty"


def test_faults_of_parts_are_faults_of_the_whole():
    def part(numbers):
        return list(collect_faults(odd, numbers))

    with pytest.raises(InputErrors) as caught:
        list(collect_faults(part, [[0, 1], [3], [2, 4]], "5 numbers"))
    assert faults_of(caught.value) == ["0 is even", "2 is even", "4 is even"]
    assert faults_of(InputError("one")) == ["one"]


def test_faults_cross_from_process_to_process():
    error = pickle.loads(pickle.dumps(InputErrors(["a", "b"], "3 files")))
    assert str(error) == "2 of 3 files cannot be used:\n  a\n  b"


def test_other_errors_end_at_once():
    with pytest.raises(ZeroDivisionError):
        list(collect_faults(lambda number: 1 // number, [0, 1]))
