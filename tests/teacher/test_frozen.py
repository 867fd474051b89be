import hashlib
import pickle
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from small_teachers import change_config
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModel

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import load_tokenizer

SEQUENCES = [torch.tensor([2, 5, 6, 7, 8, 3]), torch.tensor([2, 9, 3]), torch.tensor([2, 10, 11, 3])]


@pytest.fixture(scope="module")
def teacher(tiny_bert: str) -> FrozenTeacher:
    return FrozenTeacher.load(tiny_bert)


def padded() -> tuple[torch.Tensor, torch.Tensor]:
    ids = pad_sequence(SEQUENCES, batch_first=True, padding_value=-1)
    return ids, torch.tensor([len(s) for s in SEQUENCES])


def test_batch_equals_one_by_one(teacher: FrozenTeacher):
    batch = teacher.encode(*padded())
    assert batch.shape == (3, 6, 16)
    assert batch.dtype == torch.float32
    for row, sequence in zip(batch, SEQUENCES, strict=True):
        alone = teacher.encode(sequence[None], torch.tensor([len(sequence)]))[0]
        torch.testing.assert_close(row[: len(sequence)], alone, atol=1e-5, rtol=0)
        assert row[len(sequence) :].eq(0).all()


@pytest.mark.parametrize(("layer", "index"), [(-1, 2), (2, 2), (1, 1), (0, 0), (-3, 0)])
def test_layer_is_the_models_hidden_state(tiny_bert: str, layer: int, index: int):
    teacher = FrozenTeacher.load(tiny_bert, layer)
    model = AutoModel.from_pretrained(tiny_bert).eval()
    expected = model(SEQUENCES[0][None], output_hidden_states=True).hidden_states[index]
    torch.testing.assert_close(teacher.encode(SEQUENCES[0][None], torch.tensor([6])), expected)
    assert teacher.layer == index


@pytest.mark.parametrize("layer", [3, -4])
def test_layer_out_of_range(tiny_bert: str, layer: int):
    with pytest.raises(InputError, match=f"{tiny_bert} has no layer {layer}; choose one from 0 .* to 2"):
        FrozenTeacher.load(tiny_bert, layer)


def test_embeddings_take_part_in_anothers_gradient(teacher: FrozenTeacher):
    embeddings = teacher.encode(*padded())
    weight = torch.ones(16, requires_grad=True)
    (embeddings * weight).square().sum().backward()
    torch.testing.assert_close(weight.grad, 2 * embeddings.square().sum((0, 1)))


def test_stays_out_of_the_module_tree(tiny_bert: str):
    model = torch.nn.Linear(2, 2)
    model.teacher = FrozenTeacher.load(tiny_bert)
    before = model.teacher.encode(*padded())
    model.train().half()
    assert list(model.state_dict()) == ["weight", "bias"]
    assert len(list(model.parameters())) == 2
    assert [type(m) for m in model.modules()] == [torch.nn.Linear]
    torch.testing.assert_close(model.teacher.encode(*padded()), before, rtol=0, atol=0)  # no dropout


def test_float32_inside_autocast(teacher: FrozenTeacher):
    expected = teacher.encode(*padded())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(teacher.encode(*padded()), expected, rtol=0, atol=0)


def test_weights_saved_in_half_precision_run_in_float32(tiny_bert: str, tmp_path: Path):
    AutoModel.from_pretrained(tiny_bert).half().save_pretrained(tmp_path)
    assert FrozenTeacher.load(str(tmp_path)).encode(*padded()).dtype == torch.float32


def test_fingerprint_tells_teachers_apart(tiny_bert: str, other_bert: str):
    identity = FrozenTeacher.load(tiny_bert).identity()
    assert identity.fingerprint == FrozenTeacher.load(tiny_bert, 0).identity().fingerprint
    assert identity.fingerprint != FrozenTeacher.load(other_bert).identity().fingerprint


def test_random_teacher_is_the_same_each_time_and_not_the_trained_one(tiny_bert: str, other_bert: str):
    torch.manual_seed(5)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    random = FrozenTeacher.load(tiny_bert, random_init=True)
    torch.testing.assert_close(torch.rand(1), drawn, rtol=0, atol=0)  # the caller's generator is untouched
    again = FrozenTeacher.load(other_bert, random_init=True)  # the same architecture
    torch.testing.assert_close(random.encode(*padded()), again.encode(*padded()), rtol=0, atol=0)
    assert random.identity() == replace(again.identity(), name=tiny_bert)
    assert random.identity().fingerprint != FrozenTeacher.load(tiny_bert).identity().fingerprint
    assert str(random.identity()) == f"{tiny_bert} with random weights, layer 2"


