"""What the page answers to a recording, and to a text that is typed beside it."""

from dataclasses import dataclass

import numpy as np

from espnet_gmot.demo_page.recogniser import Recogniser, Transcript
from espnet_gmot.demo_page.upload import read_upload
from espnet_gmot.errors import InputError


@dataclass(frozen=True)
class Answer:
    """What the page shows.

    Attributes:
        message: what is to be said: a fault with its cure, or what was done to the recording; may be empty.
        transcript: what was recognised.
        picture: the coupling (height, width, 4), uint8; None without a text.
    """

    message: str = ""
    transcript: Transcript = Transcript("", [])
    picture: np.ndarray | None = None


def answer(recogniser: Recogniser, recording: str | None, text: str) -> Answer:
    """Transcribe a recording and, if a text is given, draw its coupling.

    A fault of recording or text becomes the message; a text that cannot be aligned costs no transcript.

    Args:
        recogniser: the model.
        recording: file that was uploaded or recorded; None where none was.
        text: what was said, or empty.
    """
    if recording is None:
        return Answer("there is no recording; record something or upload a file first")
    try:
        upload = read_upload(recording, recogniser.rate)
    except InputError as error:
        return Answer(str(error))
    transcript = recogniser.transcribe(upload.samples)
    messages = [upload.changes] if upload.changes else []
    if not transcript.tokens:
        messages.append("nothing was recognised: the recording is too short, or CTC has blanks alone")
    picture = None
    if text.strip():
        try:
            picture = recogniser.coupling_picture(upload.samples, text)
        except InputError as error:
            messages.append(f"no coupling: {error}")
    return Answer("\n".join(messages), transcript, picture)
