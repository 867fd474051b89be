import pytest
import torch
from torch import nn

from espnet_gmot.decoding import best_path
from espnet_gmot.decoding.best_path import best_paths, collapse, most_likely


@pytest.mark.parametrize(
    ("path", "ids", "starts", "ends"),
    [
        ([0, 1, 1, 0, 1, 2, 2, 0], [1, 1, 2], [1, 4, 5], [3, 5, 7]),
        ([1, 2], [1, 2], [0, 1], [1, 2]),
        ([0, 0, 0, 0], [], [], []),
        ([2], [2], [0], [1]),
    ],
)
def test_repeats_collapse_and_blanks_drop(path, ids, starts, ends):
    found = collapse(torch.tensor(path), torch.full((len(path),), -0.1), blank_id=0)
    assert (found.ids, found.starts, found.ends) == (ids, starts, ends)
    assert found.score == pytest.approx(-0.1 * len(path))


def test_confidence_is_the_mean_posterior_of_the_token():
    posteriors = torch.tensor([0.9, 0.4, 0.8, 0.7, 0.5])
    found = collapse(torch.tensor([0, 1, 1, 0, 2]), posteriors.log(), blank_id=0)
    assert found.confidences == pytest.approx([0.6, 0.5])


def test_posteriors_are_those_of_the_softmax(monkeypatch):
    monkeypatch.setattr(best_path, "FRAMES_AT_ONCE", 3)
    torch.manual_seed(0)
    hidden, output = 5 * torch.randn(10, 4), nn.Linear(4, 7)
    with torch.no_grad():
        expected, symbols = output(hidden).log_softmax(-1).max(-1)
    found = most_likely(hidden, output)
    assert torch.equal(found[0], symbols)
    assert torch.allclose(found[1], expected, atol=1e-6)


def test_utterances_are_told_apart():
    output = nn.Linear(3, 3)
    nn.init.eye_(output.weight)
    nn.init.zeros_(output.bias)
    hidden = torch.eye(3)[[1, 1, 1, 2, 0]]
    found = best_paths(hidden, [2, 0, 3], output, blank_id=0)
    assert [each.ids for each in found] == [[1], [], [1, 2]]
    assert found[1].score == 0.0
    assert found[0].score == pytest.approx(2 * hidden[0].log_softmax(-1)[1].item())


def test_no_frame_at_all():
    assert [each.ids for each in best_paths(torch.empty(0), [0, 0], nn.Linear(4, 3), blank_id=0)] == [[], []]
