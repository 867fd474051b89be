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
    assert data["teacher_identity"].tolist() == [tokenizer_number(load_tokenizer(str(teacher_dir)))]
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
    assert data["teacher_identity"].tolist() == [teacher.identity().number]
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
