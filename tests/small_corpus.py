"""Three transcripts, their token list, and noise in place of their speech."""

from pathlib import Path

import numpy as np
import soundfile

TRANSCRIPTS = ["今天很好", "我们去公园", "天气好"]
TOKENS = ["<blank>", "<unk>", *"今天气很好我们去公园", "<sos/eos>"]
RATE = 16000


def write_set(directory: Path) -> None:
    """Write a data directory with noise of 0.2 s a character, and its character times."""
    directory.mkdir()
    draw = np.random.default_rng(0)
    lines = {"wav.scp": "", "text": "", "utt2spk": "", "spk2utt": "s u0 u1 u2\n", "ctm": ""}
    for number, text in enumerate(TRANSCRIPTS):
        wav = directory / f"u{number}.wav"
        soundfile.write(wav, draw.normal(0, 0.1, int(0.2 * RATE * len(text))), RATE)
        lines["wav.scp"] += f"u{number} {wav}\n"
        lines["text"] += f"u{number} {text}\n"
        lines["utt2spk"] += f"u{number} s\n"
        for position, char in enumerate(text):
            lines["ctm"] += f"u{number} 1 {0.2 * position:.3f} 0.200 {char}\n"
    for name, content in lines.items():
        (directory / name).write_text(content)
