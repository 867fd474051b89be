# shellcheck shell=bash
# speechocean762: a copy, packed or unpacked, or a folder to download it to (openslr.org/101).
export SPEECHOCEAN762=downloads
