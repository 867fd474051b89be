"""What CTC can align: PyTorch's own loss is infinite exactly where we say so."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from espnet_gmot.data.ctc_condition import frames_needed


@given(st.lists(st.integers(1, 3), max_size=8), st.integers(1, 17), st.integers(0, 4))
def test_the_loss_is_infinite_exactly_below_the_frames_needed(labels, frames, padding):
    log_probs = torch.zeros(frames, 1, 4).log_softmax(-1)
    target = torch.tensor([labels + [-1] * padding], dtype=torch.long)
    lengths = torch.tensor([len(labels)])
    loss = torch.nn.functional.ctc_loss(
        log_probs, target[:, : len(labels)], torch.tensor([frames]), lengths, reduction="none"
    )
    assert bool(torch.isinf(loss)) == (frames < int(frames_needed(target, lengths)))


def test_padding_and_neighbours_in_a_batch_count_for_nothing():
    labels = torch.tensor([[5, 5, 5, 5], [5, 6, 5, 6], [5, 5, -1, -1], [7, -1, -1, -1]])
    assert frames_needed(labels, torch.tensor([4, 4, 2, 1])).tolist() == [7, 4, 3, 1]
    padded_with_a_label = torch.tensor([[5, 6, 6, 6]])
    assert frames_needed(padded_with_a_label, torch.tensor([2])).tolist() == [2]
