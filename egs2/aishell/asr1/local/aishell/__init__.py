"""AISHELL-1: download, unpacking and Kaldi data directories."""
