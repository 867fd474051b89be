"""When characters are spoken by CTC's account: known paths, tokens of each kind, models."""

import itertools

import numpy as np
import pytest
import torch
from small_corpus import TRANSCRIPTS
from test_couplings import recipe  # noqa: F401

from espnet_gmot.errors import InputError
from espnet_gmot.trained.couplings import SpokenText
from espnet_gmot.trained.ctc_spans import character_spans, ctc_spans, label_spans

TIMES = np.arange(12) * 0.1 + 0.05


def posteriors(path, classes=4):
    return torch.nn.functional.one_hot(torch.tensor(path), classes).mul(8.0).log_softmax(1)


def test_labels_meet_half_way_between_their_peaks():
    spans = label_spans(posteriors([0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0]), torch.tensor([1, 2, 3]), TIMES, 0)
    middle = (TIMES[1] + TIMES[3]) / 2, (TIMES[3] + TIMES[7]) / 2
    np.testing.assert_allclose(spans[:, 0], [TIMES[1] - 0.3, *middle])  # the median distance is 0.3 s
    np.testing.assert_allclose(spans[:, 1], [*middle, TIMES[7] + 0.3])


def test_a_pause_belongs_to_no_label():
    path = [1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    spans = label_spans(posteriors(path), torch.tensor([1, 2, 3, 1]), TIMES, 0)
    np.testing.assert_allclose(spans[2, 1], TIMES[2] + 0.1)
    np.testing.assert_allclose(spans[3], [TIMES[11] - 0.1, TIMES[11] + 0.1])


def test_equal_neighbours_and_long_labels_are_told_apart():
    spans = label_spans(posteriors([1, 1, 1, 0, 1, 2, 2]), torch.tensor([1, 1, 2]), TIMES[:7], 0)
    peaks = np.array([TIMES[1], TIMES[4], (TIMES[5] + TIMES[6]) / 2])
    np.testing.assert_allclose(spans[1], [(peaks[0] + peaks[1]) / 2, (peaks[1] + peaks[2]) / 2])


def test_a_label_alone_lasts_all_the_time():
    ((start, end),) = label_spans(posteriors([0, 0, 1, 0]), torch.tensor([1]), TIMES[:4], 0)
    assert ((TIMES[:4] >= start) & (TIMES[:4] < end)).all()


def test_the_path_is_the_best_of_all():
    """Against every path of so few frames."""
    log_probs = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)).log_softmax(1)
    scores = {
        path: sum(log_probs[frame, label].item() for frame, label in enumerate(path))
        for path in itertools.product(range(3), repeat=6)
        if [label for label, _ in itertools.groupby(path) if label] == [1, 2]
    }
    best = max(scores, key=scores.__getitem__)
    peaks = [np.mean([TIMES[i] for i, label in enumerate(best) if label == which]) for which in (1, 2)]
    spans = label_spans(log_probs, torch.tensor([1, 2]), TIMES[:6], 0)
    assert spans[0, 1] == pytest.approx(np.mean(peaks)) == pytest.approx(spans[1, 0])


SPANS = np.array([(0.0, 0.2), (0.2, 0.3), (0.3, 0.9)])


@pytest.mark.parametrize(
    ("text", "tokens", "expected"),
    [
        ("a b", ["a", "<space>", "b"], [(0.0, 0.2), (0.3, 0.9)]),
        (
            "ab cde",
            ["\u2581a", "b", "\u2581cde"],
            [(0.0, 0.2), (0.2, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9)],
        ),
        ("A B", ["a", "<space>", "b"], [(0.0, 0.2), (0.3, 0.9)]),  # a cleaner's lower case
    ],
)
def test_each_character_gets_its_share_and_spaces_none(text, tokens, expected):
    found = character_spans(tokens, SPANS, SpokenText("u1", text, np.zeros(1), 16000))
    np.testing.assert_allclose(found, expected)


def test_tokens_that_are_not_the_transcript_are_refused():
    spoken = SpokenText("u1", "a b", np.zeros(1), 16000)
    with pytest.raises(
        InputError, match="utterance u1: the model's tokens read 'abc', .* its transcript, 'a b'"
    ):
        character_spans(["a", "b", "c"], SPANS, spoken)


def test_a_model_tells_times_in_order_and_none_of_what_is_too_short(recipe):  # noqa: F811
    from espnet_gmot.trained.couplings import read_spoken

    spans = ctc_spans(recipe / "ctc", "model.pth")
    for spoken, text in zip(read_spoken(recipe / "data"), TRANSCRIPTS, strict=True):
        found = np.array(spans(spoken))
        assert len(found) == len(text)
        assert (found[:, 0] < found[:, 1]).all() and (found[1:, 0] >= found[:-1, 1] - 1e-9).all()
        assert found[0, 0] < len(spoken.samples) / spoken.rate and found[-1, 1] > 0
    short = spoken._replace(samples=spoken.samples[:2000])
    assert spans(short) is None
