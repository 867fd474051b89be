"""What may differ between two runs, what may not, and what is half."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file
from same_results import MAY_DIFFER, differences, half_files

EPOCH = {"loss": 1.5, "time": {"__timedelta_seconds__": 3.0}, "forward_time": 0.1}
STATES = {"model": {"w": torch.arange(3.0)}, "reporter": {"epoch": 1, "stats": {1: {"train": EPOCH}}}}
FACTS = {"decoder": "greedy", "command": "python3", "utterances": 4, "seconds": 1.5}
JOURNAL = ['{"made_from": "abc"}', '["u1", [3], [0], [1], [0.5], -1.25, 0.1, 800, "cpu"]']
TABLE = "| system | CER % | training s | RTF |\n|---|--:|--:|--:|\n| ctc | 9.00 | 12 | 0.01 |\n\nnotes\n"


@pytest.fixture
def make(tmp_path):
    """Make a run's results, with changes: files by name, bytes, text or what their library saves."""

    def write(path: Path, content: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        match path.suffix:
            case _ if isinstance(content, bytes | str):
                path.write_bytes(content.encode() if isinstance(content, str) else content)
            case ".json" | "":
                path.write_text(json.dumps(content) + "\n")
            case ".pth":
                torch.save(content, path)
            case ".npz":
                np.savez(path, x=content)
            case ".wav":
                soundfile.write(path, content, 16000)
            case ".safetensors":
                save_file(content, path)

    def made(name: str, changes: dict[str, object]) -> Path:
        files = {
            "data/local/wav/u1.wav": np.zeros(800),
            "data/train/text": "u1 你好\n",
            "dump/raw/train/.done": {"--fs": "16k", "train text": "0123456789abcdef"},
            "exp/asr_x/checkpoint.pth": STATES,
            "exp/asr_x/1epoch.pth": STATES["model"],
            "exp/asr_x/train.log": "12:00 started\n",
            "exp/asr_x/decode/dev/decoding.json": FACTS,
            "exp/asr_x/decode/dev/best_paths.jsonl": "\n".join(JOURNAL) + "\n",
            "exp/teacher/model.safetensors": {"w": torch.ones(2)},
            "exp/teacher/projection.npz": np.ones(3),
            "exp/comparison.md": TABLE,
            "exp/RESULTS.md": "# RESULTS\n- date: `Monday`\n- python version: `3.12`\n",
        }
        for file, content in (files | changes).items():
            write(tmp_path / name / file, content)
        (tmp_path / name / "exp/asr_x/latest.pth").symlink_to("1epoch.pth")
        return tmp_path / name

    return made


def with_epoch(**changes: object) -> dict[str, object]:
    reporter = {"epoch": 1, "stats": {1: {"train": EPOCH | changes}}}
    return STATES | {"reporter": reporter}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"exp/asr_x/train.log": "13:00 started\n", "exp/asr_x/train.1.log": "12:00 started\n"},
        {"exp/asr_x/tensorboard/train/events.out.tfevents.1": b"\0"},
        {"exp/asr_x/checkpoint.pth.damaged": b"half"},
        {"dump/raw/train/.done": {"--fs": "16k", "train text": "fedcba9876543210"}},
        {"exp/asr_x/checkpoint.pth": with_epoch(time={"__timedelta_seconds__": 4.0}, forward_time=0.2)},
        {"exp/asr_x/decode/dev/decoding.json": FACTS | {"seconds": 2.5, "command": "nice python3"}},
        {"exp/asr_x/decode/dev/best_paths.jsonl": "\n".join(JOURNAL).replace("0.1, 800", "0.2, 800") + "\n"},
        {"exp/comparison.md": TABLE.replace("12 | 0.01", "13 | 0.02")},
        {"exp/RESULTS.md": "# RESULTS\n- date: `Tuesday`\n- python version: `3.12`\n"},
    ],
)
def test_what_may_differ(make, changes):
    assert differences(make("quiet", {}), make("run", changes)) == []
    assert half_files(make("again", changes)) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"data/train/text": "u1 你们\n"}, "data/train/text differs"),
        ({"data/train/text": "u1 你"}, "data/train/text is half (ValueError: its last line is cut off)"),
        ({"data/train/text": ""}, "data/train/text is empty"),
        ({"data/train/.aside.x": "u1"}, "data/train/.aside.x is left over"),
        ({"data/local/wav/u1.wav": np.full(800, 0.5)}, "data/local/wav/u1.wav differs"),
        (
            {"dump/raw/train/.done": {"--fs": "8k", "train text": "0123456789abcdef"}},
            "dump/raw/train/.done differs",
        ),
        ({"dump/raw/train/.done": {"--fs": "16k"}}, "dump/raw/train/.done differs"),
        ({"exp/asr_x/checkpoint.pth": with_epoch(loss=1.6)}, "exp/asr_x/checkpoint.pth differs"),
        ({"exp/asr_x/1epoch.pth": {"w": torch.tensor([0.0, 1, 2.0000002])}}, "exp/asr_x/1epoch.pth differs"),
        ({"exp/asr_x/1epoch.pth": {"w": torch.arange(3)}}, "exp/asr_x/1epoch.pth differs"),
        ({"exp/asr_x/decode/dev/decoding.json": FACTS | {"utterances": 3}}, "decoding.json differs"),
        (
            {"exp/asr_x/decode/dev/best_paths.jsonl": "\n".join(JOURNAL).replace("-1.25", "-1.5") + "\n"},
            "best_paths.jsonl differs",
        ),
        ({"exp/comparison.md": TABLE.replace("9.00", "8.00")}, "exp/comparison.md differs"),
        (
            {"exp/RESULTS.md": "# RESULTS\n- date: `Monday`\n- python version: `3.13`\n"},
            "exp/RESULTS.md differs",
        ),
        ({"exp/teacher/model.safetensors": {"w": torch.zeros(2)}}, "exp/teacher/model.safetensors differs"),
        ({"exp/teacher/projection.npz": np.zeros(3)}, "exp/teacher/projection.npz differs"),
    ],
)
def test_what_may_not(make, changes, fault):
    (found,) = differences(make("quiet", {}), make("run", changes))
    assert fault in found


