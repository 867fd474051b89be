"""The demo page: speech in, its transcript out, and the coupling of a text that is typed in beside it."""
