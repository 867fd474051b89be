#!/usr/bin/env bash
# Write the locks of tools/locks, every package pinned: for each Python the newest versions that pip finds for the
# project with its extras, and for 3.11 the oldest as well that setup.py admits. Nothing is installed: the tests say
# whether the versions work (CONTRIBUTING.md).
set -euo pipefail

scratch=$(mktemp -d)
trap 'rm -rf "${scratch}"' EXIT

# lock NAME PYTHON REQUIREMENT...: write tools/locks/NAME.txt
lock() {
    local name=$1 python
    python=$(tools/find_python.sh "$2")
    shift 2
    echo "resolving ${name}: some minutes, for what pip downloads"
    "${python}" -m venv "${scratch}/${name}"
    "${scratch}/${name}/bin/python" -m pip install --quiet --dry-run --ignore-installed \
        --report "${scratch}/${name}.json" "$@"
    "${python}" tools/write_lock.py "${scratch}/${name}.json" "tools/locks/${name}.txt"
}

# floors: the lower bounds of setup.py as exact versions
floors() { sed -n 's/^    "\([A-Za-z]*\)>=\([0-9.]*\)".*/\1==\2/p' setup.py; }

lock python3.11 python3.11 ".[test,bench,docs]"
lock python3.12 python3.12 ".[test,bench,docs]"
lock python3.13 python3.13 ".[test,bench,docs]"
mapfile -t oldest < <(floors)
lock python3.11-oldest python3.11 ".[test]" "${oldest[@]}" "$(floors | sed -n 's/^torch==/torchaudio==/p')"
