"""Decode a stream of utterances in batches of similar length."""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice, repeat

from espnet2.asr.espnet_model import ESPnetASRModel
from torch import Tensor

from espnet_gmot.decoding.batches import cut_batches
from espnet_gmot.decoding.best_path import BestPath, best_paths
from espnet_gmot.decoding.encoder import BatchEncoder

BATCH_SIZE = 8  # the fastest of 1, 8, 16 and 32 on two CPU cores (benchmarks/decoding.md)
READ_AHEAD = 32  # batches whose features wait to be sorted by length; 32 of 8 take some 50 MB


class BestPathDecoder:
    """Best-path decoder of a model with CTC.

    Args:
        model: in evaluation mode; see :class:`BatchEncoder`.
        batch_size: most utterances in a batch.
    """

    def __init__(self, model: ESPnetASRModel, batch_size: int = BATCH_SIZE):
        self.encoder = BatchEncoder(model)
        self.batch_size = batch_size
        self._read_ahead = READ_AHEAD * batch_size
        self._output = model.ctc.ctc_lo
        self._blank_id = model.blank_id

    def windows(self, keys: Sequence[str], done: Collection[str]) -> list[list[str]]:
        """Divide ``keys`` into windows, and leave out what is done.

        Batches are cut in each, the longest utterances first: a decoding that was interrupted between two
        batches goes on with the same batches, and so to the same last digit of the scores.
        """
        starts = range(0, len(keys), self._read_ahead)
        windows = ([key for key in keys[i : i + self._read_ahead] if key not in done] for i in starts)
        return [window for window in windows if window]

    def decode(
        self, utterances: Iterable[tuple[str, Tensor]], windows: Iterable[int] | None = None
    ) -> Iterator[dict[str, BestPath]]:
        """Decode ``(id, speech)`` pairs; see :meth:`BatchEncoder.features` for the speech.

        Args:
            utterances: the pairs.
            windows: how many of them are in each window; None for windows of equal size.

        Returns:
            The hypotheses by id, a batch at a time. Within the read-ahead, long utterances come first.
        """
        stream = iter(utterances)
        for count in repeat(self._read_ahead) if windows is None else windows:
            features = {key: self.encoder.features(speech) for key, speech in islice(stream, count)}
            if not features:
                return
            yield from self._decode_window(features)

    def _decode_window(self, features: dict[str, Tensor]) -> Iterator[dict[str, BestPath]]:
        keys = list(features)
        lengths = [len(each) for each in features.values()]
        for places in cut_batches(lengths, self.batch_size, equal=not self.encoder.takes_padding):
            batch = [keys[place] for place in places]
            hidden, frames = self.encoder.encode([features[key] for key in batch])
            for key, count in zip(batch, frames, strict=True):
                if count == 0:
                    logging.warning("%s is too short for the encoder: its hypothesis is empty", key)
            yield dict(zip(batch, best_paths(hidden, frames, self._output, self._blank_id), strict=True))
