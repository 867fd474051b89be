"""Downloads from a server of our own that knows ranges and can break connections."""

import hashlib
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from espnet_gmot.driver import download
from espnet_gmot.driver.download import Archive, fetch
from espnet_gmot.errors import InputError

CONTENT = bytes(range(256)) * 40


def archive_of(content: bytes) -> Archive:
    return Archive("some.tgz", len(content), hashlib.md5(content).hexdigest())


class Server(ThreadingHTTPServer):
    """Serves ``content`` as /some.tgz; ``cuts`` says after how many bytes each connection breaks."""

    content, cuts, knows_ranges = CONTENT, (), True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/some.tgz" else 404)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()

    def do_GET(self) -> None:
        content, start = self.server.content, 0
        self.server.asked.append(self.headers["Range"])
        if self.server.knows_ranges:
            start, end = map(int, re.findall(r"\d+", self.headers["Range"]))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        cut, *self.server.cuts = self.server.cuts or [len(content)]
        self.wfile.write(content[start : start + cut])

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    with Server() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_whole_archive_comes_and_is_checked(server: Server, tmp_path: Path) -> None:
    path = fetch(archive_of(CONTENT), tmp_path, server.url + "/")
    assert path.read_bytes() == CONTENT
    assert [file.name for file in tmp_path.iterdir()] == ["some.tgz"]


def test_archive_that_is_there_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "some.tgz").write_bytes(b"the user's own")
    assert fetch(archive_of(CONTENT), tmp_path, "http://127.0.0.1:9").read_bytes() == b"the user's own"


def test_broken_connections_are_continued_by_range(server: Server, tmp_path: Path) -> None:
    server.cuts = [1000, 5000]
    assert fetch(archive_of(CONTENT), tmp_path, server.url).read_bytes() == CONTENT
    assert server.asked == [f"bytes={start}-10239" for start in (0, 1000, 6000)]


def test_next_run_continues_what_an_interrupted_one_left(server: Server, tmp_path: Path) -> None:
    server.cuts = [4000, *[0] * download.ATTEMPTS]
    with pytest.raises(InputError, match=r"4000 of 10240 bytes came .* kept in .*some.tgz.partial: run the"):
        fetch(archive_of(CONTENT), tmp_path, server.url)
    server.asked.clear()
    assert fetch(archive_of(CONTENT), tmp_path, server.url).read_bytes() == CONTENT
    assert server.asked == ["bytes=4000-10239"]


def test_download_killed_after_its_last_byte_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "some.tgz.partial").write_bytes(CONTENT)
    assert fetch(archive_of(CONTENT), tmp_path, server.url).read_bytes() == CONTENT
    assert server.asked == []


def test_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.knows_ranges = False
    (tmp_path / "some.tgz.partial").write_bytes(b"x" * 3000)
    assert fetch(archive_of(CONTENT), tmp_path, server.url).read_bytes() == CONTENT


def test_damage_on_the_way_is_refused(server: Server, tmp_path: Path) -> None:
    server.content = CONTENT[:-1] + b"?"
    with pytest.raises(
        InputError, match=r"some.tgz.partial was damaged on its way \(MD5 .*; remove it and run"
    ):
        fetch(archive_of(CONTENT), tmp_path, server.url)
    assert not (tmp_path / "some.tgz").exists()


def test_without_a_published_checksum_the_size_alone_is_compared(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    server.content = CONTENT[:-1] + b"?"
    assert fetch(Archive("some.tgz", len(CONTENT)), tmp_path, server.url).read_bytes() == server.content
    assert "warning" not in capsys.readouterr().err


def test_archive_of_unpublished_size_is_taken_with_a_warning(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    server.content = CONTENT + b"more"
    assert fetch(archive_of(CONTENT), tmp_path, server.url).read_bytes() == CONTENT + b"more"
    assert "has 10244 bytes and the published archive 10240; no checksum is known" in capsys.readouterr().err


def test_partial_file_longer_than_the_archive_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "some.tgz.partial").write_bytes(CONTENT + b"?")
    with pytest.raises(
        InputError, match=r"partial has 10241 bytes and .* has 10240; remove it and run again"
    ):
        fetch(archive_of(CONTENT), tmp_path, server.url)


def test_archive_that_changes_between_two_connections_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="instead of 'bytes 0-99/100'; the archive has changed: remove"):
        download.download(f"{server.url}/some.tgz", tmp_path / "some.tgz.partial", 100)


@pytest.mark.parametrize(("name", "message"), [("none.tgz", "404"), ("some.tgz", "refused")])
def test_unreachable_archive_is_refused(server: Server, tmp_path: Path, name: str, message: str) -> None:
    url = server.url if message == "404" else "http://127.0.0.1:9"
    with pytest.raises(
        InputError, match=rf"{name} cannot be downloaded \(.*{message}.*\); check the network"
    ):
        fetch(Archive(name, 1, ""), tmp_path, url)
    assert not any(tmp_path.iterdir())