def test_a_file_that_is_missing_and_a_link_that_leads_elsewhere(make):
    quiet, run = make("quiet", {}), make("run", {})
    (run / "data/train/text").unlink()
    (run / "exp/asr_x/latest.pth").unlink()
    (run / "exp/asr_x/latest.pth").symlink_to("checkpoint.pth")
    assert differences(quiet, run) == [
        "data/train/text is missing",
        "exp/asr_x/latest.pth leads to checkpoint.pth, not to 1epoch.pth",
    ]


HALF = [
    "data/local/wav/u1.wav",
    "data/train/text",
    "dump/raw/train/.done",
    "exp/asr_x/checkpoint.pth",
    "exp/asr_x/1epoch.pth",
]
HALF += ["exp/asr_x/decode/dev/decoding.json", "exp/teacher/model.safetensors", "exp/teacher/projection.npz"]


@pytest.mark.parametrize("name", HALF)
def test_a_file_that_was_cut_off_is_half(make, name):
    run = make("run", {})
    whole = (run / name).read_bytes()
    (run / name).write_bytes(whole[: len(whole) // 2])
    faults = half_files(run)
    assert faults and all("is half" in fault for fault in faults)
    assert faults[0].startswith(name) or name.endswith("1epoch.pth")  # the link to it is half too


def test_what_espnet_writes_in_place_may_be_half_until_its_directory_is_done(make):
    run = make("run", {"exp/asr_x/.begun": "{}\n", "data/train/.aside.x": b"", "exp/asr_x/config.yaml": ""})
    for name in ("exp/asr_x/checkpoint.pth", "exp/asr_x/1epoch.pth"):
        (run / name).write_bytes(b"PK")
    (run / "exp/asr_x/decode/dev/best_paths.jsonl").write_text("\n".join([*JOURNAL, '["u2", [3']))
    assert half_files(run) == []
    (run / "exp/asr_x/.begun").unlink()
    assert len(half_files(run)) == 4


def test_every_kind_says_why():
    assert all(kind.why for kind in MAY_DIFFER)
