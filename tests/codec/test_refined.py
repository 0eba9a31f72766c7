"""Rounds: sweeps that end where no weight would move, and grids that are least squares."""

import numpy as np
import pytest

from thrifty.codec import LeanCodec, gptq, input_moments
from thrifty.codec._layers import NONE, Layer, Made, inverse_factor
from thrifty.codec._refined import _on, _refit

GRIDS = ["affine", "lean-affine", "kmeans", "lean"]


def layer(seed, rows=24, columns=150, n=900):
    """Weights with heavy tails and moments of inputs that depend on each other."""
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((n, columns // 4)) @ rng.standard_normal((columns // 4, columns))
    inputs = (mixed + rng.standard_normal((n, columns))) * np.exp(rng.standard_normal(columns))
    return rng.standard_t(5, (rows, columns)) / 50, input_moments(inputs)


def sharp(seed, rows=24):
    """Moments of gradients that depend on each other, of low rank and noise."""
    rng = np.random.default_rng(seed)
    gradients = rng.standard_normal((500, 3)) @ rng.standard_normal((3, rows))
    return input_moments(gradients + rng.standard_normal((500, rows)) / 10)


def cost(weight, made, moments, outputs):
    """The trace of (outputs + their mean diagonal) D (moments, damped) D'."""
    gap = weight - made.decode()
    whole = outputs + outputs.diagonal().mean() * np.eye(len(outputs))
    damped = moments + 0.01 * moments.diagonal().mean() * np.eye(len(moments))
    return np.trace(whole @ gap @ damped @ gap.T)


def settled(weight, made, moments, outputs):
    """Whether no weight alone could go to another value of its row and cost less, in float64."""
    gap, arrays = weight - made.decode(), made.arrays()
    values = arrays["codebook"][:, 0].astype(np.float64) * arrays["unit"][0]
    slope = outputs @ gap @ moments
    curve = np.outer(outputs.diagonal(), moments.diagonal())
    moves = values[:, None, :] - made.decode()[:, :, None]
    gains = 2 * moves * slope[:, :, None] - moves**2 * curve[:, :, None]
    return (gains.max(axis=2) < 1e-6 * abs(slope * gap).max()).mean()


@pytest.mark.parametrize("alone", [True, False])
def test_sweeps_end_where_no_weight_alone_could_cost_less(alone):
    """After many of them on fixed grids no weight would move; without them some would."""
    weight, moments = layer(12)
    outputs = np.eye(24) if alone else sharp(12)
    readers = outputs if alone else outputs + outputs.diagonal().mean() * np.eye(24)
    damped = moments + 0.01 * moments.diagonal().mean() * np.eye(150)
    how = {"bits": 2, "grid": "kmeans", "unbiased": False}
    how |= {} if alone else {"outputs": outputs}
    shares = [
        settled(weight, gptq(weight, moments, rounds=rounds, **how), damped, readers)
        for rounds in (0, 60)
    ]
    assert shares[0] < 0.985
    assert shares[1] > 0.999


@pytest.mark.parametrize("group", [None, 40])
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("sharply", [True, False])
def test_every_round_costs_less(grid, group, sharply):
    """Sweeps cost less than none; lean grids that are fitted again, a good deal less."""
    weight, moments = layer(13)
    outputs = sharp(13)
    how = {"bits": 2, "grid": grid, "group": group, "unbiased": False}
    how |= {"outputs": outputs} if sharply else {}
    readers = outputs if sharply else np.eye(24)
    costs = [
        cost(weight, gptq(weight, moments, rounds=rounds, **how), moments, readers)
        for rounds in range(3)
    ]
    assert costs[2] < costs[1] < costs[0]
    assert costs[1] < (0.95 if "lean" in grid else 0.999) * costs[0]


def test_fitted_grids_are_the_least_squares_of_their_codes():
    """One group a row: what is left of every row is at right angles to its grid, in the moments."""
    weight, moments = layer(14, columns=60)
    damped = moments + 0.01 * moments.diagonal().mean() * np.eye(60)
    made = Layer(weight.astype(np.float32), *factored(damped), LeanCodec(2))
    start = made.quantised({"codebook": np.sort(weight[:, :4], axis=1)[:, None].astype(np.float16)})
    tables, codes = made.tables(start.grid), start.codes
    seen = made.gaps(start) @ damped.astype(np.float32)
    _refit(seen, damped.astype(np.float32), NONE, tables, 60, codes, np.eye(4))
    for r in range(24):
        chosen = np.eye(4)[codes[r]][:, np.bincount(codes[r], minlength=4) > 0]
        best = np.linalg.solve(chosen.T @ damped @ chosen, chosen.T @ damped @ weight[r])
        least = weight[r] - chosen @ best
        gap = weight[r] - tables[r, 0, codes[r]]
        assert gap @ damped @ gap == pytest.approx(least @ damped @ least, rel=1e-3)
        np.testing.assert_allclose(seen[r], damped @ gap, rtol=1e-2, atol=1e-4 * abs(seen).max())


def factored(damped):
    """The factor of damped moments, and the order of columns as they are."""
    return inverse_factor(damped, 0).astype(np.float32), np.arange(len(damped))


def test_rounds_are_a_number():
    """Their range by name."""
    with pytest.raises(ValueError, match=r"^rounds must be .*, got -1$"):
        gptq(np.ones((2, 3)), np.eye(3), rounds=-1)


def test_values_that_passed_each_other_keep_their_codes_meaning():
    """Moved codebooks are put in order, and codes with them; even grids never run backwards."""
    layer_of = Layer(np.zeros((1, 4), np.float32), *factored(np.eye(4)), LeanCodec(2))
    codes = np.array([[0, 1, 2, 3]], np.uint8)
    tables = np.array([[[0.5, 0.25, 1.0, -1.0]]], np.float32)
    made = _on(layer_of, tables, codes, Made(codes, {}, np.zeros(1)))
    assert codes.tolist() == [[2, 1, 3, 0]]
    assert made.grid["codebook"].tolist() == [[[-1.0, 0.25, 0.5, 1.0]]]
    even = Layer(np.zeros((2, 4), np.float32), *factored(np.eye(4)), LeanCodec(1, "affine"))
    before = {"scale": np.ones((2, 1), np.float16), "low": np.zeros((2, 1), np.float16)}
    tables = np.array([[[2.0, 1.0]], [[-1.0, 1.0]]], np.float32)
    made = _on(even, tables, codes, Made(codes, before, np.zeros(2)))
    assert made.grid["scale"].tolist() == [[1.0], [2.0]]
    assert made.grid["low"].tolist() == [[0.0], [-1.0]]
