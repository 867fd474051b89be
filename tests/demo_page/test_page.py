"""The page in a browser, from the command on; skipped where there is no browser or no gradio."""

import os
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from urllib.parse import urlsplit

import pytest
from browser import browser, free_port, is_here, wait_for_server
from small_corpus import TRANSCRIPTS

from espnet_gmot.errors import InputError

needs_gradio = pytest.mark.skipif(find_spec("gradio") is None, reason="gradio is not installed")
needs_browser = pytest.mark.skipif(not is_here(), reason="there is no chromium with chromedriver")
VALUE = "return document.querySelector('#{} textarea')?.value"


@pytest.fixture(scope="module")
def served(gmot_experiment, tmp_path_factory):
    """The address of the page that the command shows."""
    port = free_port()
    command = [sys.executable, "-m", "espnet_gmot.bin.demo_page", "--experiment", str(gmot_experiment)]
    command += ["--inference_asr_model", "model.pth", "--port", str(port)]
    log = tmp_path_factory.mktemp("served") / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env=os.environ)
    try:
        wait_for_server(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.fixture(scope="module")
def opened(served, tmp_path_factory):
    """A browser that shows the page."""
    with browser(tmp_path_factory.mktemp("profile"), free_port()) as found:
        found.open(served)
        found.wait_for("return document.querySelector('#transcribe')")
        yield found


def upload(opened, served, path):
    """Open the page anew and give it a file."""
    opened.open(served)
    opened.wait_for("return document.querySelector('#transcribe')")
    opened.type("#speech input[type=file]", str(path))


@needs_gradio
@needs_browser
@pytest.mark.slow
def test_speech_and_text_give_transcript_times_and_picture(opened, served, wav):
    upload(opened, served, wav)
    assert "asr_gmot" in opened.text()
    opened.wait_for("return document.querySelector('#speech audio')")
    opened.type("#said textarea", TRANSCRIPTS[0])
    opened.click("#transcribe")
    transcript = opened.wait_for(VALUE.format("transcript"))
    assert opened.wait_for("return document.querySelector('#coupling img')?.naturalWidth") > 1000
    opened.wait_for("return document.querySelector('#tokens').innerText.includes('0.00')")  # a start
    assert transcript[0] in opened.run("return document.querySelector('#tokens').innerText").split()
    assert opened.run("return document.querySelector('#message')") is None


@needs_gradio
@needs_browser
@pytest.mark.slow
def test_a_file_that_is_no_audio_gets_a_message(opened, served, no_audio, tmp_path):
    upload(opened, served, no_audio)
    opened.wait_for("return document.querySelector('#speech audio')")
    opened.click("#transcribe")
    message = opened.wait_for(VALUE.format("message"))
    assert message.startswith("notes.wav cannot be read as audio (")
    assert opened.run(VALUE.format("transcript")) == ""
    (tmp_path / "notes.txt").write_text("That one sees by its name.")
    upload(opened, served, tmp_path / "notes.txt")
    opened.wait_for("return document.body.innerText.includes('Invalid file type: notes.txt')")


@needs_gradio
@needs_browser
@pytest.mark.slow
def test_the_page_asks_no_other_host(opened, served):
    opened.open(served)
    opened.wait_for("return document.querySelector('#transcribe')")
    asked = (urlsplit(url) for url in opened.requests())
    assert {url.hostname for url in asked if url.scheme not in ("chrome", "data", "blob")} == {"127.0.0.1"}


@needs_gradio
@pytest.mark.slow
def test_a_port_that_is_taken_is_refused(load, ctc_experiment):
    from espnet_gmot.demo_page.page import build_page, serve

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            InputError, match=rf"127.0.0.1:{port} cannot be listened on .*; name another --port"
        ):
            serve(build_page(load(ctc_experiment), "CTC"), "127.0.0.1", port)


def test_without_gradio_the_extra_is_named(load, ctc_experiment, monkeypatch):
    from espnet_gmot.demo_page.page import build_page

    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(InputError, match=r"needs gradio; run: pip install 'espnet_gmot\[demo_page\]'"):
        build_page(load(ctc_experiment), "CTC")
