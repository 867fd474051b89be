"""Which utterances are decoded together."""

from collections.abc import Sequence

# A batch is never larger than batch_size utterances of so many feature frames (16 s at 8 ms): longer ones,
# whose attention grows with the square of their length, come in smaller batches. The project's own value.
LONG = 2000


def cut_batches(lengths: Sequence[int], batch_size: int, equal: bool) -> list[list[int]]:
    """Group utterances of similar length.

    Args:
        lengths: feature frames of each.
        batch_size: most utterances in a batch.
        equal: whether a batch may hold utterances of one length only.

    Returns:
        Batches of places in ``lengths``, the longest utterances first.

    Example:
        >>> cut_batches([50, 90, 50, 80], batch_size=2, equal=False)
        [[1, 3], [0, 2]]
        >>> cut_batches([50, 90, 50, 80], batch_size=2, equal=True)
        [[1], [3], [0, 2]]
    """
    batches: list[list[int]] = []
    longest = 0
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        fits = (
            batches
            and len(batches[-1]) < batch_size
            and (len(batches[-1]) + 1) * longest <= batch_size * LONG
            and (not equal or lengths[place] == longest)
        )
        if not fits:
            batches.append([])
            longest = lengths[place]
        batches[-1].append(place)
    return batches
