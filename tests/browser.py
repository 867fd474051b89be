"""A headless Chromium, driven through chromedriver's own protocol (WebDriver over HTTP)."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1300,1000",
]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id in the protocol
PATIENCE = 60  # seconds


def is_here():
    """Whether this machine has Chromium and its driver."""
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


class Browser:
    """A session of the driver at ``url``."""

    def __init__(self, url, capabilities):
        self._url = url
        self._url += "/session/" + self._post("/session", {"capabilities": capabilities})["sessionId"]

    def _post(self, path, content=None):
        return self._ask(path, json.dumps(content or {}).encode())

    def _ask(self, path, content=None, method=None):
        header = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, content, header, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)["value"]

    def open(self, url):
        """Show a page."""
        self._post("/url", {"url": url})

    def run(self, script):
        """Run JavaScript and give what it returns."""
        return self._post("/execute/sync", {"script": script, "args": []})

    def wait_for(self, script):
        """Wait until JavaScript returns something that is true, and give it."""
        end = time.monotonic() + PATIENCE
        while not (found := self.run(script)):
            assert time.monotonic() < end, f"never true: {script}; the page: {self.text()}"
            time.sleep(0.2)
        return found

    def _element(self, selector):
        return self._post("/element", {"using": "css selector", "value": selector})[ELEMENT]

    def type(self, selector, text):
        """Type into an element; into one for files, the path of a file."""
        self._post(f"/element/{self._element(selector)}/value", {"text": text})

    def click(self, selector):
        """Click on an element."""
        self._post(f"/element/{self._element(selector)}/click")

    def text(self):
        """All text that the page shows."""
        return self.run("return document.body.innerText")

    def requests(self):
        """The addresses that the page has asked for."""
        entries = (json.loads(entry["message"]) for entry in self._post("/se/log", {"type": "performance"}))
        messages = (entry["message"] for entry in entries)
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def close(self):
        """End Chromium."""
        self._ask("", method="DELETE")

    def screenshot(self, path):
        """Write what is seen as a PNG."""
        path.write_bytes(base64.b64decode(self._ask("/screenshot")))


@contextmanager
def browser(profile, port):
    """A browser with an empty profile; the driver listens on ``port``."""
    driver = subprocess.Popen(
        [shutil.which("chromedriver"), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for_server(f"{url}/status", driver)
        options = {"binary": shutil.which("chromium"), "args": [*ARGUMENTS, f"--user-data-dir={profile}"]}
        capabilities = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL"}}
        found = Browser(url, {"alwaysMatch": capabilities})
        try:
            yield found
        finally:
            found.close()
    finally:
        driver.terminate()
        driver.wait(PATIENCE)


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_for_server(url, process):
    """Wait until a process that was started answers."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(url, timeout=PATIENCE)
            return
        except OSError:
            assert process.poll() is None, f"ended with {process.returncode}"
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.2)
