"""The share of the teacher's context that an encoder knows, on characters made to have a known one."""

import dataclasses

import numpy as np
import pytest

from espnet_gmot.errors import InputError
from research.context_probe import SpokenCharacters, probe_context


def spoken(seed, number=4000, noise=0.0, known=1.0, chars="人民中国"):
    """Embeddings = character + context; frames = another vector of the character + a map of the context."""
    draw = np.random.default_rng(seed)
    fixed = np.random.default_rng(99)
    identity = {char: fixed.normal(size=6) for char in "人民中国大"}
    sound = {char: fixed.normal(size=5) for char in "人民中国大"}
    mixing = fixed.normal(size=(6, 5))
    chosen = draw.choice(list(chars), number)
    context = draw.normal(size=(number, 6)) * [1, 1, 1, 0, 0, 0]
    heard = known * context @ mixing + noise * draw.normal(size=(number, 5))
    return SpokenCharacters(
        chosen,
        np.array([sound[char] for char in chosen]) + heard,
        np.array([identity[char] for char in chosen]) + context,
    )


def test_context_that_is_all_there_is_found_whole():
    assert probe_context(spoken(0), spoken(1, 500))["context"] == pytest.approx(1, abs=1e-3)


def test_an_encoder_that_knows_only_the_characters_gets_nothing():
    found = probe_context(spoken(0, known=0), spoken(1, 500, known=0))
    assert found["context"] == pytest.approx(0, abs=1e-12)
    assert probe_context(spoken(0, known=0, noise=1), spoken(1, 500, known=0, noise=1))[
        "context"
    ] == pytest.approx(0, abs=0.01)


def test_a_context_of_one_feature_and_noise_has_the_share_of_theory():
    draw = np.random.default_rng(3)

    def noisy(number):
        context = draw.normal(size=(number, 1))
        chars = draw.choice(list("人民"), number)
        return SpokenCharacters(chars, context + draw.normal(size=(number, 1)), context)

    # Signal and noise of equal variance: the best linear guess explains a half.
    assert probe_context(noisy(20000), noisy(20000))["context"] == pytest.approx(0.5, abs=0.02)


def test_identity_is_the_share_of_the_variance_between_characters():
    train, test = spoken(0), spoken(1, 1000)
    means = {char: train.embeddings[train.chars == char].mean(0) for char in "人民中国"}
    rest = test.embeddings - np.array([means[char] for char in test.chars])
    total = test.embeddings - train.embeddings.mean(0)
    assert probe_context(train, test)["identity"] == pytest.approx(1 - (rest**2).sum() / (total**2).sum())


def test_scale_and_rotation_of_the_frames_do_not_matter():
    train, test = spoken(0, noise=0.5), spoken(1, 500, noise=0.5)
    rotation = np.linalg.qr(np.random.default_rng(5).normal(size=(5, 5)))[0] * 1e-3
    turned = [dataclasses.replace(each, frames=each.frames @ rotation) for each in (train, test)]
    assert probe_context(*turned)["context"] == pytest.approx(probe_context(train, test)["context"])


def test_unknown_characters_are_left_out_and_frames_of_no_use_harm_nothing():
    assert probe_context(spoken(0), spoken(1, 500, chars="人大"))["characters"] < 400
    silent = [dataclasses.replace(each, frames=0 * each.frames) for each in (spoken(0), spoken(1, 500))]
    assert probe_context(*silent)["context"] == 0


def test_sets_that_share_no_character_and_a_teacher_without_context_are_refused():
    with pytest.raises(InputError, match="no character of the test set occurs in the training set"):
        probe_context(spoken(0), spoken(1, chars="大"))
    flat = [
        dataclasses.replace(each, embeddings=np.repeat(each.embeddings[:1], len(each.chars), 0))
        for each in (spoken(0, chars="人"), spoken(1, chars="人"))
    ]
    with pytest.raises(InputError, match="the same embedding in all sentences"):
        probe_context(flat[0], flat[0])
