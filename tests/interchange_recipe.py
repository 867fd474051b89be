"""A recipe directory with everything that stage 11 needs, and the files that a page of the docs shows."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from small_corpus import TOKENS, TRANSCRIPTS

from espnet_gmot.data.kaldi_data import write_data_dir

ROOT = Path(__file__).parents[1]
RATE = 16000
TOKEN_LIST = "data/zh_token_list/char/tokens.txt"


def make_data(directory):
    """Write audio, data directories and the token list where a recipe has them after stage 5."""
    random = np.random.default_rng(0)
    ids = [f"u{i}" for i in range(len(TRANSCRIPTS))]
    for utterance in ids:
        noise = random.normal(scale=0.1, size=RATE + RATE // 2)
        soundfile.write(directory / f"{utterance}.wav", noise, RATE, subtype="PCM_16")
    wavs = {utterance: f"{utterance}.wav" for utterance in ids}
    texts = dict(zip(ids, TRANSCRIPTS, strict=True))
    for dset in ("train", "dev"):
        write_data_dir(directory / "dump" / "raw" / dset, wavs, texts, dict.fromkeys(ids, "s"))
    (directory / TOKEN_LIST).parent.mkdir(parents=True)
    (directory / TOKEN_LIST).write_text("\n".join(TOKENS) + "\n")
    return directory


def make_teacher(directory, teacher_dir):
    """Cache the teacher's embeddings of the data and fit the projection, as local/teacher.sh does."""
    from espnet_gmot.bin import cache_teacher

    arguments = ["--teacher", str(teacher_dir), "--out", f"{directory}/exp/teacher/cache"]
    arguments += ["--text", *(f"{directory}/dump/raw/{dset}/text" for dset in ("train", "dev"))]
    arguments += ["--projection", f"{directory}/exp/teacher/projection.npz"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["cache_teacher", *arguments])
        cache_teacher.main()
    return directory


def write_documented_files(page, heading, directory):
    """Write the code blocks of a page's section, each to the path that its first line names."""
    section = (
        (ROOT / "docs" / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    )
    blocks = re.findall(r"^```\w+\n# (\S+)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    for name, content in blocks:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content, encoding="utf-8")
    return section


def run_documented_command(section, directory):
    """Run the last indented command of a section with this interpreter and return what it prints."""
    command = re.findall(r"^    python3 (.*)$", section, re.MULTILINE)[-1]
    done = subprocess.run(
        [sys.executable, *command.split()], cwd=directory, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr
