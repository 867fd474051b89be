"""Texts that no cache holds."""

import shutil
from argparse import Namespace

import pytest
import torch
from small_corpus import RATE, TRANSCRIPTS

from espnet_gmot.errors import InputError


def coupling(recogniser, train_args, text, noise, scratch):
    from espnet_gmot.demo_page.typed_text import aligner_for
    from espnet_gmot.trained.couplings import SpokenText

    aligner = aligner_for(recogniser.model, train_args, text, scratch)
    with torch.no_grad():
        return aligner.align(SpokenText("speech", text, noise, RATE))[0]


def test_a_text_that_the_cache_lacks_is_aligned_as_one_that_it_holds(
    load, cached_experiment, gmot_experiment, noise, tmp_path
):
    cached, live = load(cached_experiment), load(gmot_experiment)  # of the same weights
    for number, text in enumerate(TRANSCRIPTS[:2]):
        scratch = tmp_path / f"cache{number}"
        found = coupling(cached, cached.train_args, text, noise, scratch)
        expected = coupling(live, live.train_args, text, noise, scratch)
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)
        assert scratch.exists() == (number == 1)  # the first text is in the training's cache


def test_a_cache_of_coordinates_gets_coordinates(load, cached_experiment, teacher_dir, noise, tmp_path):
    from espnet_gmot.teacher.build_cache import build_cache
    from espnet_gmot.teacher.frozen import FrozenTeacher
    from espnet_gmot.teacher.projection import Coordinates, fit_projection, teacher_embeddings
    from espnet_gmot.teacher.tokenizer import load_tokenizer

    tokenizer, teacher = load_tokenizer(str(teacher_dir)), FrozenTeacher.load(str(teacher_dir))
    texts = [(f"u{number}", text) for number, text in enumerate(TRANSCRIPTS)]
    projection = tmp_path / "projection.npz"
    fit_projection(
        teacher_embeddings(teacher, tokenizer, texts, scratch=tmp_path), teacher.identity(), projection
    )
    build_cache(
        texts[:1], teacher, tokenizer, tmp_path / "cache", dtype="float32",
        coordinates=Coordinates(projection, 8),
    )  # fmt: skip
    recogniser = load(cached_experiment)
    known = vars(recogniser.train_args)
    args = Namespace(
        **known
        | {"model_conf": known["model_conf"] | {"projection": str(projection)}}
        | {"preprocessor_conf": {"teacher_cache": str(tmp_path / "cache")}}
    )
    from espnet_gmot.task import GMOTTask

    model = GMOTTask.build_model(args).eval()
    model.load_state_dict(recogniser.model.state_dict())
    recogniser.model = model
    assert coupling(recogniser, args, TRANSCRIPTS[1], noise, tmp_path / "typed").isfinite().all()


def test_a_teacher_that_is_gone_or_a_cache_that_is_gone_is_named(load, cached_experiment, noise, tmp_path):
    recogniser = load(cached_experiment)
    known = vars(recogniser.train_args)
    args = Namespace(**known | {"preprocessor_conf": {"teacher_cache": str(tmp_path / "gone")}})
    with pytest.raises(InputError, match="gone/meta.json does not exist"):
        coupling(recogniser, args, TRANSCRIPTS[1], noise, tmp_path / "typed")
    cache = tmp_path / "cache"
    shutil.copytree(known["preprocessor_conf"]["teacher_cache"], cache)
    meta = (cache / "meta.json").read_text()
    teacher = str(tmp_path / "no_teacher")
    (cache / "meta.json").write_text(meta.replace(meta.split('"teacher": "')[1].split('"')[0], teacher))
    args = Namespace(**known | {"preprocessor_conf": {"teacher_cache": str(cache)}})
    with pytest.raises(InputError, match="no_teacher"):
        coupling(recogniser, args, TRANSCRIPTS[1], noise, tmp_path / "typed")
