import pytest
import torch

from espnet_gmot.errors import InputError


def arguments(*options):
    from espnet_gmot.bin.asr_ctc_greedy import get_parser

    required = ["--asr_train_config", "/none/config.yaml", "--asr_model_file", "/none/model.pth"]
    required += ["--output_dir", "/none/out", "--data_path_and_name_and_type", "wav.scp,speech,sound"]
    return get_parser().parse_args([*required, *options])


@pytest.mark.parametrize(
    ("path", "length", "expected"),
    [
        ([0, 1, 1, 0, 1, 2, 2, 0], 8, [1, 1, 2]),
        ([1, 2, 0, 0, 2, 2, 2, 2], 4, [1, 2]),  # nothing behind the utterance's length counts
        ([0, 0, 0, 0], 4, []),
        ([2], 1, [2]),
    ],
)
def test_best_path_collapses_repeats_and_drops_blanks(path, length, expected):
    from espnet_gmot.bin.asr_ctc_greedy import best_path

    log_probs = torch.full((1, len(path), 3), -5.0)
    log_probs[0, range(len(path)), path] = -0.1
    [(tokens, score)] = best_path(log_probs, torch.tensor([length]), blank_id=0)
    assert tokens == expected
    assert score == pytest.approx(-0.1 * length)


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
