"""Frames and labels of each utterance of a training, as ESPnet will see them."""

import argparse
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.tasks.asr import ASRTask

from espnet_gmot.data.ctc_condition import frames_needed
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.driver.ctc_check import Impossible
from espnet_gmot.driver.encoder_frames import EncoderFrames
from espnet_gmot.errors import InputError


def find_impossible(
    arguments: Sequence[str], speech_shapes: Mapping[str, Path], texts: Mapping[str, Path]
) -> dict[str, dict[str, Impossible]] | None:
    """Find the utterances whose encoder frames are fewer than CTC needs.

    Args:
        arguments: of ESPnet's ``asr_train``.
        speech_shapes: by set, ESPnet's ``speech_shape``: utterance, shape of its audio.
        texts: by set, the transcripts.

    Returns:
        By set and utterance. None, with a warning, where the model cannot be built or run here. A model
        without CTC, or with a transducer, which has no such limit, gets empty sets.

    Raises:
        InputError: the model refuses its options.
    """
    try:
        with _quiet():
            args = ASRTask.get_parser().parse_args([str(word) for word in arguments])
            model = _build_model(args)
            if model.ctc is None or model.use_transducer_decoder:
                return {part: {} for part in texts}
            needed = {part: _needed(args, read_table(text)) for part, text in texts.items()}
            encoder = EncoderFrames(model)
            return {
                part: _impossible(encoder, read_table(shape), needed[part])
                for part, shape in speech_shapes.items()
            }
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # whatever a model of ESPnet meets: its training will tell
        logging.warning(
            "whether CTC can align each utterance is not known (%s: %s); train.log will have ESPnet's reason "
            "if it concerns the training",
            type(error).__name__,
            str(error).partition("\n")[0],
        )
        return None


def _needed(args: argparse.Namespace, transcripts: Mapping[str, str]) -> dict[str, int]:
    """Frames that CTC needs for each utterance, whose text becomes labels as in training."""
    stock = {"preprocessor": "default", "preprocessor_conf": {}}  # without the teacher's input
    preprocess = ASRTask.build_preprocess_fn(argparse.Namespace(**vars(args) | stock), train=False)
    needed = {}
    for utterance, transcript in transcripts.items():
        labels = torch.from_numpy(preprocess(utterance, {"text": transcript})["text"])[None]  # (1, L)
        needed[utterance] = int(frames_needed(labels, torch.tensor([labels.size(1)])))
    return needed


def _impossible(
    encoder: EncoderFrames, shapes: Mapping[str, str], needed: Mapping[str, int]
) -> dict[str, Impossible]:
    short = {}
    for utterance, numbers in shapes.items():
        shape = tuple(map(int, numbers.split(",")))
        if not encoder.reach(shape, needed[utterance]):
            short[utterance] = Impossible(encoder.frames(shape), needed[utterance])
    return short


def _build_model(args: argparse.Namespace) -> ESPnetASRModel:
    """Build the model of a training without the statistics of its features, which change no length."""
    return ASRTask.build_model(argparse.Namespace(**vars(args) | {"normalize": None}))


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what ESPnet tells of a model being built: the training's own log has it."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
