"""The frozen teacher: token ids to contextual embeddings."""

import hashlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.architecture import PROBE_LENGTH, encoder_of, hidden_states, probe
from espnet_gmot.teacher.hub import from_config, in_float32
from espnet_gmot.teacher.identity import BFLOAT16, FLOAT32, Layers, TeacherIdentity
from espnet_gmot.teacher.reading import PLAIN, REPEAT, Reading
from espnet_gmot.teacher.weights import load_encoder

RANDOM_SEED = 0  # of the weights of a randomly initialised teacher


class FrozenTeacher:
    """A text encoder that gives embeddings and never learns.

    It is not an ``nn.Module``: kept as an attribute of one, it stays out of ``parameters()``,
    ``state_dict()``, the optimizer, DDP and ``train()``. It pickles as where it was loaded from; a process
    loads the last one that it was sent once.

    Args:
        model: a Hugging Face encoder.
        layer: index into its hidden states, 0 = input embeddings; negative counts from the end. Of several
            the mean is given.
        name: what it was loaded from, for messages and records.
        random_init: whether its weights are random, for messages and records.
        precision: that matrix products are computed in, ``float32`` or ``bfloat16``.

    Raises:
        InputError: the model gives no hidden states, or has no such layer.
    """

    def __init__(
        self,
        model: Any,
        layer: int | Sequence[int],
        name: str,
        random_init: bool = False,
        precision: str = FLOAT32,
    ) -> None:
        self._model = model.float().eval().requires_grad_(False)
        states = probe(model, name)
        self.layer = _chosen(layer, states, name)
        self.name = name
        self.random_init = random_init
        self.precision = precision
        self.hidden_size: int = self._of_layers(states).shape[-1]
        model.config.use_cache = False  # no past is kept that nothing goes on from

    @classmethod
    def load(
        cls,
        name_or_dir: str,
        layer: int | Sequence[int] = -1,
        allow_download: bool = False,
        random_init: bool = False,
        precision: str = FLOAT32,
    ) -> "FrozenTeacher":
        """Load a teacher from a local directory or by its name on the Hugging Face hub.

        Args:
            name_or_dir: directory or name.
            layer: which hidden state to give, or several for their mean; -1 is the last.
            allow_download: fetch it from the hub if it is not on this machine; otherwise no network.
            random_init: take its architecture alone and draw the weights, with a fixed seed, as its library
                initialises them: the control that tells language knowledge from the loss's structure.
            precision: that matrix products are computed in.

        Raises:
            InputError: the teacher cannot be loaded, its weights are not whole, or it has no such layer.
        """
        if random_init:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(RANDOM_SEED)
                model = from_config("AutoModel", name_or_dir, allow_download, **in_float32())
            model = encoder_of(model, name_or_dir)
        else:
            model = load_encoder(name_or_dir, allow_download)
        return cls(model, layer, name_or_dir, random_init, precision)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.name, self.layer, self.random_init, self.precision, self.fingerprint)

    def encode(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the embeddings of a padded batch, in float32 and without a gradient.

        The teacher moves to the device of ``ids``. Inside, ``precision`` alone decides on autocast. The
        result is an ordinary tensor, which autograd may save for the backward pass of what it is combined
        with.

        Args:
            ids: (B, N) token ids (int64), any value on padding.
            lengths: (B,) number of tokens, special tokens included.

        Returns:
            (B, N, hidden_size), zero on padding.
        """
        if self._model.device != ids.device:
            self._model.to(ids.device)
        mask = torch.arange(ids.shape[1], device=ids.device) < lengths.to(ids.device)[:, None]  # (B, N)
        in_bfloat16 = torch.autocast(ids.device.type, torch.bfloat16, enabled=self.precision == BFLOAT16)
        with torch.inference_mode(), in_bfloat16:
            states = hidden_states(self._model, ids.masked_fill(~mask, 0), mask)
        hidden = self._of_layers(states).float()  # (B, N, hidden_size)
        return hidden.masked_fill(~mask[..., None], 0.0)  # outside inference mode: an ordinary tensor

    def encode_rows(self, ids: Tensor, lengths: Tensor, rows: Tensor) -> Tensor:
        """Return the vectors of a padded batch of `TeacherText`, as `encode` does.

        Args:
            ids: (B, M) token ids, any value on padding.
            lengths: (B,) number of tokens.
            rows: (B, N, 3) which tokens' vectors are averaged, -1 on padding; see `TeacherText`.

        Returns:
            (B, N, hidden_size), zero on padding.
        """
        hidden = self.encode(ids, lengths)  # (B, M, hidden_size)
        first, count = rows[..., 0], (rows[..., 1] - rows[..., 0])  # (B, N)
        total = torch.zeros((), device=hidden.device)
        for step in range(int(count.max())):
            place = (first + step).clamp(0, hidden.size(1) - 1).to(hidden.device)  # (B, N)
            is_part = (step < count).to(hidden.device)
            total = (
                total + hidden.take_along_dim(place[..., None], 1) * is_part[..., None]
            )  # (B, N, hidden_size)
        return total / count.clamp(min=1).to(hidden.device)[..., None]

    @cached_property
    def is_causal(self) -> bool:
        """Whether it reads from left to right: no token changes the vectors of those before it."""
        ids = torch.arange(1, PROBE_LENGTH + 1, device=self._model.device).repeat(2, 1)  # (2, PROBE_LENGTH)
        ids[1, -1] = 0
        with torch.inference_mode():
            before = hidden_states(self._model, ids, torch.ones_like(ids))[-1][
                :, :-1
            ]  # all but the last token
        return torch.allclose(before[0], before[1], rtol=0.0, atol=1e-6 * float(before.abs().max()))

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-1 of the weights, which tells a retrained namesake.

        The pooler is left out: no hidden state depends on it, and where the files do not hold one,
        transformers draws a new one at each loading.
        """
        digest = hashlib.sha1()
        for name, weight in sorted(self._model.state_dict().items()):
            if not name.startswith("pooler."):
                digest.update(name.encode())
                digest.update(weight.cpu().numpy())
        return digest.hexdigest()

    def identity(self, reading: Reading = PLAIN) -> TeacherIdentity:
        """Return name, layer, fingerprint and reading.

        Args:
            reading: how it reads the transcripts.

        Raises:
            InputError: a repeated text for a teacher that has no need of it.
        """
        if reading.context == REPEAT and not self.is_causal:
            raise InputError(
                f"teacher {self.name} sees both sides of a token: context: repeat is for models that read "
                "from left to right (GPT, LLaMA, Qwen); leave it out"
            )
        return TeacherIdentity(
            self.name, self.layer, self.fingerprint, self.random_init, reading.context, reading.pool
        )

    def _of_layers(self, states: Sequence[Tensor]) -> Tensor:
        """The hidden state of the layer, or the mean of those of several."""
        if isinstance(self.layer, int):
            return states[self.layer]
        return torch.stack([states[layer] for layer in self.layer]).mean(0)


@lru_cache(maxsize=1)
def _again(name: str, layer: Layers, random_init: bool, precision: str, fingerprint: str) -> FrozenTeacher:
    """Load in another process what was pickled; the hub has been asked already."""
    teacher = FrozenTeacher.load(name, layer, False, random_init, precision)
    if teacher.fingerprint != fingerprint:
        raise InputError(
            f"teacher {name} has other weights where this job runs; give all machines the same files"
        )
    return teacher


def _chosen(layer: int | Sequence[int], states: Sequence[Tensor], name: str) -> Layers:
    """Check the layers; they count from 0, and several come in rising order."""
    last = len(states) - 1
    wanted = [layer] if isinstance(layer, int) else list(layer)
    for each in wanted:
        if not -last - 1 <= each <= last:
            raise InputError(
                f"teacher {name} has no layer {each}; choose one from 0 (input embeddings) to {last} "
                f"(last), or from -1 (last) to {-last - 1}"
            )
    chosen = tuple(sorted({each % (last + 1) for each in wanted}))
    if not chosen or len(chosen) < len(wanted):
        raise InputError(f"teacher {name}: layers {wanted} name one twice, or none; name each layer once")
    if len({states[each].shape[-1] for each in chosen}) > 1:
        raise InputError(f"teacher {name}: layers {wanted} differ in size and have no mean; choose others")
    return chosen[0] if len(chosen) == 1 else chosen
