"""Frames and labels of each utterance of a training, as ESPnet will see them."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from espnet2.tasks.asr import ASRTask

from espnet_gmot.data.ctc_condition import frames_needed
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.driver.ctc_check import Impossible
from espnet_gmot.driver.encoder_frames import EncoderFrames


def find_impossible(
    arguments: Sequence[str], speech_shapes: Mapping[str, Path], texts: Mapping[str, Path]
) -> dict[str, dict[str, Impossible]]:
    """Find the utterances whose encoder frames are fewer than CTC needs.

    Args:
        arguments: of ESPnet's ``asr_train``.
        speech_shapes: by set, ESPnet's ``speech_shape``: utterance, shape of its audio.
        texts: by set, the transcripts.

    Returns:
        By set and utterance; none for a model without CTC, or with a transducer, which has no such limit.
    """
    args = ASRTask.get_parser().parse_args([str(word) for word in arguments])
    statistics = {"normalize": None}  # which may not be there yet, and change no length
    model = ASRTask.build_model(argparse.Namespace(**vars(args) | statistics))
    if model.ctc is None or model.use_transducer_decoder:
        return {part: {} for part in texts}
    encoder = EncoderFrames(model)
    return {
        part: _impossible(encoder, read_table(shape), _needed(args, read_table(texts[part])))
        for part, shape in speech_shapes.items()
    }


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
