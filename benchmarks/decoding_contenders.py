"""Who decodes in the decoding benchmark: the encoder alone, ESPnet's ``asr_inference``, and ours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.bin.asr_inference import Speech2Text
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from espnet_gmot.decoding.batches import cut_batches
from espnet_gmot.decoding.decoder import BestPathDecoder
from espnet_gmot.trained.load import load_trained_model

BATCH_SIZES = (1, 8, 16, 32)
STOCK_BATCH = 8  # of ESPnet 202611's beam search
ENCODER, STOCK, OURS = "encoder alone", "asr_inference", "asr_ctc_greedy"
HOP = 128  # samples between feature frames


@dataclass(frozen=True, eq=False)
class Contender:
    """A way to decode.

    Attributes:
        name: what the page calls it.
        device: ``cpu`` or ``cuda``.
        batch_size: utterances in a batch.
        beam_size: of a beam search; None for the others.
        decode: from utterances to token ids or texts; None where it cannot run.
        hindrance: why it cannot.
    """

    name: str
    device: str
    batch_size: int
    beam_size: int | None = None
    decode: Callable[[Sequence[Tensor]], list[list[int]] | None] | None = None
    hindrance: str | None = None


def make_contenders(config: Path, checkpoint: Path, device: str) -> list[Contender]:
    """Load the model for all contenders; the encoder alone stands before ours with the same batches."""
    model, _ = load_trained_model(config, checkpoint, device)
    contenders = []
    for size in BATCH_SIZES:
        contenders.append(Contender(ENCODER, device, size, decode=_encoder(model, size)))
        contenders.append(Contender(OURS, device, size, decode=best_path(model, size)))
    for beam_size, batch_size in ((1, 1), (10, 1), (10, STOCK_BATCH)):
        decode = hindrance = None
        if batch_size > 1 and not hasattr(Speech2Text, "batch_decode"):
            hindrance = "not in this ESPnet"
        else:
            decode = _stock(config, checkpoint, device, beam_size, batch_size)
        contenders.append(Contender(STOCK, device, batch_size, beam_size, decode, hindrance))
    return contenders


@torch.no_grad()
def reference(config: Path, checkpoint: Path, speech: Sequence[Tensor]) -> list[list[int]]:
    """Decode one utterance at a time by ESPnet's encode and argmax, repeats and blanks dropped."""
    model, _ = load_trained_model(config, checkpoint, "cpu")
    hypotheses = []
    for each in speech:
        hidden, _ = model.encode(each[None], torch.tensor([len(each)]))
        path = model.ctc.argmax(hidden)[0].tolist()
        hypotheses.append([symbol for symbol, _ in groupby(path) if symbol != model.blank_id])
    return hypotheses


def _encoder(model: ESPnetASRModel, batch_size: int) -> Callable:
    @torch.no_grad()
    def encode(speech: Sequence[Tensor]) -> None:
        device = next(model.parameters()).device
        for batch in _batches(speech, batch_size):
            lengths = torch.tensor([len(speech[place]) for place in batch], device=device)
            padded = pad_sequence([speech[place] for place in batch], batch_first=True)  # (batch, samples)
            model.encode(padded.to(device), lengths)

    return encode


def best_path(model: ESPnetASRModel, batch_size: int) -> Callable:
    decoder = BestPathDecoder(model, batch_size)

    def decode(speech: Sequence[Tensor]) -> list[list[int]]:
        found = {}
        for batch in decoder.decode((str(place), each) for place, each in enumerate(speech)):
            found |= batch
        return [found[str(place)].ids for place in range(len(speech))]

    return decode


def _stock(config: Path, checkpoint: Path, device: str, beam_size: int, batch_size: int) -> Callable:
    recogniser = Speech2Text(
        str(config),
        str(checkpoint),
        device=device,
        ctc_weight=1.0,
        lm_weight=0.0,
        ngram_weight=0.0,
        beam_size=beam_size,
        batch_size=batch_size,
    )

    def decode(speech: Sequence[Tensor]) -> list[list[int]]:
        if batch_size == 1:
            return [recogniser(each)[0][2] for each in speech]
        found = {}
        for batch in _batches(speech, batch_size):
            results = recogniser.batch_decode([speech[place] for place in batch])
            found |= {place: result[0][2] for place, result in zip(batch, results, strict=True)}
        return [found[place] for place in range(len(speech))]

    return decode


def _batches(speech: Sequence[Tensor], batch_size: int) -> list[list[int]]:
    """Group as our decoder does."""
    return cut_batches([len(each) // HOP + 1 for each in speech], batch_size, equal=False)
