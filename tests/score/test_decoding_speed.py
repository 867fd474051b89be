"""The real-time factor, from logs as the decoders write them."""

import pytest

from espnet_gmot.score.decoding_speed import decoding_logs, real_time_factor, sampling_rate

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
    assert real_time_factor([], 3, 16000) is None
    assert real_time_factor(logs, 3, None) is None
    assert decoding_logs(tmp_path / "test") == []


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
