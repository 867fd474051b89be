"""Every YAML in conf/ goes through ESPnet's own command line, and twins differ where they should."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from small_corpus import TOKENS, TRANSCRIPTS

CONF = Path(__file__).parents[1] / "conf"
LM = sorted(CONF.rglob("train_lm*.yaml"))
TRAIN = sorted(set(CONF.rglob("train_*.yaml")) - set(LM))
BASELINES = [path for path in TRAIN if "model" not in yaml.safe_load(path.read_text())]
METHODS = [path for path in TRAIN if path not in BASELINES]
WITH_TEACHER = [path for path in METHODS if "preprocessor" in yaml.safe_load(path.read_text())]
GREEDY = sorted(CONF.rglob("decode_ctc_greedy.yaml"))
BEAM = sorted(set(CONF.rglob("decode_*.yaml")) - set(GREEDY))
GMOT_KEYS = {"model", "model_conf", "preprocessor", "preprocessor_conf"}

AISHELL_VOCABULARY = 4233  # <blank>, <unk> and <sos/eos> included
SPEECHOCEAN762_VOCABULARY = 31
PUBLISHED_PARAMETERS = {  # README of ESPnet's egs2/aishell/asr1
    "train_asr_ctc_conformer_e15_linear1024": "26.76 M",
    "train_asr_ctc_e_branchformer_e12": "26.24 M",
    "train_asr_conformer_e12_amp": "46.25 M",
}


def name(path):
    return str(path.relative_to(CONF))


def baseline_of(method: Path) -> Path:
    """The file without the method in its name, or with ctc in the method's place."""
    for path in BASELINES:
        if path.parent == method.parent and method.name.endswith(path.name.removeprefix("train_asr")):
            return path
    return method.with_name(re.sub("_(gmot_random_teacher|gmot|ot)(?=[_.])", "_ctc", method.name))


def build(path, tokens, *overrides):
    from espnet_gmot.task import GMOTTask

    args = GMOTTask.get_parser().parse_args(["--config", str(path), "--token_type", "char", *overrides])
    args.token_list = tokens
    torch.manual_seed(0)
    return args, GMOTTask.build_model(args)


def cut_down(path) -> list[str]:
    """Options that leave two encoder blocks and one decoder block, and a teacher of the test's size."""
    conf = yaml.safe_load(path.read_text())
    options = ["--encoder_conf", "num_blocks=2"]
    if "interctc_layer_idx" in conf["encoder_conf"]:
        options += ["--encoder_conf", "interctc_layer_idx=[1]"]
    if "decoder" in conf:
        options += ["--decoder_conf", "num_blocks=1"]
    if "teacher_size" in conf["model_conf"]:
        options += ["--model_conf", "teacher_size=16"]
    return options


@pytest.fixture(scope="module")
def recipe_dir(teacher_dir, tmp_path_factory):
    """A recipe's directory with the teacher caches and projections that the YAMLs name."""
    from espnet_gmot.teacher.build_cache import build_cache
    from espnet_gmot.teacher.cache import TeacherCache
    from espnet_gmot.teacher.frozen import FrozenTeacher
    from espnet_gmot.teacher.projection import cache_embeddings, fit_projection
    from espnet_gmot.teacher.tokenizer import load_tokenizer

    directory = tmp_path_factory.mktemp("recipe")
    transcripts = [(f"utt{i}", transcript) for i, transcript in enumerate(TRANSCRIPTS)]
    for out in ("teacher", "teacher_random", "sample/teacher", "sample/teacher_random"):
        random_init = "random" in out
        teacher = FrozenTeacher.load(str(teacher_dir), random_init=random_init)
        cache = directory / "exp" / out / "cache"
        build_cache(transcripts, teacher, load_tokenizer(str(teacher_dir)), cache)
        embeddings = cache_embeddings(TeacherCache(cache))
        fit_projection(embeddings, teacher.identity(), cache.with_name("projection.npz"))
    return directory


def training_batch(args):
    """Three utterances of noise through the YAML's own preprocessor and ESPnet's collate function."""
    from espnet_gmot.task import GMOTTask

    rng = np.random.default_rng(0)
    process = GMOTTask.build_preprocess_fn(args, train=True)
    utterances = []
    for i, transcript in enumerate(TRANSCRIPTS):
        speech = rng.normal(size=16000 - 1600 * i).astype(np.float32)
        utterances.append((f"utt{i}", process(f"utt{i}", {"speech": speech, "text": transcript})))
    return GMOTTask.build_collate_fn(args, train=True)(utterances)[1]


@pytest.mark.parametrize("path", TRAIN, ids=name)
def test_training_yaml_makes_an_optimiser_step(path, recipe_dir, build_model, monkeypatch):
    from espnet_gmot.task import GMOTTask

    monkeypatch.chdir(recipe_dir)
    args, model = build(path, TOKENS, *cut_down(path))
    (optimizer,) = GMOTTask.build_optimizers(args, model)
    before = {key: parameter.detach().clone() for key, parameter in model.named_parameters()}
    loss, stats, _ = model.train()(**training_batch(args))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())
    conf = yaml.safe_load(path.read_text())
    assert ("loss_fgw" in stats) == ("preprocessor" in conf)
    assert ("loss_consistency" in stats) == ("consistency_weight" in conf.get("model_conf", {}))
    optimizer.step()
    unmoved = {key for key, parameter in model.named_parameters() if parameter.equal(before[key])}
    assert not unmoved


