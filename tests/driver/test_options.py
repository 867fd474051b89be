"""The options of asr.sh on their way to Python."""

import pytest

from espnet_gmot.driver.options import Options
from espnet_gmot.errors import InputError

COMMANDS = dict.fromkeys(("train_cmd", "cuda_cmd", "decode_cmd"), "run.pl")


@pytest.fixture
def given(asr_sh_options):
    return asr_sh_options | COMMANDS


def parse(given):
    return Options.parse([word for name, value in given.items() for word in (f"--{name}", value)])


def test_python_knows_the_options_of_asr_sh_and_the_commands_of_cmd_sh(given):
    assert list(Options.__annotations__) == list(given)


def test_values_have_their_kinds(given):
    options = parse(given | {"asr_args": "--max_epoch 3", "use_lm": "true"})
    assert (options.stage, options.stop_stage) == (1, 14)
    assert options.min_wav_duration == 0.1
    assert (options.use_lm, options.skip_train) == (True, False)
    assert options.asr_args == "--max_epoch 3"
    assert options.audio_format == "wav"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("stage", "one", "--stage is a whole number, not 'one'"),
        ("ngpu", "-1", "--ngpu is a whole number, not '-1'"),
        ("max_wav_duration", "long", "--max_wav_duration is a number, not 'long'"),
        ("skip_train", "maybe", "--skip_train is true or false, not 'maybe'"),
        ("token_type", "phn", "--token_type is one of: char word bpe hugging_face; not 'phn'"),
        ("audio_format", "mp3", "--audio_format is one of: wav flac flac.ark; not 'mp3'"),
        ("feats_type", "fbank", "--feats_type is one of: raw; not 'fbank'"),
        ("bpemode", "char", "--bpemode is one of: unigram bpe; not 'char'"),
        ("feats_normalize", "utt", "--feats_normalize is one of: global_mvn none; not 'utt'"),
    ],
)
def test_a_value_of_another_kind_is_refused(given, name, value, message):
    with pytest.raises(InputError) as refusal:
        parse(given | {name: value})
    assert str(refusal.value) == message


def test_a_missing_and_an_unknown_option_are_named(given):
    del given["lang"]
    with pytest.raises(InputError, match="missing or unknown: --foo, --lang; "):
        parse(given | {"foo": "1"})
