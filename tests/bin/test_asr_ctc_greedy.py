import pytest

from espnet_gmot.errors import InputError


def arguments(*options):
    from espnet_gmot.bin.asr_ctc_greedy import get_parser

    required = ["--asr_train_config", "/none/config.yaml", "--asr_model_file", "/none/model.pth"]
    required += ["--output_dir", "/none/out", "--data_path_and_name_and_type", "wav.scp,speech,sound"]
    return get_parser().parse_args([*required, *options])


@pytest.mark.parametrize("option", [["--beam_size", "10"], ["--ctc_weight", "0.3"], ["--lm_weight", "0.5"]])
def test_a_search_that_is_not_greedy_is_refused(option):
    from espnet_gmot.bin.asr_ctc_greedy import decode

    with pytest.raises(InputError, match=f"{option[0]} is {option[1]}, but greedy decoding is"):
        decode(arguments(*option))


def test_missing_model_names_the_stage_that_makes_it():
    from espnet_gmot.bin.asr_ctc_greedy import decode

    with pytest.raises(
        InputError, match=r"/none/config.yaml does not exist; train the model first \(stage 11\)"
    ):
        decode(arguments())


def test_options_reach_the_decoding(monkeypatch, tmp_path, capsys):
    from espnet_gmot.bin import asr_ctc_greedy

    given = {}
    monkeypatch.setattr(asr_ctc_greedy, "decode_data", lambda **options: given.update(options) or tmp_path)
    asr_ctc_greedy.decode(arguments("--batch_size", "8", "--timestamps", "true", "--key_file", "keys"))
    assert given == {
        "asr_train_config": "/none/config.yaml",
        "asr_model_file": "/none/model.pth",
        "data_path_and_name_and_type": [("wav.scp", "speech", "sound")],
        "output_dir": "/none/out",
        "key_file": "keys",
        "batch_size": 8,
        "num_workers": 1,
        "ngpu": 0,
        "timestamps": True,
    }
    assert capsys.readouterr().out == f"hypotheses: {tmp_path}/text\n"