@pytest.mark.parametrize("path", LM, ids=name)
def test_language_model_yaml_makes_an_optimiser_step(path):
    from espnet2.tasks.lm import LMTask

    cut = ["--lm_conf", "layer=1"] if yaml.safe_load(path.read_text())["lm"] == "transformer" else []
    args = LMTask.get_parser().parse_args(["--config", str(path), *cut])
    args.token_list = TOKENS
    model = LMTask.build_model(args)
    (optimizer,) = LMTask.build_optimizers(args, model)
    before = model.lm.decoder.weight.detach().clone()
    loss, _, _ = model.train()(torch.tensor([[2, 3, 4], [5, 6, 0]]), torch.tensor([3, 2]))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())
    optimizer.step()
    assert not model.lm.decoder.weight.equal(before)


def parameters(path, vocabulary=AISHELL_VOCABULARY) -> str:
    """Count the whole model's parameters with so many tokens, in millions; they get no memory."""
    tokens = ["<blank>", "<unk>", *map(str, range(vocabulary - 3)), "<sos/eos>"]
    with torch.device("meta"):
        _, model = build(path, tokens)
    return f"{sum(parameter.numel() for parameter in model.parameters()) / 1e6:.2f} M"


@pytest.mark.parametrize(("stem", "published"), PUBLISHED_PARAMETERS.items())
def test_baselines_have_the_published_number_of_parameters(stem, published, build_model):
    assert parameters(CONF / "aishell" / f"{stem}.yaml") == published


def test_table_lists_every_aishell_yaml_with_its_parameters(build_model):
    page = (CONF / "README.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `train_asr_")]
    listed = {cells[0].strip("`").replace("…", "ctc_conformer_e15_linear1024"): cells[-2] for cells in rows}
    assert listed == {path.stem: parameters(path) for path in TRAIN if path.parent == CONF / "aishell"}
    others = {path.stem for path in (CONF / "aishell").glob("*.yaml")} - set(listed)
    assert [stem for stem in others if f"| `{stem}` |" not in page] == []


@pytest.mark.parametrize("size", ["cpu", "gpu"])
def test_pages_tell_the_parameters_of_speechocean762(size, build_model):
    yamls = [CONF / "speechocean762" / f"train_{kind}_{size}.yaml" for kind in ("ctc", "gmot")]
    (told,) = {parameters(path, SPEECHOCEAN762_VOCABULARY) for path in yamls}
    pages = CONF / "README.md", CONF.parent / "egs2" / "speechocean762" / "asr1" / "README.md"
    for row, page in zip(("train_{ctc,gmot}_", "train_gmot_"), pages, strict=True):
        (line,) = [line for line in page.read_text().splitlines() if line.startswith(f"| `{row}{size}`")]
        assert f" {told} |" in line


@pytest.mark.parametrize("path", METHODS, ids=name)
def test_twins_differ_in_model_and_preprocessor_alone(path):
    ours, theirs = (yaml.safe_load(twin.read_text()) for twin in (path, baseline_of(path)))
    if ours["model_conf"].get("intermediate_weight"):
        ours["encoder_conf"].pop("interctc_layer_idx")
    assert {key for key in ours | theirs if ours.get(key) != theirs.get(key)} <= GMOT_KEYS
    assert ours["model"] == "gmot"
    assert theirs["model_conf"].items() <= ours["model_conf"].items()
    assert baseline_of(path) in BASELINES


@pytest.mark.parametrize("path", WITH_TEACHER, ids=name)
def test_cache_and_projection_are_of_one_teacher(path):
    conf = yaml.safe_load(path.read_text())
    cache = Path(conf["preprocessor_conf"]["teacher_cache"])
    assert (
        conf["model_conf"].get("projection", f"{cache.parent}/projection.npz").startswith(f"{cache.parent}/")
    )
    assert cache.parent.name == ("teacher_random" if "random_teacher" in path.name else "teacher")


@pytest.mark.parametrize("preset", ["demo", "small"])
def test_default_weights_are_those_of_the_demo_and_the_experiments(preset):
    from espnet_gmot.alignment import AlignmentOptions

    conf = yaml.safe_load((CONF / "mini_mandarin" / f"train_gmot_{preset}.yaml").read_text())["model_conf"]
    defaults = AlignmentOptions()
    for key in ("fgw_weight", "align_weight", "warmup_steps", "alpha"):
        assert conf[key] == getattr(defaults, key)


@pytest.mark.parametrize("path", TRAIN, ids=name)
def test_model_is_chosen_by_a_criterion_that_it_has(path):
    conf = yaml.safe_load(path.read_text())
    criterion = (
        ["valid", "cer_ctc", "min"] if conf["model_conf"]["ctc_weight"] == 1.0 else ["valid", "acc", "max"]
    )
    assert conf["best_model_criterion"] == [criterion]


def decoding_arguments(path):
    return [
        "--output_dir", "o", "--asr_train_config", "c", "--asr_model_file", "m",
        "--data_path_and_name_and_type", "wav.scp,speech,sound", "--config", str(path),
    ]  # fmt: skip


@pytest.mark.parametrize("path", GREEDY, ids=name)
def test_greedy_yaml_is_understood_by_both_decoders(path):
    from espnet2.bin.asr_inference import get_parser as stock_parser

    from espnet_gmot.bin.asr_ctc_greedy import get_parser

    for parser in (stock_parser(), get_parser()):
        args = parser.parse_args(decoding_arguments(path))
        assert (args.ctc_weight, args.beam_size) == (1.0, 1)


@pytest.mark.parametrize("path", BEAM, ids=name)
def test_beam_search_yaml_is_understood_by_asr_inference(path):
    from espnet2.bin.asr_inference import get_parser

    args = get_parser().parse_args(decoding_arguments(path))
    assert args.beam_size == 10
    assert (args.lm_weight > 0) == ("lm" in path.stem)


def test_every_yaml_is_loaded_by_a_test():
    assert set(CONF.rglob("*.yaml")) == {*TRAIN, *LM, *GREEDY, *BEAM}
    assert len(METHODS) >= 17
