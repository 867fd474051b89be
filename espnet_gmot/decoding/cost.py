"""What decoding costs, utterance by utterance, so that it adds up over interruptions."""

import logging
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import NamedTuple

from torch import Tensor


class Cost(NamedTuple):
    """What one utterance cost.

    Attributes:
        samples: its length.
        seconds: the time to read it and make its features, and its share of the batch it was decoded in.
        device: ``cpu`` or the name of a GPU.
    """

    samples: int
    seconds: float
    device: str


class Meter:
    """A stopwatch that starts with the first utterance and divides all time after it among the utterances.

    Args:
        device: what decodes.
    """

    def __init__(self, device: str):
        self.device = device
        self._samples: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._mark: float | None = None

    def reading(self, utterances: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
        """Pass ``(id, speech)`` on, and log the length as ``asr_inference`` does."""
        for key, speech in utterances:
            self._samples[key], self._seconds[key] = len(speech), 0.0
            self._charge([key])
            logging.info("speech length: %d", len(speech))
            yield key, speech

    def decoded(self, keys: Iterable[str]) -> dict[str, Cost]:
        """Tell what the utterances of the batch that was just decoded have cost."""
        batch = list(keys)
        self._charge(batch)
        return {key: Cost(self._samples.pop(key), self._seconds.pop(key), self.device) for key in batch}

    def _charge(self, keys: list[str]) -> None:
        """Divide the time since the last call among the utterances."""
        now = perf_counter()
        for key in keys:
            self._seconds[key] += 0.0 if self._mark is None else (now - self._mark) / len(keys)
        self._mark = now
