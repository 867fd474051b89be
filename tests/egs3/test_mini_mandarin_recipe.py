"""The whole tiny recipe of ESPnet3, from synthesis to error rate, card, demo and upload, and its reruns."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
import yaml
from browser import free_port, wait_for_server
from espnet3_installed import needs_espnet3
from model_hub import model_hub
from recipe_copy import clone, run_script, run_stages

from espnet_gmot.score.result_files import score_files

pytestmark = [pytest.mark.slow, *needs_espnet3]

OFFLINE = (
    "create_dataset train_tokenizer cache_teacher collect_stats train infer measure pack_model pack_demo"
)
CONFIGURATIONS = {
    "training": "conf/tiny/training_gmot.yaml",
    "inference": "conf/tiny/inference.yaml",
    "metrics": "conf/metrics.yaml",
    "publication": "conf/publication.yaml",
    "demo": "conf/demo.yaml",
}
DEMO = {"app.py", "demo.yaml", "README.md", "requirements.txt"}
REPOSITORY = "tester/mini_mandarin_training_gmot_tiny"
CER = "espnet3.systems.esp2_asr.metrics.cer.CER"


def run(recipe, stages="", hub="http://127.0.0.1:9", **configurations):
    """Run stages by run.py, all of them if none is named; return its exit status and what it printed."""
    return run_stages(
        recipe, stages, CONFIGURATIONS | configurations,
        HF_ENDPOINT=hub, HF_TOKEN="hf_nobody", HF_HUB_OFFLINE="0",
    )  # fmt: skip


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A copy of the recipe, as a fresh clone has it."""
    recipe = clone(tmp_path_factory.mktemp("clone")) / "egs3" / "mini_mandarin" / "esp2_asr"
    for name in ("publication.yaml", "demo.yaml"):
        path = recipe / "conf" / name
        path.write_text(path.read_text().replace("YOUR_NAME", "tester"))
    return recipe


@pytest.fixture(scope="module")
def finished(recipe):
    """The recipe after all stages, and what was uploaded."""
    with model_hub() as hub:
        status, log = run(recipe, hub=hub.url)
    assert status == 0, log[-5000:]
    return hub.repositories


@pytest.fixture(scope="module")
def experiment(recipe, finished):
    return recipe / "exp" / "training_gmot_tiny"


def test_every_set_has_an_error_rate(recipe, experiment):
    rates = json.loads((experiment / "inference" / "metrics.json").read_text())[CER]
    assert rates.keys() == {"dev", "test"}
    for name in rates:
        decoded = (experiment / "inference" / name / "text.scp").read_text().splitlines()
        assert [line.split()[0] for line in decoded] == [
            line.split()[0] for line in (recipe / "data" / name / "text").read_text().splitlines()
        ]


def test_training_has_the_teacher_and_normalised_features(experiment):
    config = yaml.safe_load((experiment / "config.yaml").read_text())
    assert (config["model"], config["normalize"]) == ("gmot", "global_mvn")
    assert config["normalize_conf"] == {"stats_file": "exp/stats/train/feats_stats.npz"}
    log = (experiment / "train.log").read_text()
    assert [
        name for name in ("loss_ctc", "loss_fgw", "loss_align", "token_spread") if f"{name}=" not in log
    ] == []


def test_the_model_with_its_card_is_uploaded(experiment, finished):
    files = finished[REPOSITORY]
    card = files["README.md"].decode()
    assert "graph-matching optimal transport (GM-OT) beside ESPnet's loss: alpha 0.5, fgw_weight 1.0" in card
    assert "- Teacher: exp/teacher/bert, layer 1" in card
    assert "license: other" in card
    assert "| dataset | CER |" in card
    model = "exp/training_gmot_tiny/valid.cer_ctc.ave_2best.pth"
    assert files[model] == (experiment / "valid.cer_ctc.ave_2best.pth").read_bytes()
    needed = {"dataset/__init__.py", "data/token_list/char/tokens.txt", "exp/stats/train/feats_stats.npz"}
    assert needed <= files.keys()
    assert not [path for path in files if path.endswith((".ckpt", ".log"))]


