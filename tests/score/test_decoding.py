"""What is known of a decoding: from our decoder's own file, or from ESPnet's logs."""

from dataclasses import replace

import pytest

from espnet_gmot.data.decoding_facts import GREEDY, DecodingFacts, write_facts
from espnet_gmot.errors import InputError
from espnet_gmot.score.decoding import facts_of_decoding, sampling_rate

OURS = DecodingFacts(GREEDY, "greedy --x", ["cpu"], 1, 16000, 16000, 0.25)
LOG = """\
# python3 -m espnet2.bin.asr_inference
2025-01-01 00:00:00,000 (asr_inference:522) INFO: speech length: 32000
2025-01-01 00:00:01,000 (beam_search:483) INFO: best hypo
"""


@pytest.fixture
def decoded(tmp_path):
    """The directory of a set of one utterance, with the log of a job that took 1 s for 32000 samples."""
    directory = tmp_path / "greedy/test"
    (directory / "logdir").mkdir(parents=True)
    (directory / "text").write_text("u1 a\n")
    (directory / "logdir/asr_inference.1.log").write_text(LOG)
    (tmp_path / "config.yaml").write_text("frontend_conf:\n    fs: 16k\n")
    return directory


def known(decoded):
    return facts_of_decoding(decoded.parents[1], "greedy", "test")


def test_espnet_s_decoder_is_known_by_its_logs(decoded):
    facts = known(decoded)
    assert (facts.decoder, facts.utterances, facts.samples, facts.seconds) == ("asr_inference", 1, 32000, 1.0)
    assert facts.rtf == pytest.approx(0.5)


def test_what_our_decoder_wrote_goes_before_its_logs(decoded):
    write_facts(decoded, OURS, decoded / "text")
    assert known(decoded) == OURS
    assert known(decoded).rtf == pytest.approx(0.25)


def test_what_our_decoder_wrote_of_other_hypotheses_is_passed_over(decoded, caplog):
    write_facts(decoded, OURS, decoded / "text")
    (decoded / "text").write_text("u1 b\n")
    assert known(decoded).decoder == "asr_inference"
    assert "decoding.json speaks of other hypotheses than those in" in caplog.text


def test_a_rate_that_the_decoder_does_not_know_is_that_of_the_training(decoded):
    write_facts(decoded, replace(OURS, sampling_rate=None), decoded / "text")
    assert known(decoded) == OURS


def test_logs_of_another_decoding_tell_no_time(decoded):
    (decoded / "text").write_text("u1 a\nu2\n")
    assert (known(decoded).seconds, known(decoded).rtf) == (None, None)
    assert known(decoded).decoder == "asr_inference"


def test_without_file_and_logs_nothing_is_known(decoded):
    (decoded / "logdir/asr_inference.1.log").unlink()
    assert known(decoded) is None


@pytest.mark.parametrize(
    ("config", "rate"),
    [
        ("frontend_conf:\n    fs: 16k\n", 16000),
        ("frontend_conf:\n    fs: 8000\n", 8000),
        ("frontend_conf: {}\n", None),
        ("frontend: null\n", None),
    ],
)
def test_the_rate_is_read_as_espnet_reads_it(tmp_path, config, rate):
    (tmp_path / "config.yaml").write_text(config)
    assert sampling_rate(tmp_path) == rate
    assert sampling_rate(tmp_path / "nowhere") is None


def test_the_rate_of_a_damaged_configuration_is_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("frontend_conf")
    with pytest.raises(InputError, match=r"config.yaml holds no keys; train again with stage 11"):
        sampling_rate(tmp_path)
