"""Couplings of trained models, utterance by utterance, and when their frames are."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.tasks.asr import ASRTask
from espnet2.train.preprocessor import CommonPreprocessor

from espnet_gmot.data.audio import read_cuts, recordings_of
from espnet_gmot.data.kaldi_data import read_data_dir
from espnet_gmot.data.sound import to_float32
from espnet_gmot.errors import InputError
from espnet_gmot.model import ESPnetGMOTModel
from espnet_gmot.preprocessor import GMOTPreprocessor
from espnet_gmot.teacher.transcript import Row
from espnet_gmot.trained.load import load_experiment, sampling_rate

# ESPnet's conv2d input layer, two convolutions of width 3 and stride 2: an encoder frame every
# 4 feature frames, each the middle of 7.
INPUT_LAYER = "Conv2dSubsampling"
SUBSAMPLING = 4
FIRST_MIDDLE = 3


class SpokenText(NamedTuple):
    """An utterance: id, transcript, samples (n,) in [-1, 1) and their rate in Hz."""

    utterance: str
    text: str
    samples: np.ndarray
    rate: int

    def require_rate_of(self, model: ESPnetASRModel) -> None:
        """Raise an InputError if the model was trained on another rate."""
        rate = sampling_rate(model.frontend)
        if rate not in (None, self.rate):
            raise InputError(
                f"utterance {self.utterance} has {self.rate} Hz, but the model was trained on {rate} Hz; "
                f"name data formatted with --fs {rate} (stage 3)"
            )


def read_spoken(data_dir: str | Path, utterances: Sequence[str] | None = None) -> Iterator[SpokenText]:
    """Read utterances of a Kaldi data directory, all of them if none is named.

    Raises:
        InputError: the directory has not an utterance that is named.
    """
    data = read_data_dir(data_dir)
    wanted = set(data.text) if utterances is None else set(utterances)
    if unknown := sorted(wanted - set(data.text)):
        raise InputError(f"{data_dir}/text has no utterance {unknown[0]}; name one that it lists")
    for recording in recordings_of(data):
        if wanted & {cut.utterance for cut in recording.cuts}:
            for cut, samples, rate in read_cuts(recording):
                if cut.utterance in wanted:
                    yield SpokenText(cut.utterance, data.text[cut.utterance], to_float32(samples), rate)


def encode(
    model: ESPnetASRModel, speech: torch.Tensor, speech_lengths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the last block's frames (batch, T, d_a), without intermediate blocks, and their lengths."""
    encoded, lengths = model.encode(speech, speech_lengths)
    return (encoded[0] if isinstance(encoded, tuple) else encoded), lengths


def prepare_speech(preprocess: CommonPreprocessor, spoken: SpokenText) -> tuple[torch.Tensor, torch.Tensor]:
    """Prepare samples (1, n) as training and decoding do (``speech_volume_normalize``), and count them."""
    speech = torch.from_numpy(preprocess(spoken.utterance, {"speech": spoken.samples})["speech"])  # (n,)
    return speech[None], torch.tensor([len(speech)])


