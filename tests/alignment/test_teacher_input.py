"""The teacher's input of a model: online or cached, and that it is the right teacher's."""

import shutil

import pytest
import torch
from small_teachers import change_weights
from small_training import with_token_ids

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.tokenizer import load_tokenizer, tokenizer_number


def test_online_teacher_equals_its_cached_embeddings(build_model, batch, teacher_dir):
    from espnet_gmot.teacher.frozen import FrozenTeacher

    online = with_token_ids(batch)
    teacher = FrozenTeacher.load(str(teacher_dir))
    cached = {**batch, "teacher": teacher.encode(online["teacher"], online["teacher_lengths"])}
    model = build_model({"teacher": str(teacher_dir)}).eval()
    torch.testing.assert_close(model(**online)[0], model(**cached)[0])


def test_token_ids_without_a_teacher_name_the_cure(build_model, batch):
    with pytest.raises(InputError, match="model_conf: teacher"):
        build_model()(**with_token_ids(batch))


def test_embeddings_of_another_teacher_than_the_projections_are_refused(build_model, batch, projection):
    path, identity = projection
    same = torch.full((3, 1), identity.number)
    model = build_model({"projection": path})
    assert torch.isfinite(model(**batch, teacher_identity=same)[0])
    expected = (
        f"{path} was fitted on teacher 老师 with random weights, layer 2.*teacher_cache.*fit_projection"
    )
    with pytest.raises(InputError, match=expected):
        build_model({"projection": path})(**batch, teacher_identity=same + 1)
    random_map = build_model({"projection": "random"})  # any teacher will do
    assert torch.isfinite(random_map(**batch, teacher_identity=same + 1)[0])


def test_online_teacher_that_is_not_the_projections_is_refused(build_model, batch, projection, teacher_dir):
    path, _ = projection
    with pytest.raises(InputError, match=f"fitted on teacher 老师.*which is not {teacher_dir}, layer 2"):
        build_model({"projection": path, "teacher": str(teacher_dir)})(**with_token_ids(batch))


def test_ids_of_another_vocabulary_are_refused(build_model, batch, teacher_dir):
    ids, name = with_token_ids(batch), str(teacher_dir)
    same = torch.full((3, 1), tokenizer_number(load_tokenizer(name)))
    assert torch.isfinite(build_model({"teacher": name})(**ids, teacher_identity=same)[0])
    with pytest.raises(InputError, match=f"teacher {name} has another vocabulary than preprocessor_conf"):
        build_model({"teacher": name})(**ids, teacher_identity=same + 1)


def test_a_cache_beside_an_online_teacher_is_refused(build_model, batch, teacher_dir):
    model = build_model({"teacher": str(teacher_dir)})
    with pytest.raises(InputError, match="gives embeddings from its teacher_cache; leave out one of them"):
        model(**batch, teacher_identity=torch.full((3, 1), 7))


def online(model, batch, teacher_dir, ids):
    number = tokenizer_number(load_tokenizer(str(teacher_dir)))
    lengths = torch.tensor([len(row) for row in ids])
    padded = torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(row) for row in ids], batch_first=True, padding_value=-1
    )
    identity = torch.full((3, 1), number)
    return model(**{**batch, "teacher": padded, "teacher_lengths": lengths, "teacher_identity": identity})


UNKNOWN = [[2, 1, 1, 1, 3], [2, 1, 5, 3], [2, 1, 3]]  # 5 of 6 tokens
KNOWN = [[2, 5, 6, 7, 3], [2, 1, 5, 3], [2, 6, 3]]  # 1 of 6


def test_an_online_teacher_of_another_script_is_refused_at_the_first_validation(
    build_model, batch, teacher_dir
):
    model = build_model({"teacher": str(teacher_dir)})
    online(model.train(), batch, teacher_dir, UNKNOWN)
    with pytest.raises(InputError, match=r"83\.3 % of 12 tokens of teacher .* are unknown"):
        online(model.eval(), batch, teacher_dir, UNKNOWN)


def test_an_online_teacher_of_another_script_is_refused_after_enough_tokens(
    build_model, batch, teacher_dir, monkeypatch
):
    monkeypatch.setattr("espnet_gmot.alignment.teacher_input.JUDGED_TOKENS", 10)
    model = build_model({"teacher": str(teacher_dir)}).train()
    online(model, batch, teacher_dir, UNKNOWN)
    with pytest.raises(InputError, match=r"83\.3 % of 12 tokens of teacher .* are unknown"):
        online(model, batch, teacher_dir, UNKNOWN)


def test_an_online_teacher_that_knows_most_is_judged_once(build_model, batch, teacher_dir, caplog):
    model = build_model({"teacher": str(teacher_dir)})
    online(model.train(), batch, teacher_dir, UNKNOWN)
    for _ in range(3):
        online(model.train(), batch, teacher_dir, KNOWN)
    caplog.clear()
    online(model.eval(), batch, teacher_dir, KNOWN)
    online(model.eval(), batch, teacher_dir, UNKNOWN)
    told = [record.message for record in caplog.records if "unknown" in record.message]
    assert [message.split(" of teacher")[0] for message in told] == ["30.0 % of 30 tokens"]


def test_an_online_teacher_without_its_weights_is_refused(build_model, batch, teacher_dir, tmp_path):
    shutil.copytree(teacher_dir, tmp_path, dirs_exist_ok=True)
    change_weights(tmp_path, lambda weights: {f"module.{n}": w for n, w in weights.items()})
    with pytest.raises(InputError, match="lacks 37 of 39 weights.*take 'module.' off the names"):
        build_model({"teacher": str(tmp_path)})(**with_token_ids(batch))
