"""Logits of a model as stock ``asr_inference`` loads it.

Imports nothing of this package: ``espnet_gmot.trained.export`` also runs it by its path in a fresh
process, to see what an ESPnet without the plugin makes of an exported model.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.bin.asr_inference import Speech2Text

PREFIX_LENGTH = 4  # tokens that decoders are asked to continue


@torch.no_grad()
def stock_logits(config: str, model_file: str, audio: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the encoder and every head give for each utterance, by ``HEAD.UTTERANCE``.

    Args:
        config: ``config.yaml`` of the model.
        model_file: its checkpoint.
        audio: waveforms (samples,).

    Returns:
        ``encoder.i`` (T, d), ``ctc.i`` (T, vocabulary) and ``decoder.i`` (PREFIX_LENGTH, vocabulary), for
        transducers (T, PREFIX_LENGTH, vocabulary), of utterance i; heads that the model lacks are left out.
    """
    model = Speech2Text(asr_train_config=config, asr_model_file=model_file).asr_model
    found = {}
    for i, waveform in enumerate(audio):
        speech = torch.from_numpy(waveform.astype(np.float32))[None]  # (1, samples)
        encoded, lengths = model.encode(speech, torch.tensor([len(waveform)]))
        hidden = encoded[0] if isinstance(encoded, tuple) else encoded  # (1, T, d)
        found[f"encoder.{i}"] = hidden[0].numpy()
        for head, logits in _head_logits(model, hidden, lengths):
            found[f"{head}.{i}"] = logits[0].numpy()
    return found


def _head_logits(
    model: ESPnetASRModel, hidden: torch.Tensor, lengths: torch.Tensor
) -> Iterator[tuple[str, torch.Tensor]]:
    if model.ctc is not None:
        yield "ctc", model.ctc.log_softmax(hidden)  # (1, T, vocabulary)
    if model.decoder is None:
        return
    prefix = torch.arange(1, PREFIX_LENGTH + 1)[None] % model.vocab_size  # (1, PREFIX_LENGTH)
    if model.use_transducer_decoder:
        continued = model.decoder(prefix)  # (1, PREFIX_LENGTH, d)
        yield "decoder", model.joint_network(hidden[:, :, None], continued[:, None])
    else:
        yield "decoder", model.decoder(hidden, lengths, prefix, torch.tensor([PREFIX_LENGTH]))[0]


def main(config: str, model_file: str, audio_file: str, out: str) -> None:
    """Write the logits for the waveforms of ``audio_file`` to ``out``, both ``.npz``."""
    with np.load(audio_file) as audio:
        found = stock_logits(config, model_file, [audio[name] for name in audio.files])
    if "espnet_gmot" in sys.modules:
        raise RuntimeError("espnet_gmot was imported, so this says nothing about an ESPnet without it")
    with Path(out).open("wb") as file:
        np.savez(file, **found)  # type: ignore[arg-type]  # no array is called allow_pickle


if __name__ == "__main__":
    main(*sys.argv[1:])
