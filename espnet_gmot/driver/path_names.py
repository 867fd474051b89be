"""Options that name a directory below data/, dump/ or exp/ must not lead out of it."""

from pathlib import PurePosixPath

from espnet_gmot.driver.option_kinds import KINDS
from espnet_gmot.driver.options import Options
from espnet_gmot.errors import InputError
from espnet_gmot.files import LONGEST_NAME

NAMES = tuple(name for name, kind in KINDS.items() if kind.what in ("part", "parts"))


def check_path_names(options: Options) -> None:
    """Raise an InputError if a set's name, a tag or the language is absolute, holds ``..`` or is too long."""
    for option in NAMES:
        for name in KINDS[option].values(getattr(options, option)):
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts:
                raise InputError(
                    f"--{option} {name} leads out of its directory; give a name without / and .."
                )
            if any(len(part.encode()) > LONGEST_NAME for part in path.parts):
                raise InputError(
                    f"--{option} {name} is longer than {LONGEST_NAME} bytes; give a shorter name"
                )
