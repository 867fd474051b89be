import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from small_bert import pretrain as module
from small_bert.masked_lm import MaskedLM
from small_bert.options import PretrainOptions
from small_bert.pretrain import pretrain
from transformers import AutoModelForMaskedLM

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import load_tokenizer
from espnet_gmot.teacher.transcript import teacher_ids

TINY = PretrainOptions(
    layers=1, hidden_size=32, heads=2, steps=60, batch_size=8, lr=1e-2, min_count=1, held_out=0.1
)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines of one character repeated: a masked one follows from its neighbours."""
    lines = [character * length for character in "甲乙丙丁戊己庚辛壬癸子丑" for length in range(5, 17)]
    path = tmp_path_factory.mktemp("text") / "teacher.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exp") / "teacher"
    pretrain(text, out, TINY)
    return out


def weights(directory: Path) -> dict[str, torch.Tensor]:
    return AutoModelForMaskedLM.from_pretrained(directory).state_dict()


def test_learns_what_can_be_learnt(trained: Path):
    metrics = json.loads((trained / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["masked_accuracy"] > 0.7  # chance is 1 / 12
    assert metrics["training_lines"] + metrics["held_out_lines"] == 144
    assert metrics["vocabulary"] == 12 + 5
    assert not Path(f"{trained}.partial").exists()


def test_is_a_teacher(trained: Path):
    ids = teacher_ids(load_tokenizer(str(trained)), "甲乙丙龘")
    embeddings = FrozenTeacher.load(str(trained)).encode(torch.from_numpy(ids)[None], torch.tensor([6]))
    assert embeddings.shape == (1, 6, 32)
    with pytest.raises(InputError, match="takes 64"):
        teacher_ids(load_tokenizer(str(trained)), "甲" * 63)


def test_killed_run_continues_to_the_same_model(trained: Path, text: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(module, "REPORT_EVERY", 20)
    train_step, calls = MaskedLM.train_step, []

    def count_and_fail(self, ids):
        calls.append(self.step)
        if len(calls) == 50:
            raise KeyboardInterrupt
        return train_step(self, ids)

    monkeypatch.setattr(MaskedLM, "train_step", count_and_fail)
    out = tmp_path / "teacher"
    with pytest.raises(KeyboardInterrupt):
        pretrain(text, out, TINY)
    assert not out.exists()
    pretrain(text, out, TINY)
    assert calls == [*range(50), *range(40, 60)]  # from the checkpoint at step 40
    for name, weight in weights(trained).items():
        torch.testing.assert_close(weights(out)[name], weight, rtol=0, atol=0)
    steps = re.findall(
        r"step (\d+)/60, .* accuracy [\d.]+ %", (out / "pretrain.log").read_text(encoding="utf-8")
    )
    assert steps == ["20", "40", "60"]


def test_killed_before_the_first_checkpoint(trained: Path, text: Path, tmp_path: Path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(MaskedLM, "train_step", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            pretrain(text, tmp_path / "teacher", TINY)
    pretrain(text, tmp_path / "teacher", TINY)
    assert (tmp_path / "teacher" / "model.safetensors").exists()


def test_finished_teacher_is_kept(trained: Path, text: Path, monkeypatch):
    monkeypatch.setattr(module, "MaskedLM", None)
    partial = Path(f"{trained}.partial")
    partial.mkdir()  # of a process that was killed when all was done but this
    assert pretrain(text, trained, TINY)["options"]["steps"] == 60
    assert not partial.exists()


def test_other_text_or_options_are_refused(trained: Path, text: Path, tmp_path: Path):
    with pytest.raises(InputError, match=f"{trained} is a teacher trained on another text.*remove it"):
        pretrain(text, trained, PretrainOptions(steps=7))
    other = tmp_path / "other.txt"
    other.write_text("甲乙\n丙丁\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"{trained} is a teacher trained on another text.*remove it"):
        pretrain(other, trained, TINY)
    with pytest.raises(InputError, match=f"{tmp_path} is no teacher of this command"):
        pretrain(text, tmp_path, TINY)


def test_checkpoint_of_other_options_is_refused(text: Path, tmp_path: Path):
    out = tmp_path / "teacher"
    partial = Path(f"{out}.partial")
    partial.mkdir()
    torch.save({"origin": {"options": {}}, "learner": {}, "accuracy": 0.0}, partial / "checkpoint.pt")
    with pytest.raises(InputError, match=f"{partial} holds the training of another text.*remove it"):
        pretrain(text, out, TINY)


def test_unusable_text(tmp_path: Path):
    path, out = tmp_path / "text", tmp_path / "teacher"
    with pytest.raises(InputError, match=f"{path} does not exist; give a text file"):
        pretrain(path, out, TINY)
    path.write_bytes("甲乙".encode("gbk") * 3)
    with pytest.raises(InputError, match=f"{path} is not UTF-8.*iconv"):
        pretrain(path, out, TINY)
    path.write_text("甲乙\n甲乙\n", encoding="utf-8")
    with pytest.raises(InputError, match="1 distinct lines are too few.*give more text"):
        pretrain(path, out, TINY)
    assert not Path(f"{out}.partial").exists()


def test_batch_without_a_masked_token_has_a_finite_step():
    learner = MaskedLM(9, [torch.tensor([2, 5, 6, 3])], TINY)
    assert learner.train_step(torch.tensor([[2, 1, 3]])) == 0.0
    assert all(torch.isfinite(weight).all() for weight in learner.model.state_dict().values())


def test_seed_changes_the_model(text: Path, trained: Path, tmp_path: Path):
    pretrain(text, tmp_path / "teacher", PretrainOptions(**{**vars(TINY), "seed": 1, "steps": 1}))
    name = "bert.encoder.layer.0.output.dense.weight"
    assert not np.allclose(weights(tmp_path / "teacher")[name], weights(trained)[name])
