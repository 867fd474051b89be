"""Texts that nobody speaks in their time, of several scripts, and audio with hardly any."""

import pytest

from espnet_gmot.driver.speaking_rate import warn_of_absurd_rates


@pytest.mark.parametrize(
    ("text", "seconds", "told"),
    [
        ("今天天气很好", 1.0, ""),  # 6 syllables a second
        ("今天天气很好" * 3, 1.0, "more than 12 syllables or 30 letters a second"),
        ("감사합니다" * 3, 1.0, "more than 12 syllables"),
        ("he said that it was so", 1.0, ""),  # 17 letters
        ("he said that it was so" * 2, 1.0, "more than 12"),
        ("สวัสดีครับ", 0.5, ""),  # marks above and below letters take no time
        ("……！？" * 20 + "好", 1.0, ""),
        ("二〇二四", 0.1, "more than 12"),
        ("好", 4.9, ""),
        ("好", 5.1, "less than a letter in 5 seconds"),
        ("。", 1.0, "less than a letter"),
    ],
)
def test_what_is_absurd(tmp_path, caplog, text, seconds, told):
    warn_of_absurd_rates(tmp_path, {"u1": seconds}, {"u1": text})
    assert told in caplog.text
    assert bool(caplog.records) == bool(told)


def test_all_are_counted_and_ten_are_named(tmp_path, caplog):
    text = {f"u{number:02d}": "好" * (1 + number % 2) for number in range(30)}
    warn_of_absurd_rates(tmp_path, {key: 5.5 if len(text[key]) == 1 else 0.1 for key in text}, text)
    fast, slow = caplog.messages
    assert "15 of 30 utterances have more than" in fast
    assert "u01 (2 characters in 0.10 s)" in fast
    assert "15 of 30 utterances have less than" in slow
    assert slow.count(" s)") == fast.count(" s)") == 10
