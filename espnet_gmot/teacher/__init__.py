"""The teacher: a frozen text encoder, its embedding cache, its principal axes, a small BERT of one's own."""
