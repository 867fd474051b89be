"""A GM-OT model as after training, whose teacher is on this machine, and something to upload."""

import numpy as np
import pytest
import soundfile
from small_corpus import RATE, TRANSCRIPTS
from small_training import save_model


@pytest.fixture(scope="session")
def gmot_experiment(tmp_path_factory, teacher_dir):
    """A GM-OT model trained with its teacher."""
    teacher = {"teacher": str(teacher_dir)}
    return save_model(
        tmp_path_factory.mktemp("exp") / "asr_gmot", model_conf={"ctc_weight": 1.0} | teacher,
        preprocessor="gmot", preprocessor_conf=teacher,
    )  # fmt: skip


@pytest.fixture(scope="session")
def cached_experiment(tmp_path_factory, teacher_dir):
    """The same model trained with a cache that holds one of the transcripts."""
    from espnet_gmot.teacher.build_cache import build_cache
    from espnet_gmot.teacher.frozen import FrozenTeacher
    from espnet_gmot.teacher.tokenizer import load_tokenizer

    directory = tmp_path_factory.mktemp("exp")
    tokenizer, teacher = load_tokenizer(str(teacher_dir)), FrozenTeacher.load(str(teacher_dir))
    build_cache([("u0", TRANSCRIPTS[0])], teacher, tokenizer, directory / "cache", dtype="float32")
    return save_model(
        directory / "asr_cached", model_conf={"ctc_weight": 1.0}, preprocessor="gmot",
        preprocessor_conf={"teacher_cache": str(directory / "cache")},
    )  # fmt: skip


@pytest.fixture(scope="session")
def ctc_experiment(tmp_path_factory):
    """A model trained without GM-OT."""
    directory = tmp_path_factory.mktemp("exp") / "asr_ctc"
    return save_model(directory, model_conf={"ctc_weight": 1.0}, model="espnet")


@pytest.fixture(scope="session")
def load():
    """Load an experiment as the page does."""
    from espnet_gmot.demo_page.recogniser import Recogniser

    def load(directory):
        return Recogniser.from_experiment(directory, "model.pth")

    return load


@pytest.fixture(scope="session")
def noise():
    """Noise (n,) of a second and a half, float32."""
    return np.random.default_rng(0).normal(0, 0.1, RATE * 3 // 2).astype(np.float32)


@pytest.fixture(scope="session")
def wav(tmp_path_factory, noise):
    """The noise as a WAV."""
    path = tmp_path_factory.mktemp("uploads") / "noise.wav"
    soundfile.write(path, noise, RATE, subtype="PCM_16")
    return path


@pytest.fixture(scope="session")
def no_audio(tmp_path_factory):
    """A text file that calls itself a WAV."""
    path = tmp_path_factory.mktemp("uploads") / "notes.wav"
    path.write_text("This is no audio.\n" * 20)
    return path
