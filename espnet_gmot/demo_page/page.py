"""The page itself, of gradio's parts."""

import os
from typing import Any

from espnet_gmot.demo_page.answer import answer
from espnet_gmot.demo_page.recogniser import Recogniser
from espnet_gmot.errors import InputError

MOST_BYTES = "50mb"  # of an upload
HEADERS = ["token", "start (s)", "end (s)", "confidence"]
FONT = ["system-ui", "sans-serif"]  # the reader's own: gradio's themes fetch theirs from another host


def build_page(recogniser: Recogniser, title: str) -> Any:
    """Lay the page out.

    Args:
        recogniser: the model that answers.
        title: the heading, e.g. the name of the experiment.

    Returns:
        A ``gradio.Blocks``, which :func:`serve` or its own ``launch`` shows.

    Raises:
        InputError: gradio is not installed.
    """
    gradio = _gradio()
    with gradio.Blocks(analytics_enabled=False, title=title, delete_cache=(3600, 3600)) as page:
        gradio.Markdown(f"# {title}\n{_introduction(recogniser)}")
        with gradio.Row():
            with gradio.Column(scale=2):
                recording = gradio.Audio(
                    label="Speech", elem_id="speech", type="filepath", buttons=["download"]
                )
                text = gradio.Textbox(
                    label="What was said (optional)", elem_id="said", visible=recogniser.has_coupling
                )
                button = gradio.Button("Transcribe", variant="primary", elem_id="transcribe")
                message = gradio.Textbox(label="Message", elem_id="message", visible=False)
                transcript = gradio.Textbox(label="Transcript", elem_id="transcript")
                tokens = gradio.Dataframe(
                    headers=HEADERS, label="Tokens", elem_id="tokens", interactive=False
                )
            with gradio.Column(scale=3, visible=recogniser.has_coupling):
                picture = gradio.Image(
                    elem_id="coupling", show_label=False, format="png", interactive=False,
                    buttons=["download", "fullscreen"],
                )  # fmt: skip

        def run(path: str | None, said: str) -> list[Any]:
            found = answer(recogniser, path, said)
            rows = [
                [each.token, f"{each.start:.2f}", f"{each.end:.2f}", f"{each.confidence:.2f}"]
                for each in found.transcript.tokens
            ]
            told = gradio.update(value=found.message, visible=bool(found.message))
            return [told, found.transcript.text, rows, found.picture]

        button.click(run, [recording, text], [message, transcript, tokens, picture])
    return page


def serve(page: Any, host: str, port: int) -> None:
    """Show the page until it is interrupted; nothing is asked of other hosts.

    Args:
        page: what :func:`build_page` returned.
        host: address to listen on; ``127.0.0.1`` is this machine alone.
        port: to listen on.

    Raises:
        InputError: the port is taken.
    """
    gradio = _gradio()
    theme = gradio.themes.Default(font=FONT, font_mono=["monospace"])
    try:
        page.launch(
            server_name=host, server_port=port, share=False, ssr_mode=False, theme=theme, footer_links=[],
            quiet=True, prevent_thread_lock=True, max_file_size=MOST_BYTES,
        )  # fmt: skip
    except OSError as error:
        raise InputError(f"{host}:{port} cannot be listened on ({error}); name another --port") from error
    print(f"open http://{host}:{port} in a browser; Ctrl-C ends it", flush=True)
    page.block_thread()


def _introduction(recogniser: Recogniser) -> str:
    """What can be done with the model that is loaded."""
    if recogniser.has_coupling:
        return "Speak or upload a file. Type what was said to see which frames GM-OT couples each token with."
    return "Speak or upload a file. The model was trained without GM-OT, so there is no coupling to show."


def _gradio() -> Any:
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio
    except ImportError as error:
        raise InputError(
            "the demo page needs gradio; run: pip install 'espnet_gmot[demo_page]' (docs/demo_page.md says "
            "which packages that changes)"
        ) from error
    return gradio
