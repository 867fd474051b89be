from pathlib import Path

import numpy as np
import pytest
from small_teachers import read_texts

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.build_cache import build_cache
from espnet_gmot.teacher.cache import TeacherCache
from espnet_gmot.teacher.embed import embed
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.identity import TeacherIdentity
from espnet_gmot.teacher.projection import (
    cache_embeddings,
    fit_projection,
    load_projection,
    principal_axes,
    teacher_embeddings,
)
from espnet_gmot.teacher.tokenizer import load_tokenizer

TEXTS = ["我们", "爱学习", "语言和音乐", "天", "地大人小", "大小", "人", "学音乐", "天地人大小我们"]
TEACHER = TeacherIdentity("exp/老师", 7, "abc", random_init=True)
TRANSCRIPTS = [(f"utt{number}", text) for number, text in enumerate(TEXTS)]


def some_matrices(seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    scales = np.array([5.0, 3.0, 2.0, 1.0, 0.5])
    return [
        (rng.standard_normal((n, 5)) * scales + 7.0).astype(np.float32) for n in rng.integers(1, 9, size=40)
    ]


def test_against_svd_of_the_centred_matrix():
    matrices = some_matrices()
    mean, axes, variance = principal_axes(matrices)
    rows = np.concatenate(matrices).astype(np.float64)
    _, singular, expected = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    np.testing.assert_allclose(mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(variance, singular**2 / (len(rows) - 1), rtol=1e-10)
    np.testing.assert_allclose(np.abs(np.sum(axes * expected, axis=1)), 1.0, rtol=1e-10)


def test_axes_are_orthonormal_with_a_fixed_sign():
    _, axes, variance = principal_axes(some_matrices())
    np.testing.assert_allclose(axes @ axes.T, np.eye(5), atol=1e-12)
    assert (np.diff(variance) <= 0).all()
    assert (axes[np.arange(5), np.abs(axes).argmax(1)] > 0).all()


def test_large_mean_does_not_cancel():
    matrices = [matrix.astype(np.float64) for matrix in some_matrices()]
    _, _, expected = principal_axes(matrices)
    _, _, variance = principal_axes([matrix + 1e7 for matrix in matrices])
    np.testing.assert_allclose(variance, expected, rtol=1e-6)


def test_fewer_rows_than_dimensions_still_give_all_axes():
    _, axes, variance = principal_axes([np.eye(5)[:3]])
    np.testing.assert_allclose(axes @ axes.T, np.eye(5), atol=1e-12)
    np.testing.assert_allclose(variance, [0.5, 0.5, 0, 0, 0], atol=1e-12)


@pytest.mark.parametrize("matrices", [[], [np.ones((1, 5))], [np.zeros((0, 5))]])
def test_too_few_tokens(matrices: list[np.ndarray]):
    with pytest.raises(InputError, match="too few for a projection; give more text"):
        principal_axes(matrices)


@pytest.mark.parametrize("way", ["cache", "teacher"])
def test_special_tokens_do_not_count(tiny_bert: str, tmp_path: Path, way: str):
    teacher, tokenizer = FrozenTeacher.load(tiny_bert, 1), load_tokenizer(tiny_bert)
    every = dict(embed(teacher, read_texts(tokenizer, TEXTS), batch_bins=8)).values()
    content = np.concatenate([rows[1:-1] for rows in every])  # of [CLS] text [SEP]
    if way == "cache":
        build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "cache", "float32")
        given = cache_embeddings(TeacherCache(tmp_path / "cache"))
    else:
        given = teacher_embeddings(teacher, tokenizer, TRANSCRIPTS)
    fitted = fit_projection(given, TEACHER, tmp_path / "projection.npz")
    np.testing.assert_allclose(fitted.mean, content.mean(0), atol=1e-6)
    np.testing.assert_allclose(fitted.explained_variance.sum(), content.var(0, ddof=1).sum(), rtol=1e-5)


def test_saved_and_loaded(tmp_path: Path):
    fitted = fit_projection(some_matrices(), TEACHER, tmp_path / "projection.npz")
    loaded = load_projection(tmp_path / "projection.npz")
    np.testing.assert_array_equal(loaded.mean, fitted.mean)
    np.testing.assert_array_equal(loaded.components, fitted.components)
    np.testing.assert_array_equal(loaded.explained_variance, fitted.explained_variance)
    assert loaded.teacher == TEACHER


def test_cache_and_teacher_give_the_same_projection(tiny_bert: str, tmp_path: Path):
    teacher, tokenizer = FrozenTeacher.load(tiny_bert, 1), load_tokenizer(tiny_bert)
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "cache", "float32")
    online = principal_axes(teacher_embeddings(teacher, tokenizer, TRANSCRIPTS))
    cached = principal_axes(cache_embeddings(TeacherCache(tmp_path / "cache")))
    for a, b in zip(online, cached, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_at_most_max_texts_are_used(tiny_bert: str, tmp_path: Path):
    teacher, tokenizer = FrozenTeacher.load(tiny_bert), load_tokenizer(tiny_bert)
    assert len(list(teacher_embeddings(teacher, tokenizer, TRANSCRIPTS, max_texts=4))) == 4
    assert len(list(teacher_embeddings(teacher, tokenizer, TRANSCRIPTS, max_texts=400))) == len(TEXTS)
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path)
    assert len(list(cache_embeddings(TeacherCache(tmp_path), max_texts=4))) == 4


def test_missing_or_foreign_file_names_the_command(tmp_path: Path):
    path = tmp_path / "projection.npz"
    with pytest.raises(InputError, match=f"{path} does not exist.*bin.fit_projection.*--out {path}"):
        load_projection(path)
    path.write_text("not an archive", encoding="utf-8")
    with pytest.raises(InputError, match=f"{path} is not a projection.*bin.fit_projection"):
        load_projection(path)
    np.savez(path, mean=np.zeros(2))
    with pytest.raises(InputError, match=f"{path} is not a projection.*bin.fit_projection"):
        load_projection(path)
