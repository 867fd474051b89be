"""Decode a stream of utterances in batches of similar length."""

import logging
from collections.abc import Iterable, Iterator
from itertools import islice

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
        self._output = model.ctc.ctc_lo
        self._blank_id = model.blank_id

    def decode(self, utterances: Iterable[tuple[str, Tensor]]) -> Iterator[dict[str, BestPath]]:
        """Decode ``(id, speech)`` pairs; see :meth:`BatchEncoder.features` for the speech.

        Returns:
            The hypotheses by id, a batch at a time. Within the read-ahead, long utterances come first.
        """
        stream = iter(utterances)
        read = READ_AHEAD * self.batch_size
        while features := {key: self.encoder.features(speech) for key, speech in islice(stream, read)}:
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
