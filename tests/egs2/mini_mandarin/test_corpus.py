"""The tiny corpus as a whole: data directories, resume, refusal of another preset, the proof."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import check_mini_mandarin
import prepare_mini_mandarin
import pytest
from mini_mandarin.corpus import prepare
from mini_mandarin.disjoint import check_disjoint
from mini_mandarin.presets import PRESETS

from espnet_gmot.data.kaldi_data import check_data_dir
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.errors import InputError

pytestmark = pytest.mark.slow

TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    out = tmp_path_factory.mktemp("tiny") / "data"
    return out, prepare(TINY, out, seed=0, nj=2)


@pytest.fixture
def copy(tiny, tmp_path):
    return shutil.copytree(tiny[0], tmp_path / "data")


def tables(out):
    """Everything but the wavs and wav.scp, whose paths differ from copy to copy."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != "wav.scp" and "wav" not in path.parent.parts
    }


def test_data_directories_are_complete(tiny):
    for name in ("train", "dev", "test"):
        data = check_data_dir(tiny[0] / name)
        assert len(data.text) == getattr(TINY, name)
        assert set(data.utt2spk.values()) == set(getattr(TINY, f"{name}_voices"))
        ctm = [line.split() for line in (tiny[0] / name / "ctm").read_text().splitlines()]
        for utterance, sentence in data.text.items():
            assert "".join(row[4] for row in ctm if row[0] == utterance) == sentence


def test_report_counts_utterances_voices_and_characters(tiny):
    assert "train: 12 utterances, 0.00 h, 4 voices" in tiny[1]
    assert "distinct sentences to draw from" in tiny[1]


def test_run_again_changes_nothing(copy):
    wavs = {path: path.stat().st_mtime_ns for path in copy.rglob("*.wav")}
    before = tables(copy)
    # The copy's wav.scp named the wavs of the original; its own are there and are kept.
    prepare(TINY, copy, seed=0, nj=1)
    assert tables(copy) == before
    assert {path: path.stat().st_mtime_ns for path in wavs} == wavs


def test_interrupted_preparation_is_completed(copy):
    before = tables(copy)
    shutil.rmtree(copy / "test")
    (copy / "local" / "teacher.txt").unlink()
    next((copy / "local" / "wav" / "dev").glob("*.wav")).unlink()
    prepare(TINY, copy, seed=0, nj=1)
    assert tables(copy) == before
    assert len(list(copy.rglob("*.wav"))) == TINY.train + TINY.dev + TINY.test


@pytest.mark.parametrize("preset, seed", [(TINY, 1), (replace(TINY, dev=3), 0)], ids=["seed", "preset"])
def test_another_preset_or_seed_is_refused(copy, preset, seed):
    before = tables(copy)
    with pytest.raises(
        InputError, match="made with another preset or seed .*remove .*data or choose another"
    ):
        prepare(preset, copy, seed=seed, nj=1)
    assert tables(copy) == before


def test_a_corpus_of_before_there_were_pauses_is_kept(copy):
    claim = copy / "local" / "corpus.json"
    content = json.loads(claim.read_text())
    for name in ("pauses", "pause"):
        del content["preset"][name]
    claim.write_text(json.dumps(content, indent=1) + "\n")
    prepare(TINY, copy, seed=0, nj=1)
    with pytest.raises(InputError, match="made with another preset or seed"):
        prepare(replace(TINY, pauses=0.1), copy, seed=0, nj=1)


def test_unknown_voice_leaves_nothing_behind(tmp_path):
    with pytest.raises(InputError, match="unknown voice nobody; choose from"):
        prepare(replace(TINY, test_voices=("nobody",)), tmp_path / "data", seed=0, nj=1)
    assert not (tmp_path / "data").exists()


def test_negative_seed_is_refused(tmp_path):
    with pytest.raises(InputError, match="--seed is -1; give 0 or more"):
        prepare(TINY, tmp_path / "data", seed=-1, nj=1)


def test_proof_counts_what_it_checked(tiny):
    lines = len((tiny[0] / "local" / "teacher.txt").read_text(encoding="utf-8").splitlines())
    assert check_disjoint(tiny[0]).startswith("disjoint: 12 train, 4 dev, 4 test sentences share no")
    assert f"or in the {lines} lines of" in check_disjoint(tiny[0])


def plant(path, key, value):
    rows = read_table(path)
    rows[key] = value
    path.write_text("".join(f"{k} {v}\n" for k, v in sorted(rows.items())), encoding="utf-8")


@pytest.mark.parametrize("where", ["train", "dev"])
def test_planted_test_sentence_is_caught(copy, where):
    sentence = next(iter(read_table(copy / "test" / "text").values()))
    plant(copy / where / "text", next(iter(read_table(copy / where / "text"))), sentence)
    with pytest.raises(InputError, match=f"sentence {sentence} is also in .*{where}.*; remove .*stage 1"):
        check_disjoint(copy)


def test_training_sentence_that_contains_a_dev_sentence_is_caught(copy):
    sentence = next(iter(read_table(copy / "dev" / "text").values()))
    utterance = next(iter(read_table(copy / "train" / "text")))
    plant(copy / "train" / "text", utterance, f"在{sentence}中")
    with pytest.raises(
        InputError, match=f"train/text: {utterance} contains the dev or test sentence {sentence}"
    ):
        check_disjoint(copy)


def test_shared_speaker_is_caught(copy):
    plant(copy / "test" / "utt2spk", next(iter(read_table(copy / "test" / "utt2spk"))), "m1")
    with pytest.raises(InputError, match="speaker m1 is also in .*train/utt2spk"):
        check_disjoint(copy)


@pytest.mark.parametrize("comma", ["", "，"])
def test_leak_into_the_teachers_text_is_caught(copy, comma):
    sentence = next(iter(read_table(copy / "test" / "text").values()))
    with (copy / "local" / "teacher.txt").open("a", encoding="utf-8") as lines:
        lines.write(f"关于{sentence[:2]}{comma}{sentence[2:]}问题\n")
    with pytest.raises(
        InputError, match=f"teacher.txt: line .* contains the dev or test sentence {sentence}"
    ):
        check_disjoint(copy)


def test_missing_teacher_text_names_the_stage(copy):
    (copy / "local" / "teacher.txt").unlink()
    with pytest.raises(InputError, match="teacher.txt does not exist; make the data again"):
        check_disjoint(copy)


def test_commands_pass_their_options_on(tmp_path, monkeypatch, capsys):
    options = ["--preset", "tiny", "--out", str(tmp_path / "d"), "--seed", "7", "--nj", "2"]
    monkeypatch.setattr(sys, "argv", ["prepare", *options])
    prepare_mini_mandarin.main()
    assert json.loads((tmp_path / "d" / "local" / "corpus.json").read_text())["seed"] == 7
    monkeypatch.setattr(sys, "argv", ["check", "--data", str(tmp_path / "d")])
    check_mini_mandarin.main()
    assert capsys.readouterr().out.splitlines()[-1].startswith("disjoint: 12 train")


def test_a_leak_stops_the_command_with_one_line(copy):
    (copy / "local" / "teacher.txt").unlink()
    command = [sys.executable, check_mini_mandarin.__file__, "--data", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "teacher.txt does not exist" in done.stderr
