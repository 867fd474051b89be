"""The real-time factor, from logs as ESPnet's decoder writes them."""

from dataclasses import replace

import pytest

from espnet_gmot.score.decoding_logs import decoding_logs, facts_of_logs

HEAD = """\
# python3 -m espnet2.bin.asr_inference
# Started at noon
#
2025-01-01 00:00:00,000 (asr:1) INFO: load
"""
UTTERANCE = """\
2025-01-01 {0} (asr_inference:522) INFO: speech length: {1}
2025-01-01 {2} (beam_search:483) INFO: best hypo

"""
TAIL = "# Accounting: time=99 threads=1\n# Ended (code 0) at 12:59, elapsed time 99 seconds\n"


@pytest.fixture
def logs(tmp_path):
    """Two jobs: 3.5 s for 2 s and 1 s of audio at 16 kHz, and 0.5 s over midnight for 1 s."""
    logdir = tmp_path / "dev" / "logdir"
    logdir.mkdir(parents=True)
    first = UTTERANCE.format("00:00:14,000", 32000, "00:00:16,900")
    second = UTTERANCE.format("00:00:17,000", 16000, "00:00:17,500")
    (logdir / "asr_inference.1.log").write_text(HEAD + first + second + TAIL)
    late = UTTERANCE.format("23:59:59,750", 16000, "00:00:00,250").replace("01-01 00", "01-02 00")
    (logdir / "asr_inference.2.log").write_text(HEAD + late + TAIL)
    (logdir / "keys.1.scp").write_text("utt1 a.wav\n")
    return decoding_logs(tmp_path / "dev")


def real_time_factor(logs, utterances, rate):
    return replace(facts_of_logs(logs, utterances), sampling_rate=rate).rtf


def test_jobs_are_added_up_and_start_up_is_left_out(logs):
    assert len(logs) == 2
    assert real_time_factor(logs, 3, 16000) == pytest.approx((3.5 + 0.5) / 4)


def test_a_progress_bar_on_the_same_line_does_no_harm(logs):
    with logs[0].open("a", newline="") as log:
        log.write("\rdecoding:  50%|#####     | 1/2\rdecoding: 100%|##########| 2/2")
        log.write("2025-01-01 00:00:18,000 (asr_ctc_greedy:80) INFO: speech length: 16000\n")
        log.write("2025-01-01 00:00:19,000 (asr_ctc_greedy:80) INFO: decoded 1 utterance\n")
    assert real_time_factor(logs, 4, 16000) == pytest.approx((5.0 + 0.5) / 5)


@pytest.mark.parametrize("utterances", [2, 4])
def test_logs_of_another_decoding_give_no_figure(logs, utterances):
    assert real_time_factor(logs, utterances, 16000) is None


def test_without_logs_or_rate_there_is_no_figure(logs, tmp_path):
    assert facts_of_logs([], 3) is None
    assert real_time_factor(logs, 3, None) is None
    assert decoding_logs(tmp_path / "test") == []


@pytest.mark.parametrize(
    ("command", "decoder", "alone"),
    [
        ("python3 -m espnet_gmot -m espnet2.bin.asr_inference --beam_size 1", "asr_inference", False),
        ("python3 -m espnet_gmot.bin.asr_ctc_greedy", "espnet_gmot.bin.asr_ctc_greedy", True),
        ("mine", None, False),
    ],
)
def test_the_command_at_the_head_names_the_decoder(logs, command, decoder, alone):
    logs[0].write_text(logs[0].read_text().replace("python3 -m espnet2.bin.asr_inference", command))
    facts = facts_of_logs(logs, 3)
    assert (facts.command, facts.decoder, facts.ctc_alone) == (command, decoder, alone)