class Aligner(NamedTuple):
    """A trained model and what aligns it.

    Attributes:
        model: the one that encodes.
        preprocess: its preprocessor.
        guide: the GM-OT model whose objective aligns it: itself, or if it has none, such as the CTC baseline,
            another. The coupling is then the one that this objective would give it.
        guide_preprocess: that model's preprocessor.
    """

    model: ESPnetASRModel
    preprocess: CommonPreprocessor
    guide: ESPnetGMOTModel
    guide_preprocess: GMOTPreprocessor

    def align(self, spoken: SpokenText) -> tuple[torch.Tensor, torch.Tensor]:
        """Align one utterance.

        Returns:
            Coupling (T, N), and what CTC sees (T, d_a).

        Raises:
            InputError: the transcript is not in the teacher cache, the cache is of another teacher, the audio
                is of another rate, or the encoder's output is not finite.
        """
        spoken.require_rate_of(self.model)
        speech = prepare_speech(self.preprocess, spoken)
        data = self.guide_preprocess(spoken.utterance, {"text": spoken.text})
        teacher, rows, identity = (
            torch.from_numpy(data[name])[None] for name in ("teacher", "teacher_rows", "teacher_identity")
        )
        self.guide.teacher_input.check(teacher, rows, identity)
        given = teacher, torch.tensor([teacher.size(1)]), rows
        if self.model is self.guide:
            aligned, hidden = self.guide.coupling(*speech, *given)
            self._require_finite(hidden, spoken)
            return aligned.plan[0], hidden[0]
        hidden, frames = encode(self.model, *speech)  # (1, T, d_a)
        self._require_finite(hidden, spoken)
        nonblank = None
        if self.guide.options.frame_marginal == "nonblank":
            nonblank = 1.0 - self.model.ctc.softmax(hidden)[..., self.model.blank_id]  # (1, T)
        tokens = self.guide.teacher_input.rows(*given)
        return self.guide.criterion_align(hidden, frames, *tokens, nonblank).plan[0], hidden[0]

    def _require_finite(self, hidden: torch.Tensor, spoken: SpokenText) -> None:
        if not hidden.isfinite().all():  # of which the solver would still make a coupling
            raise InputError(
                f"utterance {spoken.utterance}: the encoder's output is not finite, so the training has "
                "diverged; train again with a lower learning rate or lower weights"
            )

    def rows(self, spoken: SpokenText) -> list[Row]:
        """Return the rows of the utterance's coupling, with their labels.

        Raises:
            InputError: the teacher's tokenizer is not on this machine, or another one now.
        """
        rows = self.guide_preprocess.labelled_rows(spoken.text)
        return [row for row in rows if row.is_text or self.guide.options.special_tokens]


def load_aligners(experiments: Sequence[tuple[str, str | Path]], checkpoint: str) -> dict[str, Aligner]:
    """Load trained models; one without alignment is guided by the first that projects the teacher's side.

    Args:
        experiments: (title, directory with ``config.yaml``) of each model.
        checkpoint: file name of the model in each directory.

    Returns:
        The models by title.

    Raises:
        InputError: a file is missing or does not fit, or a model has no alignment and no guide.
    """
    loaded = {title: load_experiment(directory, checkpoint) for title, directory in experiments}
    guides = [
        (model, args)
        for model, args in loaded.values()
        if isinstance(model, ESPnetGMOTModel) and model.options.projected_side == "teacher"
    ]
    aligners = {}
    for title, (model, args) in loaded.items():
        if isinstance(model, ESPnetGMOTModel):
            guide, guide_args = model, args
        elif guides:
            guide, guide_args = guides[0]
        else:
            raise InputError(
                f"{title} was trained without alignment; name a GM-OT model (model: gmot) with "
                "projected_side: teacher beside it, whose objective it gets"
            )
        own, guides_own = (ASRTask.build_preprocess_fn(each, train=False) for each in (args, guide_args))
        aligners[title] = Aligner(model, own, guide, guides_own)
    return aligners


def frame_times(model: ESPnetASRModel, rate: int, frames: int) -> np.ndarray:
    """Middle of each encoder frame, t_i = (4 i + 3) · hop (frames,), in seconds.

    Raises:
        InputError: the frontend is not ESPnet's default with centred windows, the encoder's input layer is
            not ``conv2d``, or a post-encoder shortens its output.
    """
    layer = type(getattr(model.encoder, "embed", None)).__name__
    if layer != INPUT_LAYER:
        raise InputError(f"frame times are known for input_layer: conv2d, not for {layer}; train with conv2d")
    if getattr(model.postencoder, "length_adaptor_ratio", 1) != 1:
        raise InputError("frame times are not known behind a length adaptor; train without one")
    if not isinstance(model.frontend, DefaultFrontend) or not model.frontend.stft.center:
        raise InputError("frame times are known for frontend: default with center: true alone; train with it")
    hop = model.frontend.hop_length / rate
    return (SUBSAMPLING * np.arange(frames) + FIRST_MIDDLE) * hop
