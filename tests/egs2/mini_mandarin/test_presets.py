"""The presets: voices that exist, and that do not cross from one set to another."""

import pytest
from mini_mandarin import espeak
from mini_mandarin.presets import PRESETS

from espnet_gmot.errors import InputError


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_voices_exist_and_are_disjoint(preset):
    voices = preset.train_voices + preset.dev_voices + preset.test_voices
    espeak.require_voices(voices)
    assert len(set(voices)) == len(voices)


def test_unknown_voice_lists_the_known_ones():
    with pytest.raises(InputError, match="unknown voice nobody; choose from: .*Alicia.*f1.*m7"):
        espeak.require_voices(("m1", "nobody"))
