"""The stopwatch: nothing is lost, nothing counted twice."""

import logging

import pytest
import torch

from espnet_gmot.decoding.cost import Cost, Meter


@pytest.fixture
def clock(monkeypatch):
    """A clock that shows what the test writes into it."""
    now = [100.0]
    monkeypatch.setattr("espnet_gmot.decoding.cost.perf_counter", lambda: now[0])
    return now


def test_time_is_divided_among_the_utterances_from_the_first_on(clock, caplog):
    caplog.set_level(logging.INFO)

    def source():
        for key, seconds, samples in (("a", 50.0, 800), ("b", 1.0, 400), ("c", 3.0, 600)):
            clock[0] += seconds  # start-up before the first, then reading
            yield key, torch.zeros(samples)

    meter = Meter("cpu")
    reading = meter.reading(source())
    assert [next(reading)[0], next(reading)[0]] == ["a", "b"]
    clock[0] += 4.0
    assert meter.decoded(["b", "a"]) == {"a": Cost(800, 2.0, "cpu"), "b": Cost(400, 3.0, "cpu")}
    assert [key for key, _ in reading] == ["c"]
    clock[0] += 0.5
    assert meter.decoded(["c"]) == {"c": Cost(600, 3.5, "cpu")}
    assert caplog.messages == ["speech length: 800", "speech length: 400", "speech length: 600"]
