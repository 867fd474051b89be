"""Couplings of trained models: when frames are, what a model without alignment gets, a whole set."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml
from small_corpus import RATE, TRANSCRIPTS, write_set

from espnet_gmot.errors import InputError

HOP = 128


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, teacher_dir):
    """A CTC and two GM-OT models of the same size as after training, and a set with character times."""
    import espnet2.tasks.asr  # noqa: F401
    from small_training import write_config

    from espnet_gmot.task import GMOTTask

    directory = tmp_path_factory.mktemp("recipe")
    teacher = {"teacher": str(teacher_dir)}
    gmot = {"model_conf": {"ctc_weight": 1.0} | teacher, "preprocessor": "gmot", "preprocessor_conf": teacher}
    acoustic = gmot["model_conf"] | {"projected_side": "acoustic", "teacher_size": 16}
    systems = {"gmot": gmot, "ctc": {"model_conf": {"ctc_weight": 1.0}, "model": "espnet"}}
    systems["acoustic"] = gmot | {"model_conf": acoustic}
    for name, options in systems.items():
        (directory / name).mkdir()
        config = write_config(directory / "train.yaml", decoder=None, **options)
        args = GMOTTask.get_parser().parse_args(["--config", str(config)])
        torch.manual_seed(0)
        model = GMOTTask.build_model(args)
        (directory / name / "config.yaml").write_text(yaml.safe_dump(vars(args), allow_unicode=True))
        torch.save(model.state_dict(), directory / name / "model.pth")
    write_set(directory / "data")
    return directory


def test_frame_times_are_the_middles_of_what_a_frame_sees(build_model):
    from espnet_gmot.trained.couplings import frame_times

    model = build_model(model="espnet").eval()
    features = torch.randn(1, 60, 20, requires_grad=True)
    frames = model.encoder.embed(features, torch.ones(1, 1, 60, dtype=torch.bool))[0]
    embedded = frames[0] if isinstance(frames, tuple) else frames  # relative positions come beside it
    for i in (0, 5):
        (gradient,) = torch.autograd.grad(embedded[0, i].sum(), features, retain_graph=True)
        seen = gradient[0].abs().sum(1).nonzero().flatten()
        middle = (seen[0] + seen[-1]).item() / 2 * HOP / RATE
        assert frame_times(model, RATE, 6)[i] == pytest.approx(middle)


def test_frame_times_of_another_input_layer_are_refused(build_model):
    from espnet_gmot.trained.couplings import frame_times

    model = build_model(model="espnet", encoder="transformer")
    model.encoder.embed = torch.nn.Linear(20, 8)
    with pytest.raises(InputError, match="known for input_layer: conv2d, not for Linear"):
        frame_times(model, RATE, 3)


def test_frame_times_behind_what_shortens_or_shifts_are_refused(build_model):
    from espnet_gmot.trained.couplings import frame_times

    model = build_model(model="espnet")
    model.frontend.stft.center = False
    with pytest.raises(InputError, match="known for frontend: default with center: true alone"):
        frame_times(model, RATE, 3)
    model.frontend = torch.nn.Identity()  # of another kind
    with pytest.raises(InputError, match="known for frontend: default"):
        frame_times(model, RATE, 3)
    model.postencoder = torch.nn.Identity()
    model.postencoder.length_adaptor_ratio = 2
    with pytest.raises(InputError, match="not known behind a length adaptor"):
        frame_times(model, RATE, 3)


def write_copy(recipe, name, directory, **options):
    """A model of the fixture under other options of its config.yaml."""
    shutil.copytree(recipe / name, directory)
    config = yaml.safe_load((directory / "config.yaml").read_text()) | options
    (directory / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    return directory


@pytest.mark.parametrize("name", ["gmot", "ctc"])
def test_speech_is_as_loud_as_training_made_it(recipe, tmp_path, name):
    """Coupling, times by CTC and spectrogram of an utterance and of the same at half the volume."""
    from espnet_gmot.trained.coupling_panels import spectrogram
    from espnet_gmot.trained.couplings import load_aligners, read_spoken
    from espnet_gmot.trained.ctc_spans import ctc_spans

    loud = write_copy(recipe, name, tmp_path / "loud", speech_volume_normalize=1.0)
    aligners = load_aligners([("loud", loud), ("plain", recipe / "gmot")], "model.pth")
    spoken = next(read_spoken(recipe / "data", ["u1"]))
    soft = spoken._replace(samples=spoken.samples / 2)
    with torch.no_grad():
        of_loud = [aligners["loud"].align(each) for each in (spoken, soft)]
        of_plain = [aligners["plain"].align(each) for each in (spoken, soft)]
    torch.testing.assert_close(*of_loud)
    assert not torch.allclose(of_plain[0][1], of_plain[1][1])
    np.testing.assert_allclose(
        *(spectrogram(aligners["loud"], each)[0] for each in (spoken, soft)), atol=1e-4
    )
    spans = ctc_spans(loud, "model.pth")
    assert spans(spoken) == spans(soft)


def test_a_ctc_model_gets_the_objective_of_the_guide(recipe):
    from espnet_gmot.trained.couplings import load_aligners, read_spoken

    aligners = load_aligners([("ctc", recipe / "ctc"), ("gmot", recipe / "gmot")], "model.pth")
    spoken = next(read_spoken(recipe / "data", ["u1"]))
    with torch.no_grad():
        plan, hidden = aligners["ctc"].align(spoken)
        # The weights are the same, so the guide aligns its own frames just so.
        expected = aligners["gmot"].align(spoken)
    assert plan.shape[1] == len(spoken.text) + 2
    torch.testing.assert_close((plan, hidden), expected)
    torch.testing.assert_close(plan.sum(0), torch.full((plan.shape[1],), 1 / plan.shape[1]))


def test_a_model_of_before_projections_had_to_be_named_is_drawn_as_it_was_trained(recipe, tmp_path):
    from espnet_gmot.trained.couplings import load_aligners, read_spoken

    shutil.copytree(recipe / "gmot", tmp_path / "old")
    config = yaml.safe_load((tmp_path / "old/config.yaml").read_text())
    assert config["model_conf"].pop("projection") == "random"
    (tmp_path / "old/config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    aligners = load_aligners([("old", tmp_path / "old"), ("gmot", recipe / "gmot")], "model.pth")
    spoken = next(read_spoken(recipe / "data", ["u1"]))
    with torch.no_grad():
        torch.testing.assert_close(aligners["old"].align(spoken), aligners["gmot"].align(spoken))


def test_the_guide_projects_the_teachers_side(recipe):
    from espnet_gmot.trained.couplings import load_aligners, read_spoken

    experiments = [(name, recipe / name) for name in ("acoustic", "ctc", "gmot")]
    aligners = load_aligners(experiments, "model.pth")
    assert aligners["ctc"].guide is aligners["gmot"].model
    assert aligners["acoustic"].guide is aligners["acoustic"].model
    spoken = next(read_spoken(recipe / "data", ["u1"]))
    with torch.no_grad():
        assert all(aligner.align(spoken)[0].shape[1] == 2 + len(spoken.text) for aligner in aligners.values())
    with pytest.raises(InputError, match="ctc was trained without alignment; name a GM-OT model .* beside"):
        load_aligners(experiments[:2], "model.pth")


@pytest.mark.slow
def test_embeddings_of_another_teacher_are_refused(recipe, teacher_dir, tmp_path):
    """The projection of one teacher, the cache of another: training refuses them too."""
    from transformers import BertConfig, BertModel

    from espnet_gmot.trained.couplings import load_aligners, read_spoken

    shutil.copytree(teacher_dir, tmp_path / "other")
    BertModel(BertConfig.from_pretrained(teacher_dir)).save_pretrained(tmp_path / "other")
    text = ["--text", recipe / "data/text"]
    for command in (
        ["cache_teacher", "--teacher", tmp_path / "other", "--out", tmp_path / "cache", *text],
        ["fit_projection", "--teacher", teacher_dir, "--out", tmp_path / "projection.npz", *text],
    ):
        subprocess.run([sys.executable, "-m", f"espnet_gmot.bin.{command[0]}", *command[1:]], check=True)
    shutil.copytree(recipe / "gmot", tmp_path / "gmot")
    config = yaml.safe_load((tmp_path / "gmot/config.yaml").read_text())
    config["preprocessor_conf"] = {"teacher_cache": str(tmp_path / "cache")}
    config["model_conf"] = {"ctc_weight": 1.0, "projection": str(tmp_path / "projection.npz")}
    (tmp_path / "gmot/config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    aligner = load_aligners([("gmot", tmp_path / "gmot")], "model.pth")["gmot"]
    with pytest.raises(InputError, match="projection.npz was fitted on teacher .*, which is not that of"):
        aligner.align(next(read_spoken(recipe / "data", ["u1"])))


def test_audio_of_another_rate_is_refused(recipe):
    from espnet_gmot.trained.couplings import load_aligners, read_spoken

    aligner = load_aligners([("gmot", recipe / "gmot")], "model.pth")["gmot"]
    spoken = next(read_spoken(recipe / "data", ["u1"]))
    with pytest.raises(InputError, match="utterance u1 has 8000 Hz, but the model was trained on 16000 Hz"):
        aligner.align(spoken._replace(rate=8000))


def test_a_set_is_measured_with_all_its_characters(recipe):
    from espnet_gmot.trained.character_spans import true_spans
    from espnet_gmot.trained.coupling_timing import measure_couplings

    spans = true_spans(recipe / "data" / "ctm")
    ours = measure_couplings(recipe / "gmot", None, "model.pth", recipe / "data", spans)
    ctc = measure_couplings(recipe / "ctc", recipe / "gmot", "model.pth", recipe / "data", spans)
    assert (ours.utterances, ours.tokens) == (3, sum(map(len, TRANSCRIPTS)))
    assert 0 < ours.summary()["inside_own_span"] <= 1
    assert ours.summary() == pytest.approx(ctc.summary())


def test_other_options_are_those_of_a_model_trained_with_them(recipe, tmp_path, monkeypatch):
    from espnet_gmot.trained.character_spans import true_spans
    from espnet_gmot.trained.coupling_timing import measure_couplings
    from research.bin import screen_couplings
    from research.screening import screen

    data, ctm, change = recipe / "data", recipe / "data" / "ctm", {"alpha": 0.0, "special_tokens": False}
    shutil.copytree(recipe / "gmot", tmp_path / "gmot")
    config = yaml.safe_load((recipe / "gmot" / "config.yaml").read_text())
    config["model_conf"] |= change
    (tmp_path / "gmot" / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    expected = measure_couplings(tmp_path / "gmot", None, "model.pth", data, true_spans(ctm)).summary()
    variants = {"as trained": {}, "OT": change}
    found = screen([recipe / "gmot"] * 2, "model.pth", data, lambda _: true_spans(ctm), variants)
    assert found["OT"] == [expected] * 2
    assert found["as trained"][0] != expected
    (tmp_path / "variants.yaml").write_text(yaml.safe_dump(variants))
    command = ["screen_couplings", "--experiment", *[str(recipe / "gmot")] * 2]
    command += ["--inference_asr_model", "model.pth", "--data", str(data), "--ctm", str(ctm)]
    command += ["--variants", str(tmp_path / "variants.yaml"), "--out", str(tmp_path / "page.md")]
    monkeypatch.setattr("sys.argv", command)
    screen_couplings.main()
    line = next(line for line in (tmp_path / "page.md").read_text().splitlines() if line.startswith("| OT"))
    share = f"{100 * expected['inside_own_span']:.1f}"
    assert "`{alpha: 0.0, special_tokens: false}`" in line and f"| {share} ({share}, {share}) |" in line
    with pytest.raises(InputError, match="alpha is 2.0 and must be in"):
        screen([recipe / "gmot"], "model.pth", data, lambda _: true_spans(ctm), {"wrong": {"alpha": 2.0}})
    for fixed in ("projection", "teacher_size", "fgw_weight"):
        with pytest.raises(InputError, match=f"{fixed} changes no coupling of a model that is trained"):
            screen([recipe / "gmot"], "model.pth", data, lambda _: true_spans(ctm), {"wrong": {fixed: 1}})


def test_a_training_that_diverged_is_not_measured(recipe, tmp_path):
    """The solver makes a coupling of any numbers."""
    from espnet_gmot.trained.character_spans import true_spans
    from espnet_gmot.trained.coupling_timing import measure_couplings

    spans = true_spans(recipe / "data" / "ctm")
    for name, guide in (("gmot", None), ("ctc", recipe / "gmot")):
        broken = write_copy(recipe, name, tmp_path / name)
        state = torch.load(broken / "model.pth")
        state["encoder.after_norm.weight"].fill_(torch.nan)
        torch.save(state, broken / "model.pth")
        with pytest.raises(InputError, match="utterance u0: the encoder's output is not finite, so"):
            measure_couplings(broken, guide, "model.pth", recipe / "data", spans)


@pytest.mark.parametrize("times", [["--ctm", "{}/data/ctm"], ["--times_of", "{}/ctc"], []])
def test_the_command_tells_where_the_mass_lies(recipe, tmp_path, monkeypatch, capsys, caplog, times):
    from espnet_gmot.bin import measure_coupling

    command = ["measure_coupling", "--experiment", "{}/gmot", "--inference_asr_model", "model.pth"]
    command += ["--data", "{}/data", "--out", f"{tmp_path}/coupling.json", *times]
    monkeypatch.setattr("sys.argv", [word.format(recipe) for word in command])
    measure_coupling.main()
    found = json.loads((tmp_path / "coupling.json").read_text())
    told = capsys.readouterr().out
    assert found["by_ctc"] == ("--ctm" not in times)
    assert f"{found['inside_own_span']:4.0%} where it is spoken" in told
    assert f"{found['inside_span_before']:4.0%} where the token before it" in told
    others = [found[f"inside_{name}"] for name in ("span_before", "span_after", "own_span_by_chance")]
    assert ("does not lie where" in caplog.text) == (found["inside_own_span"] <= max(others))


def test_times_of_other_characters_are_refused(recipe, tmp_path):
    from espnet_gmot.trained.character_spans import true_spans
    from espnet_gmot.trained.coupling_timing import measure_couplings

    ctm = tmp_path / "ctm"
    ctm.write_text((recipe / "data" / "ctm").read_text().replace(TRANSCRIPTS[0][0], "人"))
    with pytest.raises(InputError, match="ctm: the characters of u0 are not those of its transcript"):
        measure_couplings(recipe / "gmot", None, "model.pth", recipe / "data", true_spans(ctm))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ctc", "gmot"])
def test_characters_of_a_set_are_heard_where_they_are_spoken(recipe, teacher_dir, name):
    from espnet2.tasks.asr import ASRTask

    from espnet_gmot.teacher.cache import TeacherCache
    from espnet_gmot.trained.couplings import frame_times, read_spoken
    from espnet_gmot.trained.load import load_experiment
    from research.context_probe import probe_encoder, spoken_characters

    cache = recipe / "cache"
    if not cache.exists():
        command = [sys.executable, "-m", "espnet_gmot.bin.cache_teacher", "--teacher", teacher_dir]
        subprocess.run([*command, "--text", recipe / "data/text", "--out", cache], check=True)
    data, ctm = recipe / "data", recipe / "data" / "ctm"
    model, args = load_experiment(recipe / name, "model.pth")
    process = ASRTask.build_preprocess_fn(args, train=False)
    found = spoken_characters(model, process, TeacherCache(cache), data, ctm)
    assert "".join(found.chars) == "".join(TRANSCRIPTS)
    assert found.embeddings.shape == (len(found.chars), 16)

    spoken = next(read_spoken(data, ["u0"]))
    with torch.no_grad():
        hidden = model.encode(torch.from_numpy(spoken.samples)[None], torch.tensor([len(spoken.samples)]))[0]
    middles = frame_times(model, spoken.rate, hidden.size(1))
    second = (middles >= 0.2) & (middles < 0.4)
    np.testing.assert_allclose(found.frames[1], hidden[0].numpy()[second].mean(0), atol=1e-6)
    share = probe_encoder(recipe / name, "model.pth", cache, [(data, ctm), (data, ctm)])
    assert share["characters"] == len(found.chars)
    assert 0 < share["context"] <= 1  # the characters that it was fitted on


def test_without_a_gmot_model_or_with_an_unknown_utterance_it_ends_early(recipe):
    from espnet_gmot.trained.couplings import load_aligners, read_spoken

    with pytest.raises(InputError, match="ctc was trained without alignment; name a GM-OT model"):
        load_aligners([("ctc", recipe / "ctc")], "model.pth")
    with pytest.raises(InputError, match="has no utterance u9; name one that it lists"):
        next(read_spoken(recipe / "data", ["u9"]))


def test_panel_stands_where_its_frames_are(recipe):
    from espnet_gmot.trained.coupling_panels import coupling_panels

    spectrogram, hop, (panel,) = coupling_panels(
        [("gmot", recipe / "gmot")], "model.pth", recipe / "data", "u0"
    )
    assert hop == HOP / RATE
    assert panel.frame_seconds == pytest.approx(4 * hop)
    assert panel.start_seconds == pytest.approx((3 - 2) * hop)
    assert panel.tokens == ["[CLS]", *TRANSCRIPTS[0], "[SEP]"]
    assert len(spectrogram) >= len(panel.plan) * 4


@pytest.fixture(scope="module")
def merging(recipe):
    """The same GM-OT model with a teacher that has as many tokens as u2 has characters, but others."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    from espnet_gmot.teacher.build_cache import build_cache
    from espnet_gmot.teacher.frozen import FrozenTeacher
    from espnet_gmot.teacher.tokenizer import load_tokenizer

    directory = recipe / "merging"
    characters = sorted(set("".join(TRANSCRIPTS)))
    pieces = ["<s>", "</s>", "<unk>", "▁", "天气", "我们", "公园", *characters]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(len(piece) == 1)) for piece in pieces], unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "model_max_length": 64}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(directory / "teacher")
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(pieces), **size)).save_pretrained(directory / "teacher")
    for name, conf in (("online", {"teacher": str(directory / "teacher")}), ("cached", {})):
        shutil.copytree(recipe / "gmot", directory / name)
        config = yaml.safe_load((directory / name / "config.yaml").read_text())
        config["preprocessor_conf"] = conf or {"teacher_cache": str(directory / "cache")}
        config["model_conf"] |= conf or {"teacher": None}
        (directory / name / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    teacher = str(directory / "teacher")
    build_cache(
        [(f"u{number}", text) for number, text in enumerate(TRANSCRIPTS)],
        FrozenTeacher.load(teacher), load_tokenizer(teacher), directory / "cache",
    )  # fmt: skip
    return directory


@pytest.mark.parametrize("name", ["online", "cached"])
def test_rows_of_a_picture_are_the_teachers_tokens(recipe, merging, name):
    from espnet_gmot.trained.character_spans import true_spans
    from espnet_gmot.trained.coupling_panels import coupling_panels
    from espnet_gmot.trained.coupling_timing import measure_couplings

    experiment = merging / name
    _, _, (panel,) = coupling_panels([(name, experiment)], "model.pth", recipe / "data", "u2")
    assert panel.tokens == ["<s>", "▁", "天气", "好", "</s>"]  # of 天气好
    timing = measure_couplings(
        experiment, None, "model.pth", recipe / "data", true_spans(recipe / "data/ctm")
    )
    assert timing.tokens == sum(map(len, TRANSCRIPTS)) - 3  # 我们, 公园 and 天气 are one token each


def test_the_probe_is_of_characters_alone(recipe, merging):
    from research.context_probe import probe_encoder

    sets = [(recipe / "data", recipe / "data/ctm")] * 2
    with pytest.raises(InputError, match="utterance u1: the teacher's token 我们 is more than one character"):
        probe_encoder(recipe / "gmot", "model.pth", merging / "cache", sets)


def test_without_the_teacher_of_the_cache_rows_are_numbered_and_measures_refuse(recipe, merging, caplog):
    from espnet_gmot.trained.character_spans import true_spans
    from espnet_gmot.trained.coupling_panels import coupling_panels
    from espnet_gmot.trained.coupling_timing import measure_couplings

    (merging / "teacher").rename(merging / "elsewhere")
    try:
        _, _, (panel,) = coupling_panels([("x", merging / "cached")], "model.pth", recipe / "data", "u2")
        assert panel.tokens == ["0", "1", "2", "3", "4"]
        assert "x: the rows of the picture are numbered, not labelled" in caplog.text
        with pytest.raises(InputError, match="teacher is not on this machine"):
            spans = true_spans(recipe / "data/ctm")
            measure_couplings(merging / "cached", None, "model.pth", recipe / "data", spans)
    finally:
        (merging / "elsewhere").rename(merging / "teacher")
