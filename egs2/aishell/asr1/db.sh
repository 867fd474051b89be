# shellcheck shell=bash
# AISHELL-1: a copy, packed or unpacked, or a folder to download it to (openslr.org/33).
export AISHELL=downloads
