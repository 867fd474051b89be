"""Training a small BERT from a text file, for where no published one is at hand."""

import hashlib
import itertools
import json
import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file, write_aside, write_dir_aside
from espnet_gmot.teacher.hub import quiet
from espnet_gmot.text_files import read_text
from small_bert.masked_lm import MaskedLM
from small_bert.masked_text import (
    batches_of_epoch,
    character_tokenizer,
    hold_out,
    pad,
    token_sequences,
)
from small_bert.options import PretrainOptions

REPORT_EVERY = 500  # steps between two checkpoints with their held-out accuracy


def pretrain(text: str | Path, out_dir: str | Path, options: PretrainOptions) -> dict[str, Any]:
    """Train a character BERT on masked tokens and save it as a Hugging Face directory.

    While it trains, ``<out_dir>.partial`` holds ``pretrain.log`` and the checkpoint from which a killed
    run continues, to the same result. At the end ``out_dir`` appears whole.

    Args:
        text: one sentence a line.
        out_dir: directory to make, with model, tokenizer, ``metrics.json`` and ``pretrain.log``.
        options: size and training.

    Returns:
        What ``metrics.json`` holds: accuracy on held-out lines, numbers of lines, tokens and
        parameters, options.

    Raises:
        InputError: unusable text, or a directory made from another text or with other options.
    """
    out, partial = Path(out_dir), Path(f"{out_dir}.partial")
    lines = _read_lines(text)
    origin = {"options": asdict(options), "text_sha1": hashlib.sha1("\n".join(lines).encode()).hexdigest()}
    if out.exists():
        metrics = _metrics_of_finished(out, origin)
        shutil.rmtree(partial, ignore_errors=True)  # a kill may come between the two
        return metrics

    training_lines, held_out_lines = hold_out(lines, options.held_out, options.seed)
    tokenizer = character_tokenizer(training_lines, options.min_count, options.max_length)
    training = token_sequences(tokenizer, training_lines)
    held_out = token_sequences(tokenizer, held_out_lines)
    learner = MaskedLM(len(tokenizer), training, options)

    partial.mkdir(parents=True, exist_ok=True)
    accuracy = _train(learner, training, held_out, partial, origin)
    metrics = {
        "masked_accuracy": accuracy,
        "training_lines": len(training_lines),
        "held_out_lines": len(held_out_lines),
        "training_tokens": sum(map(len, training)),
        "vocabulary": len(tokenizer),
        "parameters": learner.model.num_parameters(),
        **origin,
    }
    with write_dir_aside(out) as aside, quiet():
        learner.model.save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        shutil.copy(partial / "pretrain.log", aside)
        (aside / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(partial)
    return metrics


def _train(
    learner: MaskedLM,
    training: list[torch.Tensor],
    held_out: list[torch.Tensor],
    partial: Path,
    origin: dict[str, Any],
) -> float:
    """Run the remaining steps; return the held-out accuracy at the end."""
    options = learner.options
    accuracy = _resume(learner, partial / "checkpoint.pt", origin)
    batches = _batches_from(learner.step, training, options)
    begin, losses = time.monotonic(), []
    with (
        (partial / "pretrain.log").open("a", encoding="utf-8", buffering=1) as log,
        tqdm(total=options.steps, initial=learner.step, desc="pre-training", unit="step") as bar,
    ):
        for batch in itertools.islice(batches, options.steps - learner.step):
            losses.append(learner.train_step(pad(batch)))
            bar.update()
            if learner.step % REPORT_EVERY and learner.step < options.steps:
                continue
            accuracy = learner.accuracy(held_out)
            report = f"loss {np.mean(losses):.3f}, held-out masked-token accuracy {100 * accuracy:.2f} %"
            log.write(f"step {learner.step}/{options.steps}, {report}, {time.monotonic() - begin:.0f} s\n")
            bar.set_postfix_str(report)
            losses.clear()
            with write_aside(partial / "checkpoint.pt") as aside:
                torch.save({"learner": learner.state(), "accuracy": accuracy, "origin": origin}, aside)
    return accuracy


def _batches_from(
    step: int, sequences: list[torch.Tensor], options: PretrainOptions
) -> Iterator[list[torch.Tensor]]:
    """Give the batches of one epoch after another, from that of ``step`` on."""
    lengths = np.array([len(sequence) for sequence in sequences])
    epoch, done = divmod(step, math.ceil(len(sequences) / options.batch_size))
    for number in itertools.count(epoch):
        for batch in batches_of_epoch(lengths, options.batch_size, options.seed, number)[done:]:
            yield [sequences[index] for index in batch]
        done = 0


def _resume(learner: MaskedLM, checkpoint: Path, origin: dict[str, Any]) -> float:
    """Bring the learner to the checkpoint if there is one; return the accuracy there."""
    if not checkpoint.exists():
        return 0.0
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if saved["origin"] != origin:
        raise InputError(
            f"{checkpoint.parent} holds the training of another text or with other options; "
            "remove it to train anew, or give the former text and options"
        )
    learner.load_state(saved["learner"])
    return saved["accuracy"]


def _metrics_of_finished(out: Path, origin: dict[str, Any]) -> dict[str, Any]:
    path = require_file(
        out / "metrics.json", f"{out} is no teacher of this command; remove it or choose another"
    )
    metrics = json.loads(path.read_text(encoding="utf-8"))
    if any(metrics.get(key) != value for key, value in origin.items()):
        raise InputError(
            f"{out} is a teacher trained on another text or with other options; "
            "remove it, and the cache and projection made from it, to train anew, or choose another directory"
        )
    return metrics


def _read_lines(text: str | Path) -> list[str]:
    lines = read_text(require_file(text, "give a text file with one sentence a line")).splitlines()
    return [line.strip() for line in lines if line.strip()]
