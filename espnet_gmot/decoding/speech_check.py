"""The checks of each utterance to decode, made in the data-loader worker that reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.frontend.default import DefaultFrontend

from espnet_gmot.data.sound import check_samples, cut_off, open_sound
from espnet_gmot.errors import InputError
from espnet_gmot.trained.load import sampling_rate

Preprocess = Callable[[str, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Expected:
    """What a model takes.

    Attributes:
        waveform: whether it takes samples; a model without a frontend takes features.
        rate: of the samples in Hz; None where the frontend does not say.
        channels: whether it may take more than one channel.
    """

    waveform: bool = True
    rate: int | None = None
    channels: bool = False

    @classmethod
    def by(cls, frontend: AbsFrontend | None) -> "Expected":
        """Read it from a model's frontend; ESPnet's default one, unless it forms beams, drops all but one."""
        enhancement = getattr(frontend, "frontend", None)
        forms_beams = any(getattr(enhancement, name, False) for name in ("use_wpe", "use_beamformer"))
        several = not isinstance(frontend, DefaultFrontend) or forms_beams
        return cls(frontend is not None, sampling_rate(frontend), several)


@dataclass(frozen=True)
class SpeechCheck:
    """Looks at what ESPnet has read, then calls ESPnet's preprocessing.

    Attributes:
        name: of the speech among an utterance's data.
        kind: as what ESPnet reads it, e.g. ``sound``.
        entries: what wav.scp says of each utterance.
        expected: what the model takes.
        preprocess: ESPnet's preprocessing, or None.
    """

    name: str
    kind: str
    entries: Mapping[str, str]
    expected: Expected
    preprocess: Preprocess | None

    def __call__(self, key: str, data: dict[str, Any]) -> dict[str, Any]:
        """Check the speech of utterance ``key`` and preprocess its data.

        Raises:
            InputError: the model would not hear what was recorded.
        """
        self.check(key, data[self.name])
        return data if self.preprocess is None else self.preprocess(key, data)

    def check(self, key: str, speech: np.ndarray | None) -> None:
        """Raise an InputError unless the speech, samples (n,) or (n, channels), is as it must be."""
        entry = self.entries[key]
        if speech is None:
            raise InputError(f"{key} has no recording; take it out of wav.scp")
        if not self.expected.waveform:
            if not np.isfinite(speech).all():
                raise InputError(f"{key} ({entry}) has features that are NaN or infinite; make them again")
            return
        try:
            self._check_waveform(entry, speech)
        except InputError as error:
            raise InputError(f"{key}: {error}") from error

    def _check_waveform(self, entry: str, speech: np.ndarray) -> None:
        if speech.dtype.kind != "f":
            raise InputError(f"{entry} is read unscaled from its archive; format the data again (stage 3)")
        for file in self._files(entry):
            with open_sound(file) as audio:
                rate, frames = audio.samplerate, audio.frames
            if len(speech) < frames:
                raise cut_off(file, f"it promises {frames} samples and gives {len(speech)}")
            if self.expected.rate not in (None, rate):
                raise InputError(
                    f"{file} has {rate} Hz, but the model was trained on {self.expected.rate} Hz; format the "
                    f"data with --fs {self.expected.rate} (stage 3)"
                )
        if speech.ndim > 1 and not self.expected.channels:
            raise InputError(
                f"{entry} has {speech.shape[1]} channels, and the model would take one of them; mix it down"
            )
        check_samples(entry, speech)

    def _files(self, entry: str) -> list[str]:
        if self.kind in ("sound", "kaldi_ark"):
            return [entry]
        return entry.split() if self.kind.endswith("columns_sound") else []
