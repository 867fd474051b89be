"""Which teacher embeddings come from, so that two teachers are never mixed."""

import hashlib
from dataclasses import dataclass

from espnet_gmot.teacher.reading import NONE, PLAIN, Reading

FLOAT32, BFLOAT16 = PRECISIONS = ("float32", "bfloat16")  # that a teacher may run in
Layers = int | tuple[int, ...]  # one hidden state, or several of which the mean is taken


@dataclass(frozen=True)
class TeacherIdentity:
    """What tells the embeddings of one teacher from those of another.

    Args:
        name: directory or name of the teacher.
        layer: hidden state, 0 = input embeddings; several, rising, of which the mean is taken.
        fingerprint: SHA-1 of the teacher's weights.
        random_init: whether the weights were drawn at random instead of loaded.
        context: what the teacher sees beside the transcript, as in `Reading`.
        pool: which vectors become one, as in `Reading`.

    Example:
        >>> str(TeacherIdentity("bert-base-chinese", 12, "5d1f", random_init=True))
        'bert-base-chinese with random weights, layer 12'
        >>> str(TeacherIdentity("Qwen2", (20, 24), "5d1f", context="repeat"))
        'Qwen2, mean of layers 20 24, text repeated'
    """

    name: str
    layer: Layers
    fingerprint: str
    random_init: bool = False
    context: str = NONE
    pool: str = NONE

    def __str__(self) -> str:
        what = "layer" if isinstance(self.layer, int) else "mean of layers"
        weights = " with random weights" if self.random_init else ""
        return f"{self.name}{weights}, {what} {layer_words(self.layer)}{self.reading}"

    @property
    def reading(self) -> Reading:
        """How the transcripts were read."""
        return Reading(self.context, self.pool)

    @property
    def number(self) -> int:
        """A hash of weights, layers and reading below 2⁶³, which travels beside the embeddings as a tensor.

        Two teachers at one path differ in it, and one teacher at two paths does not.
        """
        return reading_number(number_of(f"{self.fingerprint} {layer_words(self.layer)}"), self.reading)


def layer_words(layer: Layers) -> str:
    """Write layers as the option ``--layer`` takes them.

    Example:
        >>> layer_words(12), layer_words((9, 12))
        ('12', '9 12')
    """
    return str(layer) if isinstance(layer, int) else " ".join(map(str, layer))


def reading_number(number: int, reading: Reading) -> int:
    """Return the number of what has this number and is read so; by default it is the same."""
    return number if reading == PLAIN else number_of(f"{number}{reading}")


def number_of(text: str) -> int:
    """Hash a text to a number below 2⁶³."""
    return int.from_bytes(hashlib.sha1(text.encode()).digest()[:8], "big") >> 1
