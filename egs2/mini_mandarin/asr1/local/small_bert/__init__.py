"""A small BERT, trained on the text of this corpus that no one speaks."""
