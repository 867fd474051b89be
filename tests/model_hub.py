"""A stand-in for the model hub, as far as ESPnet3 uploads to it."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class ModelHub(ThreadingHTTPServer):
    """It takes every file in the commit itself; ``repositories`` has name → path → content."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repositories: dict[str, dict[str, bytes]] = {}


class Answer(BaseHTTPRequestHandler):
    """What the hub answers to each request of ``create_repo`` and ``upload_folder``."""

    server: ModelHub

    def do_POST(self) -> None:  # noqa: N802
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        words = self.path.split("?")[0].strip("/").split("/")
        if words == ["api", "repos", "create"]:
            asked = json.loads(sent)
            name = f"{asked['organization']}/{asked['name']}"
            self.server.repositories[name] = {}
            self._answer({"url": f"{self.server.url}/{name}"})
        elif words == ["api", "validate-yaml"]:
            self._answer({"errors": [], "warnings": []})
        elif words[-2] == "preupload":
            files = json.loads(sent)["files"]
            self._answer(
                {"files": [each | {"uploadMode": "regular", "shouldIgnore": False} for each in files]}
            )
        elif words[-2] == "commit":
            name = "/".join(words[2:4])
            self._commit(name, sent)
            self._answer({"commitOid": "0" * 40, "commitUrl": f"{self.server.url}/{name}/commit/{'0' * 40}"})
        else:
            self.send_error(404)

    def _commit(self, name: str, sent: bytes) -> None:
        for line in map(json.loads, sent.splitlines()):
            if line["key"] == "file":
                content = base64.b64decode(line["value"]["content"])
                self.server.repositories[name][line["value"]["path"]] = content

    def _answer(self, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def model_hub() -> Iterator[ModelHub]:
    """Run a hub as long as the block lasts."""
    with ModelHub() as hub:
        Thread(target=hub.serve_forever, args=(0.01,), daemon=True).start()
        yield hub
        hub.shutdown()
