"""Names that some program on the way would read as something else: refused before the first stage.

Blanks, quotes and all scripts are no such names: commands are started word by word, without a shell.
"""

import unicodedata
from collections.abc import Iterator

from espnet_gmot.driver.espnet_words import triple
from espnet_gmot.driver.names import Names
from espnet_gmot.driver.option_kinds import KINDS
from espnet_gmot.driver.options import Options
from espnet_gmot.errors import InputError, refuse

OF_SHELLS = frozenset("$`\\'\"&;<>()*?[{|")  # what Kaldi's launchers, which use one, hand over changed
LAUNCHERS = ("train_cmd", "cuda_cmd", "decode_cmd")


def require_plain_names(options: Options) -> None:
    """Refuse names of directories, files and sets that would not arrive as they are.

    Args:
        options: of asr.sh.

    Raises:
        InputError: names the options, and why.
    """
    foreign = next((text for text in _launchers(options) if "run_jobs" not in text), None)
    faults = [
        f"--{name} {value!r} {reason}; choose another name"
        for name, value in _names(options)
        if (reason := _odd(value) or (foreign and _changed_by_shell(value, foreign)))
    ]
    faults += [
        f"--{name} has a line break or another control character; write it in one line"
        for name, kind in KINDS.items()
        if kind.what == "arguments" and _has_control(getattr(options, name))
    ]
    refuse(faults or list(_commas(Names(options), options.use_lm)))


def _launchers(options: Options) -> list[str]:
    return [text for name in LAUNCHERS if (text := getattr(options, name))]


def _names(options: Options) -> Iterator[tuple[str, str]]:
    for name, kind in KINDS.items():
        if kind.what not in ("value", "arguments", "files"):  # the last are read here, not by others
            yield from ((name, value) for value in kind.values(getattr(options, name)))


def _odd(name: str) -> str | None:
    """Say why a name does not arrive as it is, or None."""
    if _has_control(name):
        return "has a line break or another control character"
    if any(unicodedata.category(character) == "Cs" for character in name):
        return "has bytes that are no UTF-8"
    if name != name.strip():
        return "begins or ends with a blank, which tables of Kaldi lose"
    if name.startswith("-"):
        return "begins with a dash, as options do"
    if name.startswith("~/"):
        return "begins with ~/, which a shell turns into your home only where it stands without quotes"
    if name.startswith("|"):
        return "begins with |, as commands do in wav.scp"
    if "JOB" in name:
        return "has JOB in it, which stands for the number of a job"
    return None


def _has_control(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)


def _changed_by_shell(name: str, launcher: str) -> str | None:
    found = sorted(OF_SHELLS & set(name))
    return f"has {' '.join(found)}, which the shell behind {launcher.split()[0]} changes" if found else None


def _commas(names: Names, use_lm: bool) -> Iterator[str]:
    tables = [names.train, names.valid, *(names.data_feats / dset for dset in names.test_sets)]
    if use_lm:
        tables += [names.lm_text, names.lm_dev_text, names.lm_test_text]
    for table in tables:
        try:
            triple(table, "text", "text")
        except InputError as error:
            yield str(error)
