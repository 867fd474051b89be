"""One trained model behind the page: transcripts with times, and the coupling of a text that is typed in."""

import tempfile
from argparse import Namespace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.text.build_tokenizer import build_tokenizer
from matplotlib.image import imread

from espnet_gmot.decoding.decoder import BestPathDecoder
from espnet_gmot.decoding.timing import frame_shift
from espnet_gmot.demo_page.typed_text import aligner_for
from espnet_gmot.errors import InputError
from espnet_gmot.model import ESPnetGMOTModel
from espnet_gmot.trained.coupling_panels import coupling_panel, spectrogram
from espnet_gmot.trained.coupling_plot import plot_coupling
from espnet_gmot.trained.couplings import SpokenText
from espnet_gmot.trained.load import load_experiment, sampling_rate


class TimedToken(NamedTuple):
    """A token of a transcript, with start and end in seconds and its mean posterior."""

    token: str
    start: float
    end: float
    confidence: float


class Transcript(NamedTuple):
    """What was recognised: the text, and its tokens in order."""

    text: str
    tokens: list[TimedToken]


class Recogniser:
    """A model that transcribes one utterance at a time, by the best CTC path.

    Args:
        model: in evaluation mode, on the CPU.
        train_args: the arguments that it was trained with, such as ``Speech2Text.asr_train_args`` of ESPnet.

    Raises:
        InputError: it has no CTC, or when its frames are is not known.
    """

    def __init__(self, model: ESPnetASRModel, train_args: Namespace):
        if model.ctc is None:
            raise InputError("the model has no CTC (ctc_weight: 0), by which the page transcribes")
        self.model = model
        self.train_args = train_args
        self._decoder = BestPathDecoder(model, batch_size=1)
        self._tokenizer = build_tokenizer(token_type=train_args.token_type, bpemodel=train_args.bpemodel)
        rate = sampling_rate(model.frontend)
        try:
            self._shift = frame_shift(model.frontend, self._decoder.encoder.subsampling)
        except InputError as error:
            raise InputError(f"the page shows when tokens are: {error}") from error
        assert rate is not None  # or the shift would not be known
        self.rate = rate

    @classmethod
    def from_experiment(cls, directory: str | Path, checkpoint: str) -> "Recogniser":
        """Load a model from the directory of its training.

        Args:
            directory: with ``config.yaml``.
            checkpoint: file name of the model in it.

        Raises:
            InputError: a file is missing or does not fit.
        """
        return cls(*load_experiment(directory, checkpoint))

    @property
    def has_coupling(self) -> bool:
        """Whether the model was trained with GM-OT and its arguments say by which teacher."""
        return isinstance(self.model, ESPnetGMOTModel) and self.train_args.preprocessor == "gmot"

    def transcribe(self, samples: np.ndarray) -> Transcript:
        """Transcribe one utterance.

        Args:
            samples: float32 (n,) in [-1, 1], at ``rate``.
        """
        (found,) = self._decoder.decode([("speech", torch.from_numpy(samples))])
        path = found["speech"]
        tokens = [self.model.token_list[index] for index in path.ids]
        rows = zip(tokens, path.starts, path.ends, path.confidences, strict=True)
        timed = [TimedToken(token, a * self._shift, b * self._shift, sure) for token, a, b, sure in rows]
        return Transcript(self._tokenizer.tokens2text(tokens), timed)

    def coupling_picture(self, samples: np.ndarray, text: str) -> np.ndarray:
        """Draw the coupling of an utterance with what somebody says was spoken.

        Args:
            samples: float32 (n,) in [-1, 1], at ``rate``.
            text: the transcript.

        Returns:
            The picture (height, width, 4), uint8: spectrogram, and the coupling below it.

        Raises:
            InputError: the model was trained without GM-OT, its teacher cannot be had, or the recording is
                too short for the encoder.
        """
        if not self.has_coupling:
            raise InputError("this model was trained without GM-OT, so there is no coupling to draw")
        encoder = self._decoder.encoder
        if encoder.output_length(len(encoder.features(torch.from_numpy(samples)))) == 0:
            raise InputError("the recording is too short for the encoder")
        spoken = SpokenText("speech", text, samples, self.rate)
        with tempfile.TemporaryDirectory() as scratch:
            aligner = aligner_for(self.model, self.train_args, text, Path(scratch) / "cache")
            panel = coupling_panel("coupling", aligner, spoken)
            picture = Path(scratch) / "coupling.png"
            plot_coupling(picture, *spectrogram(aligner, spoken), [panel])
            return np.rint(imread(picture) * 255).astype(np.uint8)
