"""Corrections: what is too sure is drawn together, what turns out lower is bent, and what is right stays as it is."""

import numpy as np
import pytest
from scipy import sparse

from skillcore.insight.attempts.correcting import REACH, Correction, corrected, held_out
from skillcore.insight.attempts.fitting import Design, fitted


def drawn(logits, seed):
    return (np.random.default_rng(seed).random(len(logits)) < 1 / (1 + np.exp(-logits))).astype(float)


@pytest.fixture(scope="module")
def logits():
    return np.random.default_rng(1).normal(0.5, 1.2, 40_000)


@pytest.mark.parametrize("truth", [Correction(), Correction(-0.4, 0.6), Correction(0.1, 1.3), Correction(0.0, 0.9, -0.06)])
def test_the_correction_that_was_planted_is_found(logits, truth):
    found = corrected(logits, drawn(truth.of(logits), 2))
    assert (found.shift, found.scale, found.bend) == pytest.approx((truth.shift, truth.scale, truth.bend), abs=0.05)


def test_a_correction_by_hand():
    # 0.1 + 0.5 * -2 - 0.01 * 4, and beyond the reach 0.1 + 0.5 * 8 - 0.01 * 36
    assert Correction(0.1, 0.5, -0.01).of(np.array([-2.0, 8.0])) == pytest.approx([-0.94, 3.74])


def test_logits_that_say_nothing_are_drawn_to_nothing(logits):
    found = corrected(logits, drawn(np.full(len(logits), 0.7), 3))
    assert found.scale == pytest.approx(0.02, abs=0.02)
    assert found.shift == pytest.approx(0.7, abs=0.05)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", [np.abs, np.negative, lambda x: -np.abs(x), np.square])
def test_a_higher_prediction_is_never_corrected_to_a_lower_one(seed, shape):
    logits = np.random.default_rng(seed).normal(0, 1.5, 500)
    found = corrected(logits, drawn(shape(logits), seed))
    after = found.of(np.linspace(-4 * REACH, 4 * REACH, 2000))
    assert np.all(np.diff(after) > 0)


def test_an_answer_is_never_in_the_fit_that_it_is_held_against():
    chance = np.random.default_rng(4)
    items, seen, groups = chance.integers(0, 9, 400), chance.normal(size=(400, 2)), np.arange(400) % 4
    design = Design(items, 9, sparse.csr_array((400, 0)), seen)
    correct = drawn(seen[:, 0], 5)
    fit = fitted(design, correct)
    before = held_out(design, correct, groups, fit)
    flipped = np.where(groups == 2, 1 - correct, correct)
    after = held_out(design, flipped, groups, fit)
    assert after[groups == 2] == pytest.approx(before[groups == 2], abs=1e-9)
    assert np.all(np.abs(after - before)[groups != 2] > 1e-6)


def test_features_that_mean_nothing_get_no_weight():
    chance = np.random.default_rng(6)
    seen, items = chance.normal(size=(2000, 20)), chance.integers(0, 100, 2000)
    design = Design(items, 100, sparse.csr_array((2000, 0)), seen)
    correct = (chance.random(2000) < 0.5).astype(float)
    fit = fitted(design, correct)
    assert np.max(np.abs(fit.features)) < 0.02  # without a prior: about 2 standard errors, 0.09
    correction = corrected(held_out(design, correct, np.arange(2000) // 50 % 5, fit), correct)
    assert np.std(correction.of(fit.logits(design))) < 0.6 * np.std(fit.logits(design))
