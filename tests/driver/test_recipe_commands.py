"""The commands behind the stages of asr.sh: what they print, and how they refuse bad input."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from espnet_gmot.data.kaldi_data import check_data_dir


def command(name: str, *arguments: str | Path) -> subprocess.CompletedProcess:
    words = [sys.executable, "-m", f"espnet_gmot.bin.{name}", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True)


def test_stages_2_to_4_by_their_commands(make_corpus: Callable[..., Path]) -> None:
    data, root = make_corpus(), make_corpus().parent
    done = command("perturb_speed", "--factors", "0.9 1.0", data, root / "data_sp")
    assert done.stdout == f"{root}/data_sp: 6 utterances at speeds 0.9 1.0\n"
    done = command("format_wav_scp", "--fs", "8k", "--audio_format", "flac", root / "data_sp", root / "org")
    assert done.stdout == f"{root}/org: 6 utterances at 8000 Hz\n"
    limits = ["--fs", "8k", "--min_wav_duration", "0.15"]
    done = command("filter_data_dir", *limits, root / "org", root / "train")
    assert "4 of 6 utterances kept (2 not longer than 0.15 s)" in done.stdout
    assert len(check_data_dir(root / "train").text) == 4
    done = command("split_scp", "--nj", "9", root / "train" / "wav.scp", root / "keys.JOB.scp")
    assert done.stdout == "4\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["format_wav_scp", "nowhere", "out"],
            "data directory nowhere does not exist; make the data directory",
        ),
        (
            ["format_wav_scp", "--fs", "fast", "nowhere", "out"],
            "'fast' is not understood; write for example 16k",
        ),
        (["perturb_speed", "--factors", "quick", "nowhere", "out"], "'quick' is not a number from 0.5 to 2"),
        (["filter_data_dir", "nowhere", "out"], "nowhere/utt2num_samples does not exist"),
        (["train_bpe", "--nbpe", "9", "--text", "nowhere", "--out", "out"], "nowhere does not exist"),
        (["merge_decoded", "--nj", "1", "out.JOB", "out"], "out.1/1best_recog/text does not exist"),
    ],
)
def test_bad_input_is_one_line_and_status_1(tmp_path: Path, arguments: list[str], message: str) -> None:
    name, *rest = arguments
    words = [sys.executable, "-m", f"espnet_gmot.bin.{name}", *rest]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert not any(tmp_path.iterdir())
