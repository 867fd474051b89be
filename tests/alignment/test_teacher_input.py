"""The teacher's input of a model: online or cached, and that it is the right teacher's."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from small_corpus import TOKENS
from small_teachers import change_weights
from small_training import framed_rows, with_token_ids
from teacher_families import FAMILIES

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.projection import Coordinates, fit_projection, load_projection
from espnet_gmot.teacher.reading import READINGS
from espnet_gmot.teacher.tokenizer import load_tokenizer, tokenizer_number


def test_online_teacher_equals_its_cached_embeddings(build_model, batch, teacher_dir):
    from espnet_gmot.teacher.frozen import FrozenTeacher

    online = with_token_ids(batch)
    teacher = FrozenTeacher.load(str(teacher_dir))
    cached = {**batch, "teacher": teacher.encode(online["teacher"], online["teacher_lengths"])}
    model = build_model({"teacher": str(teacher_dir)}).eval()
    torch.testing.assert_close(model(**online)[0], model(**cached)[0])


def numbers(teacher: int, projection: int = 0) -> torch.Tensor:
    """``teacher_identity`` of a batch of three."""
    return torch.tensor([[teacher, projection]] * 3)


def test_token_ids_without_a_teacher_name_the_cure(build_model, batch):
    with pytest.raises(InputError, match="model_conf: teacher"):
        build_model()(**with_token_ids(batch))


def test_embeddings_of_another_teacher_than_the_projections_are_refused(build_model, batch, projection):
    path, identity = projection
    same, other = numbers(identity.number), numbers(identity.number + 1)
    model = build_model({"projection": path})
    assert torch.isfinite(model(**batch, teacher_identity=same)[0])
    expected = (
        f"{path} was fitted on teacher 老师 with random weights, layer 2.*teacher_cache.*fit_projection"
    )
    with pytest.raises(InputError, match=expected):
        build_model({"projection": path})(**batch, teacher_identity=other)
    random_map = build_model({"projection": "random"})  # any teacher will do
    assert torch.isfinite(random_map(**batch, teacher_identity=other)[0])


def test_online_teacher_that_is_not_the_projections_is_refused(build_model, batch, projection, teacher_dir):
    path, _ = projection
    with pytest.raises(InputError, match=f"fitted on teacher 老师.*which is not {teacher_dir}, layer 2"):
        build_model({"projection": path, "teacher": str(teacher_dir)})(**with_token_ids(batch))


def test_ids_of_another_vocabulary_are_refused(build_model, batch, teacher_dir):
    ids, name = with_token_ids(batch), str(teacher_dir)
    number = tokenizer_number(load_tokenizer(name))
    same, other = numbers(number), numbers(number + 1)
    assert torch.isfinite(build_model({"teacher": name})(**ids, teacher_identity=same)[0])
    with pytest.raises(InputError, match=f"teacher {name} has another vocabulary than preprocessor_conf"):
        build_model({"teacher": name})(**ids, teacher_identity=other)


def test_a_cache_beside_an_online_teacher_is_refused(build_model, batch, teacher_dir):
    model = build_model({"teacher": str(teacher_dir)})
    with pytest.raises(InputError, match="gives embeddings from its teacher_cache; leave out one of them"):
        model(**batch, teacher_identity=numbers(7))


def online(model, batch, teacher_dir, ids):
    number = tokenizer_number(load_tokenizer(str(teacher_dir)))
    lengths = torch.tensor([len(row) for row in ids])
    padded = torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(row) for row in ids], batch_first=True, padding_value=-1
    )
    identity = numbers(number)
    given = {"teacher": padded, "teacher_lengths": lengths, "teacher_rows": framed_rows(lengths - 2)}
    return model(**{**batch, **given, "teacher_identity": identity})


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


def of_a_reading(directory, **reading):
    """What the preprocessor gives of two transcripts, and its teacher's identity read so."""
    from espnet2.train.collate_fn import CommonCollateFn

    from espnet_gmot.preprocessor import GMOTPreprocessor

    process = GMOTPreprocessor(
        train=False, teacher=directory, token_type="char", token_list=TOKENS, **reading
    )
    noise = np.random.default_rng(0).normal(size=9600).astype("float32")
    data = [(text, process(text, {"speech": noise, "text": text})) for text in ("今天很好", "天气")]
    return CommonCollateFn(float_pad_value=0.0, int_pad_value=-1)(data)[1]


