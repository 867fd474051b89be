"""Decode a data set with a trained model, from files to files."""

import logging
import shlex
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.text.build_tokenizer import build_tokenizer
from tqdm import tqdm

from espnet_gmot.data.decoding_facts import GREEDY, DecodingFacts, known_sum, write_facts
from espnet_gmot.decoding.best_path import BestPath
from espnet_gmot.decoding.cost import Cost, Meter
from espnet_gmot.decoding.decoder import BATCH_SIZE, BestPathDecoder
from espnet_gmot.decoding.hypothesis_files import write_ctm, write_hypotheses
from espnet_gmot.decoding.journal import Journal
from espnet_gmot.decoding.speech import SpeechSource
from espnet_gmot.decoding.speech_check import Expected
from espnet_gmot.decoding.timing import frame_shift
from espnet_gmot.driver.audio_key import audio_key
from espnet_gmot.errors import InputError
from espnet_gmot.trained.load import load_trained_model


def decode_data(
    asr_train_config: str,
    asr_model_file: str,
    data_path_and_name_and_type: Sequence[tuple[str, str, str]],
    output_dir: str,
    key_file: str | None = None,
    batch_size: int = BATCH_SIZE,
    num_workers: int = 1,
    ngpu: int = 0,
    timestamps: bool = False,
) -> Path:
    """Decode every utterance and write the hypotheses; the names are those of ``espnet2.bin.asr_inference``.

    A rerun with the same model and data decodes what ``output_dir/best_paths.jsonl`` does not hold yet.

    Args:
        asr_train_config: ``config.yaml`` of the training.
        asr_model_file: checkpoint.
        data_path_and_name_and_type: see :class:`SpeechSource`.
        output_dir: gets ``1best_recog`` and ``decoding.json`` (see :mod:`espnet_gmot.data.decoding_facts`).
        key_file: its first column lists the utterances; all of the data if None.
        batch_size: most utterances in a batch.
        num_workers: processes that read the speech.
        ngpu: 0 decodes on the CPU.
        timestamps: whether to write ``ctm`` too.

    Returns:
        The directory with the hypotheses.

    Raises:
        InputError: an option, a file of the model or of the data is not as it must be.
    """
    if batch_size < 1:
        raise InputError(f"--batch_size is {batch_size}; it must be at least 1")
    model, train_args = _load_model(asr_train_config, asr_model_file, ngpu)
    decoder = BestPathDecoder(model, batch_size)
    shift = frame_shift(model.frontend, decoder.encoder.subsampling) if timestamps else None
    source = SpeechSource(data_path_and_name_and_type, train_args, Expected.by(model.frontend))
    keys = source.utterances(key_file)

    data_files = [path for path, _, _ in data_path_and_name_and_type]
    made_from = [asr_train_config, asr_model_file, *data_files]
    journal = Journal(Path(output_dir) / "best_paths.jsonl", made_from, audio_key(data_files[0]).value)
    _decode_missing(keys, source, decoder, journal, num_workers, ngpu)

    found = {key: journal.done[key] for key in keys}
    directory = Path(output_dir) / "1best_recog"
    _write(directory, found, model.token_list, train_args, shift)
    write_facts(output_dir, _facts(keys, journal.costs, source.expected.rate), directory / "text")
    logging.info("decoded %d utterances", len(found))
    return directory


def _load_model(config: str, checkpoint: str, ngpu: int) -> tuple[ESPnetASRModel, Namespace]:
    if ngpu > 0 and not torch.cuda.is_available():
        raise InputError(f"--ngpu is {ngpu}, but torch finds no CUDA GPU; decode with --ngpu 0")
    model, train_args = load_trained_model(config, checkpoint, "cuda" if ngpu > 0 else "cpu")
    if model.ctc is None:
        raise InputError(f"{config}: the model has no CTC (ctc_weight: 0); decode it with asr_inference")
    return model, train_args


def _decode_missing(
    keys: Sequence[str],
    source: SpeechSource,
    decoder: BestPathDecoder,
    journal: Journal,
    num_workers: int,
    ngpu: int,
) -> None:
    windows = decoder.windows(keys, journal.done)
    missing = [key for window in windows for key in window]
    with tqdm(total=len(keys), initial=len(keys) - len(missing), desc="decoding", unit="utt") as bar:
        if missing:
            meter = Meter(torch.cuda.get_device_name() if ngpu > 0 else "cpu")
            speech = meter.reading(source.read(missing, decoder.batch_size, num_workers, ngpu))
            for found in decoder.decode(speech, map(len, windows)):
                journal.add(found, meter.decoded(found))
                bar.update(len(found))


def _write(
    directory: Path,
    found: Mapping[str, BestPath],
    token_list: Sequence[str],
    train_args: Namespace,
    shift: float | None,
) -> None:
    tokenizer = build_tokenizer(token_type=train_args.token_type, bpemodel=train_args.bpemodel)
    write_hypotheses(directory, found, token_list, tokenizer)
    (directory / "ctm").unlink(missing_ok=True)  # of hypotheses that are no more
    if shift is not None:
        write_ctm(directory / "ctm", found, token_list, shift)


def _facts(keys: Sequence[str], costs: Mapping[str, Cost], rate: int | None) -> DecodingFacts:
    """Times add up over interruptions; they are not known if an earlier version decoded a part of it."""
    found = [costs.get(key) for key in keys]
    return DecodingFacts(
        decoder=GREEDY,
        command=shlex.join(sys.argv),
        devices=sorted({cost.device for cost in found if cost}),
        utterances=len(keys),
        samples=known_sum(cost and cost.samples for cost in found),
        sampling_rate=rate,
        seconds=known_sum(cost and cost.seconds for cost in found),
    )
