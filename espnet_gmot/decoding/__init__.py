"""Batched best-path CTC decoding whose hypotheses are those of one utterance at a time."""
