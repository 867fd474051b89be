import json
import logging
import os
import time
from argparse import Namespace
from dataclasses import replace

import pytest
import torch
import yaml

from espnet_gmot.data.decoding_facts import DecodingFacts, read_facts
from espnet_gmot.errors import InputError

FILES = ["score", "text", "token", "token_int"]


@pytest.fixture
def options(model_files, wav_scp, tmp_path):
    config, checkpoint = model_files
    return {
        "asr_train_config": str(config),
        "asr_model_file": str(checkpoint),
        "data_path_and_name_and_type": [(str(wav_scp), "speech", "sound")],
        "output_dir": str(tmp_path / "out"),
        "batch_size": 2,
        "num_workers": 0,
    }


def decode(**options):
    from espnet_gmot.decoding.job import decode_data

    directory = decode_data(**options)
    return {path.name: path.read_text() for path in directory.iterdir()}


def facts_of(tmp_path):
    return read_facts(tmp_path / "out", tmp_path / "out/1best_recog/text")


def journal_of(tmp_path):
    """Its lines without the header."""
    return (tmp_path / "out/best_paths.jsonl").read_text().splitlines()[1:]


def test_files_hold_all_utterances_in_their_order_whatever_the_batch(options, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    written = decode(**options)
    assert sorted(written) == FILES
    for content in written.values():
        assert [line.split()[0] for line in content.splitlines()] == ["u1", "u2", "u3", "u4", "u5"]
    assert len(set(written["token_int"].split())) > 8
    lengths = [int(line.split()[-1]) for line in caplog.messages if line.startswith("speech length: ")]
    assert lengths == [8000, 4800, 11200, 6400, 9600]  # as asr_inference logs them

    alone = decode(**options | {"output_dir": str(tmp_path / "alone"), "batch_size": 1})
    assert {name: written[name] for name in FILES[1:]} == {name: alone[name] for name in FILES[1:]}


def test_rerun_decodes_what_is_missing(options, wav_scp, tmp_path):
    (tmp_path / "keys").write_text("u2\nu4\n")
    decode(**options, key_file=str(tmp_path / "keys"))
    for name in ("u2", "u4"):
        wav_scp.with_name(f"{name}.wav").unlink()
    again = decode(**options)  # would not find them
    assert again["text"].startswith("u1 ")
    for path in tmp_path.glob("u?.wav"):
        path.unlink() if path.name != "u1.wav" else None
    assert decode(**options, timestamps=True)["text"] == again["text"]


def test_a_decoding_that_goes_on_gives_the_same_scores(options, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "espnet_gmot.decoding.decoder.READ_AHEAD", 2
    )  # windows of four utterances, and the last
    whole = decode(**options)
    lines = (tmp_path / "out/best_paths.jsonl").read_text().splitlines(keepends=True)
    batches = [{json.loads(line)[0] for line in lines[i : i + 2]} for i in (1, 3, 5)]
    assert batches == [{"u1", "u3"}, {"u2", "u4"}, {"u5"}]
    for count in (2, 4):
        directory = tmp_path / f"after_{count}"
        directory.mkdir()
        (directory / "best_paths.jsonl").write_text("".join(lines[: 1 + count]) + lines[1 + count][:9])
        assert decode(**options | {"output_dir": str(directory)}) == whole
        again = [
            json.loads(line)[0] for line in (directory / "best_paths.jsonl").read_text().splitlines()[1:]
        ]
        assert again == [json.loads(line)[0] for line in lines[1:]]


def test_facts_stand_beside_the_hypotheses(options, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["asr_ctc_greedy", "--ngpu", "0"])
    begun = time.perf_counter()
    decode(**options)
    facts = facts_of(tmp_path)
    assert 0 < facts.seconds < time.perf_counter() - begun
    assert replace(facts, seconds=None) == DecodingFacts(
        decoder="espnet_gmot.bin.asr_ctc_greedy",
        command="asr_ctc_greedy --ngpu 0",
        devices=["cpu"],
        utterances=5,
        samples=40000,
        sampling_rate=16000,
        seconds=None,
    )


def test_times_add_up_when_decoding_is_continued(options, tmp_path, monkeypatch):
    (tmp_path / "keys").write_text("u2\nu4\n")
    decode(**options, key_file=str(tmp_path / "keys"))
    begun = facts_of(tmp_path)
    assert (begun.utterances, begun.samples) == (2, 11200)
    written = [json.loads(line) for line in journal_of(tmp_path)]
    decode(**options)
    assert [json.loads(line) for line in journal_of(tmp_path)[:2]] == written
    whole = facts_of(tmp_path)
    assert (whole.utterances, whole.samples) == (5, 40000)
    costs = [json.loads(line)[-2] for line in journal_of(tmp_path)]
    assert whole.seconds == pytest.approx(sum(costs))
    assert whole.seconds > begun.seconds == pytest.approx(sum(costs[:2]))
    decode(**options)  # nothing is left to decode
    assert facts_of(tmp_path) == whole


def test_a_part_that_an_earlier_version_decoded_has_no_time(options, tmp_path):
    decode(**options)
    journal = tmp_path / "out/best_paths.jsonl"
    header, first, *others = journal.read_text().splitlines()
    journal.write_text("\n".join([header, json.dumps(json.loads(first)[:6]), *others]) + "\n")
    decode(**options)
    facts = facts_of(tmp_path)
    assert (facts.seconds, facts.samples, facts.rtf, facts.utterances) == (None, None, None, 5)


def test_timestamps_lie_within_the_utterances(options):
    written = decode(**options, timestamps=True)
    assert sorted(written) == ["ctm", *FILES]
    lines = [line.split() for line in written["ctm"].splitlines()]
    assert [line[4] for line in lines if line[0] == "u3"] == written["token"].splitlines()[2].split()[1:]
    for _, channel, start, duration, _, confidence in lines:
        assert channel == "1"
        assert float(duration) >= 0.032
        assert float(start) + float(duration) <= 0.7
        assert 0 < float(confidence) <= 1


def test_hypotheses_of_before_do_not_keep_their_times(options, model_files):
    decode(**options, timestamps=True)
    assert "ctm" not in decode(**options)


def test_options_that_cannot_be_met_are_refused(options, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="--batch_size is 0; it must be at least 1"):
        decode(**options | {"batch_size": 0})
    with pytest.raises(InputError, match="--ngpu is 1, but torch finds no CUDA GPU; decode with --ngpu 0"):
        decode(**options, ngpu=1)


def test_model_without_ctc_is_refused(options, tmp_path):
    from espnet_gmot.task import GMOTTask

    with open(options["asr_train_config"]) as file:
        config = yaml.safe_load(file)
    config |= {"model_conf": {"ctc_weight": 0.0}, "decoder": "transformer", "decoder_conf": {"num_blocks": 1}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    torch.save(GMOTTask.build_model(Namespace(**config)).state_dict(), tmp_path / "model.pth")
    files = {"asr_train_config": str(tmp_path / "config.yaml"), "asr_model_file": str(tmp_path / "model.pth")}
    with pytest.raises(InputError, match=r"config.yaml: the model has no CTC \(ctc_weight: 0\)"):
        decode(**options | files)


def test_audio_replaced_under_the_same_names_is_decoded_anew(options, wav_scp, tmp_path):
    first = decode(**options)
    other = {path.name: path.read_bytes() for path in wav_scp.parent.glob("u?.wav")}
    for path, name in (("u1.wav", "u3.wav"), ("u3.wav", "u1.wav")):
        time = wav_scp.with_name(path).stat().st_mtime
        wav_scp.with_name(path).write_bytes(other[name])
        os.utime(wav_scp.with_name(path), (time, time))
    again = decode(**options)
    fresh = decode(**options | {"output_dir": str(tmp_path / "fresh")})
    assert again == fresh
    assert again["score"] != first["score"]
