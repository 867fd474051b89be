"""How many frames a model's encoder makes of an utterance's audio."""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict

import torch
from espnet2.asr.encoder.conformer_encoder import TooShortUttError
from espnet2.asr.espnet_model import ESPnetASRModel


class EncoderFrames:
    """The frames of utterances as the model itself counts them, each alone.

    Any encoder will do: it gets noise. Longer audio never has fewer frames, so most answers follow from
    utterances that were asked for before.

    Args:
        model: whose parameters do not matter.
    """

    def __init__(self, model: ESPnetASRModel):
        self._model = model.eval()
        self._known: defaultdict[tuple[int, ...], list[tuple[int, int]]] = defaultdict(list)

    def frames(self, shape: tuple[int, ...]) -> int:
        """Return the frames of audio of this shape: samples, then channels or size of a feature if any."""
        least, most = self._bounds(shape)
        if least == most:
            return least
        frames = self._encode(shape)
        insort(self._known[shape[1:]], (shape[0], frames))
        return frames

    def reach(self, shape: tuple[int, ...], needed: int) -> bool:
        """Tell whether audio of this shape has ``needed`` frames."""
        least, most = self._bounds(shape)
        if least >= needed:
            return True
        if most is not None and most < needed:
            return False
        return self.frames(shape) >= needed

    def _bounds(self, shape: tuple[int, ...]) -> tuple[int, int | None]:
        """Fewest and most frames, by the next shorter and the next longer audio that are known."""
        length, known = shape[0], self._known[shape[1:]]
        shorter = known[: bisect_right(known, length, key=lambda pair: pair[0])]
        longer = known[bisect_left(known, length, key=lambda pair: pair[0]) :]
        return shorter[-1][1] if shorter else 0, longer[0][1] if longer else None

    @torch.no_grad()
    def _encode(self, shape: tuple[int, ...]) -> int:
        speech = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0))
        try:
            _, lengths = self._model.encode(speech, torch.tensor([shape[0]]))
        except TooShortUttError:
            return 0
        return int(lengths[0])
