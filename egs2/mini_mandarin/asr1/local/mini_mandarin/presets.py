"""The sizes and voices of the corpus: one frozen record a preset."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """How much text, spoken by whom and how.

    Args:
        train, dev, test: number of utterances, each a distinct sentence.
        chars: shortest and longest sentence in characters.
        alphabet: sentences use only this many most frequent characters.
        train_voices, dev_voices, test_voices: eSpeak NG variants, one a speaker. Voices are disjoint;
            each dev and test voice has a training voice near it in mean log-mel spectrum.
        rate: slowest and fastest speech, eSpeak words a minute.
        pitch: lowest and highest setting, 0 to 100, eSpeak's default 50.
        level: faintest and loudest speech, dB of the RMS relative to full scale, pauses not counted.
        snr: lowest and highest signal-to-noise ratio of the added white noise, dB.
        silence: shortest and longest silence at either end, seconds.
        pauses: share of the gaps between two characters in which the speaker pauses.
        pause: shortest and longest pause, seconds.
    """

    train: int
    dev: int
    test: int
    chars: tuple[int, int]
    alphabet: int
    train_voices: tuple[str, ...]
    dev_voices: tuple[str, ...]
    test_voices: tuple[str, ...]
    rate: tuple[int, int] = (200, 240)
    pitch: tuple[int, int] = (35, 65)
    level: tuple[float, float] = (-32.0, -20.0)
    snr: tuple[float, float] = (20.0, 40.0)
    silence: tuple[float, float] = (0.05, 0.12)
    pauses: float = 0.0
    pause: tuple[float, float] = (0.15, 0.6)


_DEMO_VOICES = ("m1", "m2", "m3", "m4", "m5", "m6", "m8", "Mario", "Denis", "f1", "f2", "f3", "f4", "linda")
_FULL_VOICES = _DEMO_VOICES + (
    "Diogo", "Hugo", "Michael", "Alex", "Mike", "max", "grandpa", "croak", "paul", "Annie",
)  # fmt: skip
_DEV_VOICES = ("Nguyen", "aunty")
_TEST_VOICES = ("m7", "john", "f5", "belinda")
_SMALL_TEST_VOICES = ("Alex", "max", "paul", "Annie")  # in no set of the demo: its options saw its test set

PRESETS = {
    # For the tests of this project: seconds.
    "tiny": Preset(12, 4, 4, (4, 6), 100, ("m1", "m3", "f1", "f2"), ("m2", "f3"), ("m6", "f4")),
    # Two cores: trained in minutes.
    "demo": Preset(2100, 200, 1200, (4, 10), 300, _DEMO_VOICES, _DEV_VOICES, _TEST_VOICES),
    # Two cores, for the experiments of docs/experiments/protocol.md.
    "small": Preset(2400, 400, 1200, (4, 10), 300, _DEMO_VOICES, _DEV_VOICES, _SMALL_TEST_VOICES),
    # Two cores, for the experiments on long sentences with pauses and noise.
    "long": Preset(
        1600,
        300,
        800,
        (10, 25),
        500,
        _DEMO_VOICES,
        _DEV_VOICES,
        _SMALL_TEST_VOICES,
        snr=(10.0, 30.0),
        pauses=0.15,
    ),
    # A GPU: more than ten hours of speech.
    "full": Preset(18000, 500, 1500, (5, 15), 800, _FULL_VOICES, _DEV_VOICES, _TEST_VOICES, rate=(160, 220)),
}
