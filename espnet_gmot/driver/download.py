"""Fetch the archive of a corpus, as stage 1 of the recipes does; a rerun continues where it stopped."""

import hashlib
import http.client
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_free_space

BLOCK = 1 << 20  # bytes read at a time
TIMEOUT_SECONDS = 60.0
ATTEMPTS = 5  # connections in a row that bring no byte
PAUSE_SECONDS = 5.0  # before the next attempt
BAR = {"unit": "B", "unit_scale": True, "mininterval": 0.5}


@dataclass(frozen=True)
class Archive:
    """An archive of a corpus as published.

    Args:
        name: file name.
        size: bytes.
        md5: checksum, or None where none is published: only the size is then compared.
    """

    name: str
    size: int
    md5: str | None = None


def fetch(archive: Archive, folder: Path, base_url: str) -> Path:
    """Download ``archive`` into ``folder`` unless a file of that name is there.

    The checksum, where one is known, is compared if the server's archive has the published size; another
    size is told. Without a checksum, damage shows when the archive is unpacked.

    Raises:
        InputError: no connection, too little disk space, or a download that is damaged.
    """
    target = folder / archive.name
    if target.exists():
        return target
    url = f"{base_url.rstrip('/')}/{archive.name}"
    partial = target.with_name(target.name + ".partial")
    size = size_on_server(url)
    download(url, partial, size)
    if size == archive.size:
        if archive.md5:
            _check_md5(partial, archive.md5)
    else:
        tqdm.write(
            f"warning: {url} has {size} bytes and the published archive {archive.size}; no checksum is known",
            file=sys.stderr,
        )
    return partial.replace(target)


def download(url: str, partial: Path, size: int) -> None:
    """Append to ``partial`` what it lacks of the ``size`` bytes at ``url``; a lost connection is made again.

    Raises:
        InputError: ``partial`` is too long, too little disk space, or no more bytes come.
    """
    have = _size(partial)
    if have > size:
        raise InputError(f"{partial} has {have} bytes and {url} has {size}; remove it and run again")
    require_free_space(partial.parent, size - have)
    partial.parent.mkdir(parents=True, exist_ok=True)
    failures, reason = 0, "the connection ended early"
    with tqdm(total=size, initial=have, desc=f"download {url.rsplit('/', 1)[-1]}", **BAR) as bar:
        while have < size and failures < ATTEMPTS:
            before = have
            try:
                _receive(url, partial, size, bar)
            except (OSError, http.client.HTTPException) as error:
                reason = str(error)
            have = _size(partial)
            failures = 0 if have > before else failures + 1
            if have < size:
                time.sleep(PAUSE_SECONDS)
    if have != size:
        raise InputError(
            f"{url}: {have} of {size} bytes came ({reason}); they are kept in {partial}: "
            "run the same command again to continue"
        )


def size_on_server(url: str) -> int:
    """Ask for the length of the file at ``url`` in bytes.

    Raises:
        InputError: no connection, no such file, or no length told.
    """
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, method="HEAD"), timeout=TIMEOUT_SECONDS
        ) as response:
            return int(response.headers["Content-Length"])
    except (OSError, http.client.HTTPException, TypeError, ValueError) as error:
        raise InputError(
            f"{url} cannot be downloaded ({error}); check the network, choose a mirror with --url, or "
            "download the archive in another way and let db.sh name its folder"
        ) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _receive(url: str, partial: Path, size: int, bar: tqdm) -> None:
    """Append to ``partial`` what one connection brings of the bytes that it lacks."""
    wanted = f"bytes {_size(partial)}-{size - 1}/{size}"
    request = urllib.request.Request(url, headers={"Range": wanted.split("/")[0].replace(" ", "=")})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response, partial.open("ab") as file:
        if response.status == http.client.OK:  # a server without ranges sends the file from its start
            file.truncate(0)
            bar.reset()
        elif response.headers["Content-Range"] != wanted:
            raise InputError(
                f"{url} sends '{response.headers['Content-Range']}' instead of '{wanted}'; "
                f"the archive has changed: remove {partial} and run again"
            )
        while block := response.read(BLOCK):
            file.write(block)
            bar.update(len(block))


def _check_md5(path: Path, expected: str) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with (
        path.open("rb") as raw,
        tqdm.wrapattr(raw, "read", total=path.stat().st_size, desc=f"MD5 of {path.name}", **BAR) as stream,
    ):
        while block := stream.read(BLOCK):
            digest.update(block)
    if digest.hexdigest() != expected:
        raise InputError(
            f"{path} was damaged on its way (MD5 {digest.hexdigest()} instead of {expected}); "
            "remove it and run again"
        )
