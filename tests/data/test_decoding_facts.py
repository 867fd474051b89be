"""The file of facts beside the hypotheses."""

import os
from dataclasses import replace

import pytest

from espnet_gmot.data.decoding_facts import GREEDY, DecodingFacts, merge_facts, read_facts, write_facts
from espnet_gmot.errors import InputError

FACTS = DecodingFacts(GREEDY, "python3 --x 一", ["cpu"], 2, 48000, 16000, 1.5)


@pytest.fixture
def text(tmp_path):
    (tmp_path / "text").write_text("u1 a\nu2 b\n")
    return tmp_path / "text"


def test_facts_come_back_whole(tmp_path, text):
    write_facts(tmp_path, FACTS, text)
    assert read_facts(tmp_path, text) == FACTS
    assert read_facts(tmp_path / "elsewhere", text) is None


def test_facts_of_other_hypotheses_are_passed_over_with_a_warning(tmp_path, text, caplog):
    write_facts(tmp_path, FACTS, text)
    text.write_text("u1 a\nu2 c\n")
    assert read_facts(tmp_path, text) is None
    text.unlink()
    assert read_facts(tmp_path, text) is None
    assert caplog.text.count("decoding.json speaks of other hypotheses than those in") == 2


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"text_sha256": "", "decoder": null}'])
def test_a_damaged_file_is_named_with_the_cure(tmp_path, text, content):
    (tmp_path / "decoding.json").write_text(content)
    with pytest.raises(
        InputError, match=r"decoding.json is damaged .*; remove it, or decode again with stage"
    ):
        read_facts(tmp_path, text)


def test_jobs_are_added_up():
    merged = merge_facts([FACTS, replace(FACTS, command="other", devices=["NVIDIA H100"], seconds=0.5)])
    assert merged == DecodingFacts(
        GREEDY, "python3 --x 一", ["NVIDIA H100", "cpu"], 4, 96000, 16000, seconds=2.0
    )
    assert merged.rtf == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    ("name", "value"),
    [("seconds", None), ("samples", None), ("sampling_rate", 8000), ("sampling_rate", None)],
)
def test_what_one_job_does_not_know_is_not_known(name, value):
    merged = merge_facts([FACTS, replace(FACTS, **{name: value})])
    assert getattr(merged, name) is None
    assert merged.rtf is None


def test_jobs_of_two_decoders_have_none_in_common():
    merged = merge_facts([FACTS, replace(FACTS, decoder="asr_inference")])
    assert (merged.decoder, merged.ctc_alone) == (None, False)


def test_facts_older_than_the_hypotheses_are_passed_over(tmp_path, text, caplog):
    write_facts(tmp_path, FACTS, text)
    later = (tmp_path / "decoding.json").stat().st_mtime + 60
    os.utime(text, (later, later))  # the same text, decoded by another
    assert read_facts(tmp_path, text) is None
    assert "decoding.json speaks of other hypotheses" in caplog.text