def test_random_teacher_needs_no_weights(tiny_bert: str, tmp_path: Path):
    shutil.copy(Path(tiny_bert) / "config.json", tmp_path)
    assert FrozenTeacher.load(str(tmp_path), random_init=True).hidden_size == 16
    with pytest.raises(InputError, match="nobody/no-such-bert is not on this machine"):
        FrozenTeacher.load("nobody/no-such-bert", random_init=True)


def test_no_network_without_leave(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(InputError, match="nobody/no-such-bert is not on this machine.*local directory"):
        FrozenTeacher.load("nobody/no-such-bert")


def test_directory_without_weights(tiny_bert: str, tmp_path: Path):
    shutil.copy(Path(tiny_bert) / "config.json", tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path} cannot be loaded.*save_pretrained"):
        FrozenTeacher.load(str(tmp_path))


def test_weights_that_were_cut_off(tiny_bert: str, tmp_path: Path):
    shutil.copytree(tiny_bert, tmp_path, dirs_exist_ok=True)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match=f"teacher directory {tmp_path} cannot be loaded"):
        FrozenTeacher.load(str(tmp_path))


def test_without_transformers_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match="pip install transformers"):
        FrozenTeacher.load("anything")


def test_every_module_imports_without_transformers():
    modules = "cache, embed, frozen, hub, identity, projection, tokenizer"
    code = f"import sys; sys.modules['transformers'] = None; from espnet_gmot.teacher import {modules}"
    subprocess.run([sys.executable, "-c", code], check=True)


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 411577189\n"


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "tokenizer.json", "vocab.txt"])
def test_a_git_lfs_pointer_is_called_that(tiny_bert: str, tmp_path: Path, name: str):
    shutil.copytree(tiny_bert, tmp_path, dirs_exist_ok=True)
    replaced = "model.safetensors" if name == "pytorch_model.bin" else "tokenizer.json"
    (tmp_path / replaced).unlink()
    (tmp_path / name).write_text(POINTER)
    with pytest.raises(
        InputError, match=f"{tmp_path} is not whole: {name} is a Git LFS pointer.*git lfs pull"
    ):
        load_tokenizer(str(tmp_path))
        FrozenTeacher.load(str(tmp_path))


def test_a_pointer_that_nobody_reads_does_no_harm(tiny_bert: str, tmp_path: Path):
    shutil.copytree(tiny_bert, tmp_path, dirs_exist_ok=True)
    for name in ("pytorch_model.bin", "flax_model.msgpack", "spiece.model"):
        (tmp_path / name).write_text(POINTER)
    load_tokenizer(str(tmp_path))
    assert (
        FrozenTeacher.load(str(tmp_path)).identity().number == FrozenTeacher.load(tiny_bert).identity().number
    )


def damages() -> dict[str, tuple[str, bytes]]:
    """A file of a teacher and what stands in it instead."""
    texts = {
        "{": b"{",
        "a list": b"[]",
        "Latin-1": b"\xff\xfe{",
        "nothing": b"",
        "no model": b'{"model": {}}',
    }
    json_files = ("config.json", "tokenizer.json", "tokenizer_config.json")
    found = {f"{name}: {what}": (name, text) for name in json_files for what, text in texts.items()}
    for what, text in {
        "a pickle of a list": pickle.dumps([1]),
        "half": b"PK\x03\x04",
        "text": b"404",
    }.items():
        found[f"pytorch_model.bin: {what}"] = ("pytorch_model.bin", text)
    for what, text in {"nothing": b"", "text": b"404: Not Found"}.items():
        found[f"model.safetensors: {what}"] = ("model.safetensors", text)
    harmless = ("tokenizer_config.json: no model",)  # a key that nobody reads
    return {case: damage for case, damage in found.items() if case not in harmless}