@pytest.mark.parametrize("reading", READINGS, ids=[f"{each.context}-{each.pool}" for each in READINGS])
def test_a_projection_of_another_reading_is_refused_online(build_model, tmp_path, reading):
    directory = FAMILIES["Qwen2"].save(tmp_path / "teacher")
    teacher, rows = FrozenTeacher.load(directory, [-2, -1]), np.random.default_rng(0).normal(size=(9, 16))
    batch = of_a_reading(directory, teacher_context=reading.context, teacher_pool=reading.pool)
    for fitted in READINGS:
        path = str(tmp_path / "projection.npz")
        fit_projection([rows], teacher.identity(fitted), path)
        model = build_model({"projection": path, "teacher": directory, "teacher_layer": [-2, -1]})
        if fitted == reading:
            assert torch.isfinite(model(**batch)[0])
        else:
            with pytest.raises(InputError, match="was fitted on teacher .* mean of layers 1 2.*which is not"):
                model(**batch)


def test_a_repeated_text_is_refused_for_an_encoder(build_model, teacher_dir):
    batch = of_a_reading(str(teacher_dir), teacher_context="repeat")
    with pytest.raises(InputError, match="sees both sides of a token: context: repeat is for models"):
        build_model({"teacher": str(teacher_dir)})(**batch)


def test_unknown_tokens_are_counted_among_the_text_alone(build_model, tmp_path):
    """Of a teacher without special tokens all count; of one with them none of these."""
    # 今天 and 天 are a token each, 很, 好 and 气 three bytes each; LLaMA's two texts begin with ▁
    for name, counted in (("GPT-2", 11), ("LLaMA", 13)):
        directory = FAMILIES[name].save(tmp_path / name)
        batch, model = of_a_reading(directory), build_model({"teacher": directory})
        model.teacher_input.check(batch["teacher"], batch["teacher_rows"], batch["teacher_identity"])
        is_text = batch["teacher_rows"][..., 2] == 1
        assert model.teacher_input._coverage.tokens == int(is_text.sum()) == counted


def test_coordinates_of_a_cache_train_as_its_embeddings_do(build_model, batch, projection):
    path, identity = projection
    fitted = load_projection(path)
    model = build_model({"projection": path}).eval()
    expected = model(**batch, teacher_identity=numbers(identity.number))[0]
    for size in (16, 12, 8):  # the encoder's is 8
        stored = Coordinates(Path(path), size).of(batch["teacher"].numpy())
        coordinates = {**batch, "teacher": torch.tensor(stored, dtype=torch.float32)}
        model = build_model({"projection": path}).eval()
        given = model(**coordinates, teacher_identity=numbers(identity.number, fitted.number))[0]
        torch.testing.assert_close(given, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number": 7}, "is not the one whose coordinates preprocessor_conf: teacher_cache holds"),
        ({"size": 5}, "holds 5 coordinates of an embedding, but the encoder's size is 8"),
        ({"projection": "random"}, "projection random is not the one whose coordinates"),
        ({"projected_side": "acoustic"}, "projected_side acoustic does without; make a cache without"),
    ],
)
def test_coordinates_that_are_not_the_models_are_refused(build_model, batch, projection, change, message):
    path, identity = projection
    number = change.get("number", load_projection(path).number)
    options = {"projection": change.get("projection", path)}
    if "projected_side" in change:
        options = {"projected_side": "acoustic", "teacher_size": 16}
    given = {**batch, "teacher": batch["teacher"][..., : change.get("size", 12)]}
    with pytest.raises(InputError, match=message):
        build_model(options)(**given, teacher_identity=numbers(identity.number, number))
