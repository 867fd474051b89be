"""Kaldi tables and data directories, their audio, and the times of their characters."""
