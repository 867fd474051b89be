"""Benchmarks: each module with a command line writes one page of this directory."""