def test_the_demo_is_uploaded_with_the_model_that_it_shows(recipe, finished):
    files, model = finished[f"{REPOSITORY}_demo"], finished[REPOSITORY]
    assert files.keys() == DEMO | {f"model_pack/{path}" for path in model}
    assert files["app.py"] == (recipe / "src" / "app.py").read_bytes()
    name = "exp/training_gmot_tiny/valid.cer_ctc.ave_2best.pth"
    assert files[f"model_pack/{name}"] == model[name]


def test_the_demo_says_what_infer_wrote_and_draws_where_the_teacher_is(recipe, experiment, monkeypatch):
    from espnet_gmot.demo_page.answer import answer
    from espnet_gmot.espnet3.demo import load_packed

    recogniser = load_packed(experiment / "demo" / "model_pack")
    wavs = (recipe / "dump" / "raw" / "test" / "wav.scp").read_text().splitlines()
    decoded = (experiment / "inference" / "test" / "text.scp").read_text().splitlines()
    for wav, text in zip(wavs, decoded, strict=True):
        found = answer(recogniser, str(recipe / wav.split()[1]), "")
        assert found.transcript.text == text.partition(" ")[2], text
    spoken = str(recipe / wavs[0].split()[1]), "今天很好"
    elsewhere = answer(recogniser, *spoken)
    assert elsewhere.picture is None and "no coupling: exp/teacher/cache" in elsewhere.message
    monkeypatch.chdir(recipe)
    assert answer(recogniser, *spoken).picture is not None


@pytest.mark.skipif(find_spec("gradio") is None, reason="gradio is not installed")
def test_the_demo_answers_where_gradios_variables_say(experiment, tmp_path):
    port = str(free_port())
    command = [sys.executable, str(experiment / "demo" / "app.py")]
    with (tmp_path / "log").open("w") as log:
        address = {"GRADIO_SERVER_NAME": "127.0.0.2", "GRADIO_SERVER_PORT": port}
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log, env=os.environ | address)
    try:
        wait_for_server(f"http://127.0.0.2:{port}", process)
    finally:
        process.terminate()
        process.wait(60)


COMPARE = ("compare_with_egs2.sh", "--preset", "tiny")
DROPPED = {"ctc": 3, "gmot": 1}  # errors that the made-up results of egs2 have in each set


@pytest.fixture(scope="module")
def egs2(recipe, finished):
    """Results as the recipe of egs2 leaves them, made up: transcripts that lack their first characters."""
    egs2 = recipe.parents[2] / "egs2" / "mini_mandarin" / "asr1"
    shutil.copytree(recipe / "data", egs2 / "data")
    for system, dropped in DROPPED.items():
        experiment = egs2 / "exp" / f"asr_train_{system}_tiny"
        for name in ("dev", "test"):
            data, decoded = egs2 / "data" / name, experiment / "decode_ctc_greedy" / name
            first, *others = (data / "text").read_text().splitlines()
            utterance, characters = first.split()
            decoded.mkdir(parents=True)
            lines = [f"{utterance} {characters[dropped:]}", *others]
            (decoded / "text").write_text("".join(f"{line}\n" for line in lines))
            score_files(data / "text", decoded / "text", data / "utt2spk", "char", decoded / "score_cer")
        (experiment / "config.yaml").write_text("max_epoch: 3\nseed: 0\n")
    return egs2


def test_without_the_results_of_egs2_the_comparison_is_refused_at_once(recipe):
    status, log = run_script(recipe, *COMPARE)
    assert status == 2
    assert "lacks exp/asr_train_ctc_tiny/decode_ctc_greedy/dev/score_cer/result.json; run ./run.sh" in log


def test_a_half_with_other_epochs_is_refused_at_once(recipe, egs2):
    config = egs2 / "exp" / "asr_train_gmot_tiny" / "config.yaml"
    config.write_text("max_epoch: 40\nseed: 0\n")
    status, log = run_script(recipe, *COMPARE)
    config.write_text("max_epoch: 3\nseed: 0\n")
    assert status == 2
    assert "asr_train_gmot_tiny was trained for 40 epochs, and conf/tiny asks for others" in log


