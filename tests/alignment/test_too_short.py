"""Utterances with too few frames: refused without any, told once where CTC cannot place their labels."""

import pytest
import torch

from espnet_gmot.alignment.too_short import CTCLimit, require_frames
from espnet_gmot.errors import InputError

LABELS = torch.tensor([[2, 3, -1], [2, 2, -1], [2, 3, 4]])
LENGTHS = torch.tensor([2, 2, 3])


def test_frames_are_compared_with_labels_and_blanks_between_equal_ones():
    limit = CTCLimit()
    assert limit.alignable(torch.tensor([2, 2, 3]), LABELS, LENGTHS).tolist() == [True, False, True]
    assert limit.alignable(torch.tensor([1, 3, 2]), LABELS, LENGTHS).tolist() == [False, True, False]


def test_the_share_is_of_each_batch_and_the_first_such_batch_is_named(caplog):
    limit = CTCLimit()
    batches = [[True, True, True], [True, False, False], [False, True, True]]
    shares = [float(limit.share_impossible(torch.tensor(batch), ["a", "b", "c"])) for batch in batches]
    assert shares == pytest.approx([0, 2 / 3, 1 / 3])
    (warning,) = caplog.messages
    assert "needs for the labels: utterance b, c. Neither CTC nor" in warning


def test_without_ids_the_place_in_the_batch_is_named(caplog):
    CTCLimit().share_impossible(torch.tensor([True, False]), None)
    assert "utterance number 1 of the batch" in caplog.text
    with pytest.raises(InputError, match="utterance number 0 of the batch; raise --min_wav_duration"):
        require_frames(torch.tensor([0, 3]), None)
    require_frames(torch.tensor([1, 3]), None)
