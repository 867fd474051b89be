from hypothesis import given
from hypothesis import strategies as st

from espnet_gmot.decoding.batches import LONG, cut_batches

LENGTHS = st.lists(st.integers(0, 3 * LONG), max_size=40)


@given(LENGTHS, st.integers(1, 8), st.booleans())
def test_each_utterance_is_in_one_batch_that_is_not_too_large(lengths, batch_size, equal):
    batches = cut_batches(lengths, batch_size, equal)
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        within = [lengths[place] for place in batch]
        assert len(batch) == 1 or len(batch) * max(within) <= batch_size * LONG
        assert len(batch) <= batch_size
        assert not equal or len(set(within)) == 1


@given(LENGTHS, st.integers(1, 8))
def test_no_shorter_utterance_lies_between_those_of_a_batch(lengths, batch_size):
    order = [lengths[place] for batch in cut_batches(lengths, batch_size, equal=False) for place in batch]
    assert order == sorted(lengths, reverse=True)


def test_short_utterances_fill_their_batches():
    assert [len(batch) for batch in cut_batches([100] * 10, batch_size=4, equal=True)] == [4, 4, 2]
