"""A function over many items, here and in processes."""

import pytest

from espnet_gmot.driver.parallel import CHUNK, Processes, parallel_map
from espnet_gmot.errors import InputError, InputErrors

N = 3 * CHUNK


def halve(number: int) -> int:
    if number % 9 == 0:
        raise InputError(f"{number} is a multiple of 9")
    return number // 2


def divide(number: int) -> float:
    return 1 / number


@pytest.mark.parametrize("nj", [1, 2])
def test_results_come_in_order(nj: int) -> None:
    items = [number for number in range(N) if number % 9]
    assert parallel_map(halve, items, Processes(nj), "halve") == [number // 2 for number in items]


@pytest.mark.parametrize(("nj", "chunk"), [(1, CHUNK), (2, CHUNK), (2, 1)])
def test_all_faults_are_told_in_order(nj: int, chunk: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputErrors) as caught:
        parallel_map(halve, range(N), Processes(nj), "halve", chunk=chunk, among=f"{N} numbers")
    assert caught.value.faults == [f"{number} is a multiple of 9" for number in range(0, N, 9)]
    assert str(caught.value).startswith(f"6 of {N} numbers cannot be used:\n  0 is")
    assert f"{N}/{N}" in capsys.readouterr().err  # the bar went to its end


@pytest.mark.parametrize("nj", [1, 2])
def test_other_errors_are_raised(nj: int) -> None:
    with pytest.raises(ZeroDivisionError):
        parallel_map(divide, range(N), Processes(nj), "divide")
