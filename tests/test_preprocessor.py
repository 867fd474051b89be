import numpy as np
import pytest
from small_corpus import TOKENS

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.tokenizer import load_tokenizer, tokenizer_number


def preprocessor(train=False, **kwargs):
    from espnet_gmot.preprocessor import GMOTPreprocessor

    return GMOTPreprocessor(train=train, token_type="char", token_list=TOKENS, **kwargs)


def utterance(text):
    return {"speech": np.zeros(100, dtype=np.float32), "text": text}


def test_transcript_becomes_token_ids(teacher_dir):
    data = preprocessor(teacher=str(teacher_dir))("utt1", utterance("今天"))
    assert data["teacher"].tolist() == [2, 5, 6, 3]  # [CLS] 今 天 [SEP]
    assert data["teacher_identity"].tolist() == [tokenizer_number(load_tokenizer(str(teacher_dir))), 0]
    assert data["text"].tolist() == [2, 3]


def test_decoding_loads_no_teacher():
    process = preprocessor(teacher="/nowhere")
    data = process("utt1", {"speech": np.zeros(100, dtype=np.float32)})
    assert set(data) == {"speech"}


def test_training_refuses_a_missing_teacher_at_once():
    with pytest.raises(InputError, match="/nowhere"):
        preprocessor(train=True, teacher="/nowhere")


def test_cache_gives_the_embeddings_of_the_text(teacher_dir, tmp_path):
    from espnet_gmot.teacher.build_cache import build_cache
    from espnet_gmot.teacher.cache import TeacherCache
    from espnet_gmot.teacher.frozen import FrozenTeacher
    from espnet_gmot.teacher.tokenizer import load_tokenizer

    teacher, tokenizer = FrozenTeacher.load(str(teacher_dir)), load_tokenizer(str(teacher_dir))
    build_cache([("u1", "今天"), ("u2", "天气好")], teacher, tokenizer, tmp_path / "cache")
    process = preprocessor(train=True, teacher_cache=str(tmp_path / "cache"))
    data = process("sp0.9-utt1", utterance("天气好"))
    assert data["teacher"].shape == (5, 16)
    assert data["teacher_identity"].tolist() == [teacher.identity().number, 0]
    expected = TeacherCache(tmp_path / "cache").lookup("天气好", "utt1")
    np.testing.assert_array_equal(data["teacher"], expected)
    with pytest.raises(InputError, match="utt9.*cache_teacher"):
        process("utt9", utterance("公园"))


def test_empty_transcript_names_the_utterance(teacher_dir):
    with pytest.raises(InputError, match="utterance utt7 has an empty transcript"):
        preprocessor(teacher=str(teacher_dir))("utt7", utterance(" "))


@pytest.mark.parametrize("conf", [{}, {"teacher": "a", "teacher_cache": "b"}])
def test_one_source_is_wanted(conf):
    with pytest.raises(InputError, match="either teacher.*or teacher_cache"):
        preprocessor(**conf)


def test_white_space_that_espnet_trains_on_as_characters_is_named_once(teacher_dir, caplog):
    process = preprocessor(teacher=str(teacher_dir))
    plain = process("utt1", utterance("今 天"))
    assert not caplog.records
    data = [process(name, utterance("今\u3000天")) for name in ("utt2", "utt3")]
    assert [each["teacher"].tolist() for each in data] == 2 * [plain["teacher"].tolist()]
    (record,) = caplog.records
    assert record.getMessage().startswith("utterance utt2 has white space other than single plain spaces")


def test_rows_say_what_is_text(teacher_dir):
    data = preprocessor(teacher=str(teacher_dir))("utt1", utterance("今天"))
    assert data["teacher_rows"].tolist() == [[0, 1, 0], [1, 2, 1], [2, 3, 1], [3, 4, 0]]


def test_a_reading_is_asked_for_and_told_by_the_number(tmp_path):
    from teacher_families import FAMILIES

    teacher = FAMILIES["Qwen2"].save(tmp_path)
    data = {}
    for context in ("none", "repeat"):
        for pool in ("none", "characters"):
            process = preprocessor(teacher=teacher, teacher_context=context, teacher_pool=pool)
            data[context, pool] = process("u", utterance("今天很"))
            labels = [row.token.label for row in process.labelled_rows("今天很")]
            assert len(labels) == len(data[context, pool]["teacher_rows"])
    assert labels == ["今", "天", "很"]
    assert len({int(each["teacher_identity"][0]) for each in data.values()}) == 4
    assert data["none", "characters"]["teacher_rows"].tolist() == [[0, 1, 1], [0, 1, 1], [1, 4, 1]]
    twice, once = data["repeat", "none"]["teacher"], data["none", "none"]["teacher"]
    assert twice.tolist() == [*once, *twice[len(once) : -len(once)], *once]


@pytest.mark.parametrize("option", [{"teacher_context": "repeat"}, {"teacher_pool": "characters"}])
def test_a_cache_has_its_own_reading(option):
    with pytest.raises(InputError, match="a cache holds those chosen with --context and --pool"):
        preprocessor(teacher_cache="cache", **option)


def test_an_unknown_reading_is_refused():
    with pytest.raises(
        InputError, match="teacher's context 'twice' is not known; choose one of none, repeat"
    ):
        preprocessor(teacher="x", teacher_context="twice")
