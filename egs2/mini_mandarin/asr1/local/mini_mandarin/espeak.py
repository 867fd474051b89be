"""The synthesiser eSpeak NG, called as a library."""

import ctypes
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from espnet_gmot.errors import InputError
from mini_mandarin.text import INSTALL

RATE_HZ = 22050  # what eSpeak NG produces
_LANGUAGE = "cmn-latn-pinyin"
# Constants of speak_lib.h.
_OUTPUT_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000
_PARAMETER_RATE, _PARAMETER_PITCH = 1, 3
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1
_EVENT_LIST_END, _EVENT_WORD = 0, 1


class _Event(ctypes.Structure):
    """``espeak_EVENT`` of speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def known_voices() -> list[str]:
    """Return the names of the installed voice variants."""
    voices = Path(_loader().get_data_path()) / "voices" / "!v"
    return sorted(path.name for path in voices.iterdir())


def require_voices(voices: tuple[str, ...]) -> None:
    """Raise an InputError for a voice that is not installed: eSpeak NG would silently speak with another."""
    known = known_voices()
    for voice in voices:
        if voice not in known:
            raise InputError(f"unknown voice {voice}; choose from: {', '.join(known)}")


def synthesise(pinyin: tuple[str, ...], voice: str, rate: int, pitch: int) -> tuple[np.ndarray, list[int]]:
    """Speak syllables; the result depends on the arguments alone in the first call of a process.

    eSpeak NG keeps the phase of its voice flutter from one utterance to the next, also through
    ``espeak_Terminate``. Call it once a process where speech must be reproducible.

    Args:
        pinyin: tone-numbered syllables, ``("ni3", "hao3")``.
        voice: one of :func:`known_voices`.
        rate: words a minute.
        pitch: 0 to 100.

    Returns:
        the samples (n,) int16 at 22,050 Hz, and the sample at which each syllable starts.

    Raises:
        InputError: the library cannot be used, or did not speak every syllable.
    """
    chunks: list[bytes] = []
    starts: list[int] = []

    def receive(samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, count * 2))
        index = 0
        while events[index].type != _EVENT_LIST_END:
            if events[index].type == _EVENT_WORD:
                starts.append(events[index].sample)
            index += 1
        return 0

    callback = _CALLBACK(receive)
    text = " ".join(pinyin).encode()
    # eSpeak NG cuts the path of its data at 160 bytes, so it gets a short one.
    with tempfile.TemporaryDirectory() as short:
        library = _initialise(short)
        library.espeak_SetSynthCallback(callback)
        library.espeak_SetVoiceByName(f"{_LANGUAGE}+{voice}".encode())
        library.espeak_SetParameter(_PARAMETER_RATE, rate, 0)
        library.espeak_SetParameter(_PARAMETER_PITCH, pitch, 0)
        size = ctypes.c_size_t(len(text) + 1)
        library.espeak_Synth(text, size, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        library.espeak_Terminate()
    if len(starts) != len(pinyin):
        raise InputError(
            f"eSpeak NG spoke {len(starts)} of the {len(pinyin)} syllables '{text.decode()}' with voice "
            f"{voice}; install its package again: {INSTALL}"
        )
    return np.frombuffer(b"".join(chunks), dtype=np.int16), starts


def _initialise(short: str) -> ctypes.CDLL:
    loader = _loader()
    try:
        library = ctypes.CDLL(loader.get_library_path())
    except OSError as error:
        raise InputError(f"eSpeak NG cannot be loaded ({error}); install it again: {INSTALL}") from error
    (Path(short) / "espeak-ng-data").symlink_to(loader.get_data_path())
    if library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, short.encode(), _DO_NOT_EXIT) != RATE_HZ:
        raise InputError(
            f"eSpeak NG cannot read its data through {short}; install it again: {INSTALL}, "
            "and let TMPDIR name a directory with a short path"
        )
    library.espeak_ng_SetRandSeed(ctypes.c_long(0))  # initialising has seeded it from the clock: breath noise
    return library


def _loader() -> ModuleType:
    try:
        import espeakng_loader
    except ImportError as error:
        raise InputError(f"the package espeakng-loader (speech) is not installed; {INSTALL}") from error
    return espeakng_loader
