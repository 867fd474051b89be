"""The frozen teacher: token ids to contextual embeddings."""

import hashlib
from typing import Any

import torch
from torch import Tensor

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.architecture import encoder_of, hidden_states, probe
from espnet_gmot.teacher.hub import from_config, in_float32
from espnet_gmot.teacher.identity import TeacherIdentity
from espnet_gmot.teacher.weights import load_encoder

RANDOM_SEED = 0  # of the weights of a randomly initialised teacher


class FrozenTeacher:
    """A text encoder that gives embeddings and never learns.

    It is not an ``nn.Module``: kept as an attribute of one, it stays out of ``parameters()``,
    ``state_dict()``, the optimizer, DDP and ``train()``.

    Args:
        model: a Hugging Face encoder.
        layer: index into its hidden states, 0 = input embeddings; negative counts from the end.
        name: what it was loaded from, for messages and records.
        random_init: whether its weights are random, for messages and records.

    Raises:
        InputError: the model gives no hidden states, or has no such layer.
    """

    def __init__(self, model: Any, layer: int, name: str, random_init: bool = False) -> None:
        self._model = model.float().eval().requires_grad_(False)
        states = probe(model, name)
        layers = len(states) - 1
        if not -layers - 1 <= layer <= layers:
            raise InputError(
                f"teacher {name} has no layer {layer}; choose one from 0 (input embeddings) to {layers} "
                f"(last), or from -1 (last) to {-layers - 1}"
            )
        self.layer = layer % (layers + 1)
        self.name = name
        self.random_init = random_init
        self.hidden_size: int = states[layer].shape[-1]

    @classmethod
    def load(
        cls, name_or_dir: str, layer: int = -1, allow_download: bool = False, random_init: bool = False
    ) -> "FrozenTeacher":
        """Load a teacher from a local directory or by its name on the Hugging Face hub.

        Args:
            name_or_dir: directory or name.
            layer: which hidden state to give; -1 is the last.
            allow_download: fetch it from the hub if it is not on this machine; otherwise no network.
            random_init: take its architecture alone and draw the weights, with a fixed seed, as its library
                initialises them: the control that tells language knowledge from the loss's structure.

        Raises:
            InputError: the teacher cannot be loaded, its weights are not whole, or it has no such layer.
        """
        if random_init:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(RANDOM_SEED)
                model = from_config("AutoModel", name_or_dir, allow_download, **in_float32())
            return cls(encoder_of(model, name_or_dir), layer, name_or_dir, random_init)
        return cls(load_encoder(name_or_dir, allow_download), layer, name_or_dir)

    def encode(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the embeddings of a padded batch, in float32 and without a gradient.

        The teacher moves to the device of ``ids``. Autocast is switched off inside. The result is an
        ordinary tensor, which autograd may save for the backward pass of what it is combined with.

        Args:
            ids: (B, N) token ids (int64), any value on padding.
            lengths: (B,) number of tokens, special tokens included.

        Returns:
            (B, N, hidden_size), zero on padding.
        """
        if self._model.device != ids.device:
            self._model.to(ids.device)
        mask = torch.arange(ids.shape[1], device=ids.device) < lengths.to(ids.device)[:, None]  # (B, N)
        with torch.inference_mode(), torch.autocast(ids.device.type, enabled=False):
            states = hidden_states(self._model, ids.masked_fill(~mask, 0), mask)
        hidden = states[self.layer]  # (B, N, hidden_size)
        return hidden.masked_fill(~mask[..., None], 0.0)  # outside inference mode: an ordinary tensor

    def identity(self) -> TeacherIdentity:
        """Return name, layer and the SHA-1 of the weights, which tells a teacher from its retrained namesake.

        The pooler is left out: no hidden state depends on it, and where the files do not hold one,
        transformers draws a new one at each loading.
        """
        digest = hashlib.sha1()
        for name, weight in sorted(self._model.state_dict().items()):
            if not name.startswith("pooler."):
                digest.update(name.encode())
                digest.update(weight.cpu().numpy())
        return TeacherIdentity(self.name, self.layer, digest.hexdigest(), self.random_init)
