"""Which teacher embeddings come from, so that two teachers are never mixed."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class TeacherIdentity:
    """What tells the embeddings of one teacher from those of another.

    Args:
        name: directory or name of the teacher.
        layer: hidden state, 0 = input embeddings.
        fingerprint: SHA-1 of the teacher's weights.
        random_init: whether the weights were drawn at random instead of loaded.

    Example:
        >>> str(TeacherIdentity("bert-base-chinese", 12, "5d1f", random_init=True))
        'bert-base-chinese with random weights, layer 12'
    """

    name: str
    layer: int
    fingerprint: str
    random_init: bool = False

    def __str__(self) -> str:
        return f"{self.name}{' with random weights' if self.random_init else ''}, layer {self.layer}"

    @property
    def number(self) -> int:
        """A hash of weights and layer below 2⁶³, which travels beside the embeddings as a tensor.

        Two teachers at one path differ in it, and one teacher at two paths does not.
        """
        return number_of(f"{self.fingerprint} {self.layer}")


def number_of(text: str) -> int:
    """Hash a text to a number below 2⁶³."""
    return int.from_bytes(hashlib.sha1(text.encode()).digest()[:8], "big") >> 1
