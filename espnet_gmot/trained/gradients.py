"""How strongly each loss pulls at a trained encoder, and whether two pull the same way: their gradients."""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, islice
from pathlib import Path

import torch
from espnet2.tasks.asr import ASRTask
from espnet2.train.distributed_utils import DistributedOption
from tqdm import tqdm

from espnet_gmot.consistency import twice
from espnet_gmot.errors import InputError
from espnet_gmot.model import ESPnetGMOTModel
from espnet_gmot.trained.load import load_experiment


class GradientMean:
    """Running estimate of a loss's gradient, and of how much it varies from batch to batch.

    With g_k the gradient of batch k of n and ḡ their mean, E|ḡ|² = |g|² + noise² / n, so

        signal² = (n |ḡ|² − mean |g_k|²) / (n − 1)        noise² = mean |g_k|² − signal²

    estimate |g|² and the variance without bias.
    """

    def __init__(self) -> None:
        self.total = torch.zeros(())  # of the gradients (parameters,), from the first on
        self.squares = 0.0
        self.batches = 0

    def add(self, gradient: torch.Tensor) -> None:
        """Count the gradient (parameters,) of one batch."""
        self.total = self.total + gradient
        self.squares += gradient.square().sum().item()
        self.batches += 1

    def summary(self) -> dict[str, float]:
        """Return ``norm`` (root mean square over the batches) and ``signal`` (0 where noise hides it)."""
        n, mean_square = self.batches, self.squares / self.batches
        signal_square = (n * (self.total / n).square().sum().item() - mean_square) / (n - 1)
        return {"norm": mean_square**0.5, "signal": max(signal_square, 0.0) ** 0.5}


def measure_gradients(
    experiment: str | Path, checkpoint: str, num_batches: int
) -> dict[str, dict[str, float]]:
    """Compare the gradients of L_asr and of the weighted terms of the alignment at the encoder's parameters.

    The batches, SpecAugment and dropout are those of training, so it works where that worked: in the
    recipe's directory, with its ``dump/``.

    Args:
        experiment: directory of a GM-OT model.
        checkpoint: file name of the model in it.
        num_batches: how many training batches, 2 or more.

    Returns:
        ``asr``, the terms of the alignment (``node``, ``edge``, ``projection``, and ``contrastive`` if it has
        a weight) and ``alignment``, the sum of these, each with ``norm`` and ``signal``; ``cosine`` of the
        mean gradients of each two, such as ``asr, alignment``.

    Raises:
        InputError: a file is missing, the model has no alignment, or too few batches.
    """
    if num_batches < 2:
        raise InputError(f"--num_batches is {num_batches}; the noise shows from 2 batches on")
    model, args = load_experiment(experiment, checkpoint)
    if not isinstance(model, ESPnetGMOTModel):
        raise InputError(f"{experiment} has no alignment losses; name the directory of a GM-OT model")
    torch.manual_seed(args.seed)
    means: defaultdict[str, GradientMean] = defaultdict(GradientMean)
    for gradients in gradients_of_batches(model, args, num_batches):
        alignment = torch.stack([each for name, each in gradients.items() if name != "asr"]).sum(0)
        for name, gradient in (gradients | {"alignment": alignment}).items():
            means[name].add(gradient)
    if means["asr"].batches < num_batches:
        raise InputError(f"an epoch has {means['asr'].batches} batches; lower --num_batches {num_batches}")
    cosine = {
        f"{one}, {other}": torch.cosine_similarity(means[one].total, means[other].total, dim=0).item()
        for one, other in combinations(means, 2)
    }
    return {name: mean.summary() for name, mean in means.items()} | {"cosine": cosine}


def gradients_of_batches(
    model: ESPnetGMOTModel, args: Namespace, num_batches: int
) -> Iterator[dict[str, torch.Tensor]]:
    """Give each loss's gradient (parameters,) at the encoder, for the first batches of the first epoch."""
    model.train()
    parameters = list(model.encoder.parameters())
    factory = ASRTask.build_iter_factory(args, DistributedOption(), mode="train")
    for _, batch in tqdm(islice(factory.build_iter(1), num_batches), total=num_batches, unit="batch"):
        teacher = batch.pop("teacher"), batch.pop("teacher_lengths"), batch.pop("teacher_rows")
        model.teacher_input.check(teacher[0], teacher[2], batch.pop("teacher_identity"))
        if model.masks_twice:
            teacher = tuple(map(twice, teacher))
            batch = {name: twice(value) for name, value in batch.items()}
        encoded = model.encode_batch(batch["speech"], batch["speech_lengths"])
        losses = {"asr": model.recognition_loss(encoded, **batch)[0]}
        alignable = model.alignable(encoded, batch["text"], batch["text_lengths"])
        losses |= model.alignment_terms(encoded, *teacher, alignable)[0]
        found = {}
        for name, loss in losses.items():
            gradients = torch.autograd.grad(
                loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            found[name] = torch.cat([gradient.flatten() for gradient in gradients])
        yield found