def test_a_half_with_other_sentences_is_refused_before_training(recipe, egs2):
    text = egs2 / "data" / "train" / "text"
    before = text.read_text()
    text.write_text(before.replace("\n", "的\n", 1))
    status, log = run_script(recipe, *COMPARE)
    text.write_text(before)
    assert status == 2
    assert "data/train/text is not that of ../../../egs2/mini_mandarin/asr1; run ./run.sh" in log
    assert "training and decoding" not in log


def test_a_training_that_fails_does_not_leave_the_other_behind(recipe, egs2, experiment):
    conf = recipe / "conf" / "tiny" / "training_gmot.yaml"
    before = conf.read_text()
    conf.write_text(before.replace("align_weight: 1.0", "align_weight: -1.0"))
    status, log = run_script(recipe, *COMPARE)
    conf.write_text(before)
    assert status == 1
    assert "compare_with_egs2.sh: error: gmot failed; log: exp/training_gmot_tiny.log" in log
    assert (recipe / "exp" / "training_ctc_tiny" / "inference" / "test" / "text.scp").is_file()


def test_one_table_has_both_kinds_of_recipes(recipe, egs2, experiment):
    status, log = run_script(recipe, *COMPARE)
    assert status == 0, log[-5000:]
    rows = json.loads((recipe / "exp" / "egs2_and_egs3_tiny.json").read_text())
    rates = {(row["system"], row["set"]): row["cer"] for row in rows}
    own = experiment.parent / "training_ctc_tiny", experiment
    for name in ("dev", "test"):
        data = recipe / "data" / name
        characters = sum(len(line.split()[1]) for line in (data / "text").read_text().splitlines())
        for (system, dropped), egs3 in zip(DROPPED.items(), own, strict=True):
            hypotheses = egs3 / "inference" / name / "text.scp"
            counted = score_files(data / "text", hypotheses, data / "utt2spk", "char", recipe / "exp" / "own")
            assert rates.pop((f"{system}_egs2", name)) == pytest.approx(100 * dropped / characters)
            assert rates.pop((f"{system}_egs3", name)) == counted.total.err_rate
    assert not rates


def test_a_rerun_does_nothing_again_but_decodes_with_espnet3s_own_search(recipe, experiment):
    """Its worker of Dask imports ESPnet's task and its own dataset: the model is known there."""
    beam = yaml.safe_load((recipe / "conf" / "tiny" / "inference_beam.yaml").read_text())
    stock = "espnet3.systems.esp2_asr.inference.ASRInferenceRunner"
    beam |= {"runner": {"_target_": stock}, "inference_dir": "${exp_dir}/stock"}
    one_set = {"name": "test", "data_src_args": {"data_dir": "dump/raw/test", "inference": True}}
    beam |= {"dataset": {"test": [one_set]}}
    (recipe / "conf" / "tiny" / "stock.yaml").write_text(yaml.safe_dump(beam))
    before = {path: path.stat().st_mtime_ns for path in experiment.glob("*.[pc]*t*")}
    status, log = run(recipe, OFFLINE, inference="conf/tiny/stock.yaml")
    assert status == 0, log[-5000:]
    assert log.count("already done") == 7  # data, three sets, tokens, statistics, training
    assert {path: path.stat().st_mtime_ns for path in experiment.glob("*.[pc]*t*")} == before
    assert json.loads((experiment / "stock" / "metrics.json").read_text())[CER].keys() == {"test"}
    assert not list((experiment / "model_pack").rglob("demo"))  # which the first run had made


def test_a_training_goes_on_and_averages_its_best_epochs_in_the_end(recipe, experiment):
    size = recipe / "conf" / "tiny" / "size.yaml"
    size.write_text(size.read_text().replace("max_epochs: 3", "max_epochs: 4"))
    (experiment / ".done").unlink()
    status, log = run(recipe, "train")
    assert status == 0, log[-5000:]
    log = (experiment / "train.log").read_text()
    assert "epoch_summary:4epoch:train" in log and "epoch_summary:3epoch" not in log
    best = [torch.load(path, weights_only=False)["state_dict"] for path in experiment.glob("epoch*.ckpt")]
    average = torch.load(experiment / "valid.cer_ctc.ave_2best.pth", weights_only=True)
    for name in ("ctc.ctc_lo.weight", "encoder.after_norm.bias"):
        torch.testing.assert_close(average[name], (best[0][name] + best[1][name]) / 2)