@pytest.mark.parametrize("damage", damages().values(), ids=damages())
def test_damaged_files_are_one_line(tiny_bert: str, tmp_path: Path, damage: tuple[str, bytes]):
    shutil.copytree(tiny_bert, tmp_path, dirs_exist_ok=True)
    if damage[0] == "pytorch_model.bin":
        (tmp_path / "model.safetensors").unlink()
    (tmp_path / damage[0]).write_bytes(damage[1])
    with pytest.raises(InputError, match=f"^teacher.* {tmp_path} ") as error:
        load_tokenizer(str(tmp_path))
        FrozenTeacher.load(str(tmp_path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pad_token_id": 99}, "cannot be loaded .Padding_idx must be within num_embeddings"),
        ({"num_attention_heads": 3}, "cannot be loaded .The hidden size .16. is not a multiple"),
        ({"model_type": "no-such-type"}, "is of a family that transformers .* does not know .*no-such-type"),
        ({"hidden_act": "no-such-function"}, "cannot be loaded .*no-such-function"),
    ],
)
def test_a_config_json_that_makes_no_model_is_one_line(tiny_bert: str, tmp_path: Path, values, message: str):
    shutil.copytree(tiny_bert, tmp_path, dirs_exist_ok=True)
    change_config(tmp_path, **values)
    for load in (load_tokenizer, FrozenTeacher.load, partial(FrozenTeacher.load, random_init=True)):
        with pytest.raises(InputError, match=f"{tmp_path} {message}"):
            load(str(tmp_path))


def test_a_teacher_of_earlier_versions_keeps_its_fingerprint(tiny_bert: str):
    digest = hashlib.sha1()  # as it was before weights were judged
    for name, weight in sorted(AutoModel.from_pretrained(tiny_bert).state_dict().items()):
        if not name.startswith("pooler."):
            digest.update(name.encode() + weight.numpy().tobytes())
    assert FrozenTeacher.load(tiny_bert).identity().fingerprint == digest.hexdigest()


@pytest.mark.parametrize("layers", [(-2, -1), [1, 2], (2, 0, 1)])
def test_of_several_layers_the_mean_is_given(tiny_bert: str, layers):
    teacher = FrozenTeacher.load(tiny_bert, layers)
    chosen = sorted(layer % 3 for layer in layers)
    assert teacher.layer == tuple(chosen)
    assert str(teacher.identity()).endswith(f"mean of layers {' '.join(map(str, chosen))}")
    expected = sum(FrozenTeacher.load(tiny_bert, layer).encode(*padded()) for layer in chosen) / len(chosen)
    torch.testing.assert_close(teacher.encode(*padded()), expected, atol=1e-6, rtol=1e-5)
    assert teacher.identity().number != FrozenTeacher.load(tiny_bert).identity().number


@pytest.mark.parametrize("layers", [(-1, 2), (1, 1), ()])
def test_layers_that_are_named_twice_or_not_at_all_are_refused(tiny_bert: str, layers):
    with pytest.raises(InputError, match="name one twice, or none; name each layer once"):
        FrozenTeacher.load(tiny_bert, layers)


def test_one_layer_in_a_list_is_that_layer(tiny_bert: str):
    assert FrozenTeacher.load(tiny_bert, [-1]).identity() == FrozenTeacher.load(tiny_bert).identity()


def test_layers_of_other_sizes_have_no_mean(tiny_bert: str, monkeypatch):
    states = [torch.zeros(1, 3, size) for size in (8, 16, 16)]
    monkeypatch.setattr("espnet_gmot.teacher.frozen.probe", lambda *_: states)
    with pytest.raises(InputError, match=r"layers \[0, 1\] differ in size and have no mean"):
        FrozenTeacher.load(tiny_bert, [0, 1])


def test_rows_are_means_over_their_tokens(teacher: FrozenTeacher):
    ids, lengths = padded()
    states = teacher.encode(ids, lengths)
    rows = torch.tensor(
        [[[0, 1, 0], [1, 4, 1], [3, 5, 1], [5, 6, 0]], [[1, 2, 1], [1, 2, 1], [-1] * 3, [-1] * 3],
         [[0, 4, 1], [-1] * 3, [-1] * 3, [-1] * 3]]
    )  # fmt: skip
    found = teacher.encode_rows(ids, lengths, rows)
    assert found.shape == (3, 4, 16)
    for b, n in ((0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (2, 0)):
        start, stop, _ = rows[b, n].tolist()
        torch.testing.assert_close(found[b, n], states[b, start:stop].mean(0), atol=1e-6, rtol=1e-5)
    assert found[1, 2:].eq(0).all()
    assert found[2, 1:].eq(0).all()


def test_a_row_a_token_is_the_token_bit_for_bit(teacher: FrozenTeacher):
    ids, lengths = padded()
    places = torch.arange(ids.size(1)).expand_as(ids)
    rows = torch.stack([places, places + 1, places], dim=2).masked_fill((ids < 0)[..., None], -1)
    found = teacher.encode_rows(ids, lengths, rows)
    torch.testing.assert_close(found, teacher.encode(ids, lengths), rtol=0, atol=0)
