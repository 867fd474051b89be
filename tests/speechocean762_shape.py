"""A corpus of the exact shape of speechocean762 in a megabyte, with some of its speakers' names."""

import io
import json
import wave
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from aishell_shape import make_tar

RATE = 16000
WORDS = ["WE", "CALL", "IT", "BEAR", "LET'S", "GO", "TOM'S", "QUICK", "FOX", "JUMPS", "HAVE", "MOVED"]
# Speaker to years and sex; 0006 and 0075 are dev's
TRAIN = {"0001": (6, "m"), "0006": (7, "f"), "0075": (31, "m"), "0482": (25, "f"), "9649": (43, "m")}
TEST = {"0003": (6, "f"), "0560": (28, "m")}
UTTERANCES = 4  # of each speaker; 20 in the real one


def sentence(speaker: str, number: int) -> str:
    """A sentence of 3 to 5 words that is nobody else's, but for each test speaker's first two.

    0003 begins with sentences of 0001 and 0006 (train and dev), 0560 with those of 0482 and 0075.
    """
    borrowed = {("0003", 0): "0001", ("0003", 1): "0006", ("0560", 0): "0482", ("0560", 1): "0075"}
    speaker = borrowed.get((speaker, number), speaker)
    random = np.random.default_rng([*map(int, speaker), number])
    return " ".join(random.choice(WORDS, size=random.integers(3, 6)))


def make_speechocean762(folder: Path, packed: bool = False, tables_of_voices: bool = True) -> Path:
    """Make the corpus in ``folder`` and return ``folder``, which SPEECHOCEAN762 may then point to.

    Args:
        folder: where to make it.
        packed: as ``speechocean762.tar.gz``; otherwise unpacked.
        tables_of_voices: with ``spk2age`` and ``spk2gender``.
    """
    files = _files(tables_of_voices)
    folder.mkdir(parents=True, exist_ok=True)
    if packed:
        (folder / "speechocean762.tar.gz").write_bytes(make_tar(files))
        return folder
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def save_teacher(directory: Path) -> Path:
    """Write a BERT with random weights (2 layers, size 16) that knows the words; return ``directory``."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = sorted({part for word in WORDS for part in word.lower().replace("'", " ' ").split()})
    (directory / "vocab.txt").write_text(
        "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]) + "\n"
    )
    tokenizer = BertTokenizerFast(str(directory / "vocab.txt"), do_lower_case=True)
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(tokenizer), **size)).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def utterance(speaker: str, number: int) -> str:
    """Its name: a zero, the speaker, and the number of the sentence in a book."""
    return f"0{speaker}{10 + 3 * number:04d}"


def _files(tables_of_voices: bool) -> dict[str, bytes]:
    files, scores = {"README.md": b"# speechocean762\n"}, {}
    for name, speakers in (("train", TRAIN), ("test", TEST)):
        tables = dict.fromkeys(("text", "utt2spk", "wav.scp", "spk2utt"), "")
        for speaker in speakers:
            ids = [utterance(speaker, number) for number in range(UTTERANCES)]
            for number, each in enumerate(ids):
                wav = f"WAVE/SPEAKER{speaker}/{each}.WAV"
                text = sentence(speaker, number)
                files[wav] = _speak(text, int(each))
                tables["text"] += f"{each}\t{text}\n"
                tables["utt2spk"] += f"{each}\t{speaker}\n"
                tables["wav.scp"] += f"{each}\t{wav}\n"
                scores[each] = {"text": text, "total": 8}
            tables["spk2utt"] += f"{speaker}\t{' '.join(ids)}\n"
        if tables_of_voices:
            tables["spk2age"] = _table({speaker: str(age) for speaker, (age, _) in speakers.items()})
            tables["spk2gender"] = _table({speaker: gender for speaker, (_, gender) in speakers.items()})
        files |= {f"{name}/{each}": content.encode() for each, content in tables.items()}
    files["resource/scores.json"] = json.dumps(scores).encode()
    files["resource/lexicon.txt"] = b"WE\tW IY0\n"
    return {f"speechocean762/{name}": content for name, content in files.items()}


def _table(values: Mapping[str, str]) -> str:
    return "".join(f"{key}\t{value}\n" for key, value in values.items())


def _speak(text: str, seed: int) -> bytes:
    """16-bit WAV: a tone for each letter, 0.08 s long, and a little noise."""
    random = np.random.default_rng(seed)
    time = np.arange(int(0.08 * RATE)) / RATE
    tones = [0.0 if letter in " '" else 200 + 90 * (ord(letter) - ord("A")) for letter in text]
    samples = np.concatenate([3000 * np.sin(2 * np.pi * tone * time) for tone in tones])
    samples += random.normal(0, 30, len(samples))
    stream = io.BytesIO()
    with wave.open(stream, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(RATE)
        audio.writeframes(np.rint(samples).astype(np.int16).tobytes())
    return stream.getvalue()
