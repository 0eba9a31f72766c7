"""GPTQ: the trace it sums, the loop as written down, grids in their order, and what is refused."""

import numpy as np
import pytest

from thrifty.codec import LeanCodec, gptq, input_moments, output_error
from thrifty.codec._layers import Layer, Made, inverse_factor
from thrifty.core import IncompatibleError

GRIDS = ["affine", "lean-affine", "kmeans", "lean"]
ONE_BIT = LeanCodec(1, "affine")


def layer(seed, rows=24, columns=150, n=900):
    """Weights with heavy tails and moments of inputs that depend on each other."""
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((n, columns // 4)) @ rng.standard_normal((columns // 4, columns))
    inputs = (mixed + rng.standard_normal((n, columns))) * np.exp(rng.standard_normal(columns))
    return rng.standard_t(5, (rows, columns)) / 50, input_moments(inputs)


def slow(weight, moments, values, damping):
    """The loop by columns on a grid (rows, k), in float64: Q, and the sum of squared errors."""
    damped = moments + damping * moments.diagonal().mean() * np.eye(len(moments))
    factor = np.linalg.cholesky(np.linalg.inv(damped)).T
    left, made, total = weight.copy(), np.empty_like(weight), 0.0
    for j in range(weight.shape[1]):
        codes = abs(left[:, j, None] - values).argmin(axis=1)
        made[:, j] = values[np.arange(len(values)), codes]
        error = (left[:, j] - made[:, j]) / factor[j, j]
        left[:, j:] -= error[:, None] * factor[j, j:]
        total += (error**2).sum()
    return made, total


@pytest.mark.parametrize("columns", [1, 7, 128, 150, 300])
def test_the_factor_is_of_the_inverse(columns):
    """U is an upper triangle and U'U the inverse of the damped moments."""
    moments = layer(columns, columns=columns, n=40)[1]
    factor = inverse_factor(moments, 0.01)
    damped = moments + 0.01 * moments.diagonal().mean() * np.eye(columns)
    assert (np.tril(factor, -1) == 0).all()
    np.testing.assert_allclose(factor.T @ factor @ damped, np.eye(columns), atol=1e-8)


@pytest.mark.parametrize("bits", [2, 4])
def test_the_loop_is_the_one_written_down(bits):
    """Column by column or by blocks: the same weights, and the trace is the sum of errors."""
    weight, moments = layer(0, columns=300)
    how = {"by_size": False, "unbiased": False, "rounds": 0}
    made = gptq(weight, moments, bits=bits, grid="kmeans", **how)
    values = made.arrays()["codebook"][:, 0].astype(np.float64) * made.arrays()["unit"][0]
    expected, total = slow(weight, moments, values, 0.01)
    assert (abs(made.decode() - expected) < 1e-7).mean() > 0.99  # but for ties in float32
    damped = moments + 0.01 * moments.diagonal().mean() * np.eye(300)
    assert output_error(weight, expected, damped) == pytest.approx(total, rel=1e-9)
    assert output_error(weight, made.decode(), damped) == pytest.approx(total, rel=0.02)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("bits", [2, 3, 4])
def test_better_than_rounding_each_weight(grid, bits):
    """What the layer puts out errs less than on the same kind of grid without its inputs."""
    weight, moments = layer(1)
    made = gptq(weight, moments, bits=bits, grid=grid)
    codec = LeanCodec(bits, "affine" if "affine" in grid else "codebook")
    assert made.codec == codec
    assert made.nbytes == codec.size(weight)
    nearest = output_error(weight, codec.encode(weight).decode(), moments)
    assert output_error(weight, made.decode(), moments) < 0.6 * nearest


@pytest.mark.parametrize(("lean", "plain"), [("lean", "kmeans"), ("lean-affine", "affine")])
def test_the_grids_of_leanquant_err_less(lean, plain):
    """At 3 and 2 bits, the sum over five layers, against the same form of grid without weights."""
    for bits in (3, 2):
        errors = {lean: 0.0, plain: 0.0}
        for seed in range(5):
            weight, moments = layer(seed)
            for grid in errors:
                made = gptq(weight, moments, bits=bits, grid=grid)
                errors[grid] += output_error(weight, made.decode(), moments)
        assert errors[lean] < errors[plain]


@pytest.mark.parametrize(("grid", "plain"), [("lean", "kmeans"), ("lean-affine", "affine")])
def test_every_row_takes_the_power_that_errs_least(grid, plain):
    """Without a power, no row's share of the trace is above that of plain grids or a power."""
    weight, moments = layer(7)
    damped = moments + 0.01 * moments.diagonal().mean() * np.eye(150)

    def shares(**how):
        made = gptq(weight, moments, bits=2, unbiased=False, rounds=0, **how)
        gap = weight - made.decode()
        return ((gap @ damped) * gap).sum(axis=1)

    best = shares(grid=grid)
    others = [shares(grid=grid, power=power) for power in (1.5, 3.0)]
    others += [shares(grid=each) for each in {"affine", plain}]
    np.testing.assert_allclose(best, np.min(others, axis=0), rtol=1e-3)
    assert all((best < other * 0.99).any() for other in others)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("group", [None, 32])
def test_outputs_are_on_average_as_large_as_they_were(grid, group):
    """The slope of each row's outputs on those of its weights is 1 but for float16's rounding."""
    weight, moments = layer(8)
    slopes = []
    for unbiased in (True, False):
        made = gptq(weight, moments, bits=2, grid=grid, group=group, unbiased=unbiased).decode()
        shared = ((weight @ moments) * made).sum(axis=1)
        slopes.append(shared / ((weight @ moments) * weight).sum(axis=1))
    np.testing.assert_allclose(slopes[0], 1, atol=2e-3)
    assert abs(slopes[1] - 1).max() > 0.01


def test_the_order_of_columns_changes_nothing_but_rounding():
    """Columns and moments the other way round give the same weights the other way round."""
    weight, moments = layer(2)
    one = gptq(weight, moments, rounds=0).decode()
    other = gptq(weight[:, ::-1], moments[::-1, ::-1], rounds=0).decode()[:, ::-1]
    assert (abs(one - other) < 1e-6).mean() > 0.98


def test_inputs_that_do_not_depend_on_each_other_leave_rounding():
    """With diagonal moments no column can make up for another: every weight goes to the nearest."""
    weight = layer(3)[0]
    made = gptq(weight, np.diag(np.linspace(1, 9, 150)), grid="kmeans", damping=0, unbiased=False)
    assert made == LeanCodec(4).encode(weight)


def test_moments_may_be_of_any_scale():
    """The codes do not change with the unit of the inputs."""
    weight, moments = layer(4)
    assert gptq(weight, moments).arrays()["codes"].tobytes() == (
        gptq(weight, moments * 2.0**-60).arrays()["codes"].tobytes()
    )


def test_inputs_that_never_come_are_rounded():
    """Columns whose input is always 0 move no other, and go to the nearest value."""
    weight, moments = layer(5)
    moments[:20], moments[:, :20] = 0, 0
    made = gptq(weight, moments, grid="affine", unbiased=False).decode()
    nearest = LeanCodec(4, "affine").encode(weight).decode()
    np.testing.assert_array_equal(made[:, :20], nearest[:, :20])
    assert gptq(weight, np.zeros((150, 150)), grid="kmeans") == LeanCodec(4).encode(weight)


def test_groups_share_a_grid_in_the_order_of_columns():
    """Every weight is a value of its own group's grid, whatever order they were rounded in."""
    weight, moments = layer(6)
    made = gptq(weight, moments, bits=2, group=64)
    back, books = made.decode(), made.arrays()["codebook"].astype(np.float64)
    for group in range(3):
        part = back[:, 64 * group : 64 * group + 64]
        values = books[:, group] * made.arrays()["unit"][0]
        assert (abs(part[:, :, None] - values[:, None]) < 1e-7).any(axis=2).all()


@pytest.mark.parametrize("shape", [(0, 5), (4, 0), (1, 1)])
def test_weights_without_rows_or_columns(shape):
    """Nothing, or one weight, is no fault."""
    moments = np.eye(shape[1])
    assert gptq(np.ones(shape), moments).decode().tolist() == np.ones(shape).tolist()


def test_what_does_not_fit_is_refused():
    """Moments, grids and numbers by name."""
    weight = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"^one of moments and inputs must be given$"):
        gptq(weight)
    with pytest.raises(IncompatibleError, match=r"^moments of shape \(2, 2\) do not fit"):
        gptq(weight, np.eye(2))
    with pytest.raises(
        ValueError, match=r"^moments must be finite, with a diagonal of at least 0$"
    ):
        gptq(weight, np.full((3, 3), np.nan))
    with pytest.raises(ValueError, match=r"^moments must be positive definite with damping=0: "):
        gptq(weight, np.ones((3, 3)), damping=0)
    with pytest.raises(
        ValueError, match=r"^grid must be one of affine, lean-affine, kmeans, lean, got"
    ):
        gptq(weight, np.eye(3), grid="nf4")
    with pytest.raises(ValueError, match=r"^x must be finite, got inf$"):
        gptq(weight * np.inf, np.eye(3))
    with pytest.raises(IncompatibleError, match=r"^inputs must be \(n, in\), got shape \(3,\)$"):
        gptq(weight, inputs=np.ones(3))


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


def test_rows_move_as_written_down():
    """Weight after weight, in float64, with the factors of both sides: the same weights."""
    weight, moments = layer(9, rows=12, columns=140)
    outputs = sharp(9, rows=12)
    how = {"bits": 3, "grid": "kmeans", "by_size": False, "unbiased": False, "rounds": 0}
    made = gptq(weight, moments, outputs=outputs, **how)
    values = made.arrays()["codebook"][:, 0].astype(np.float64) * made.arrays()["unit"][0]
    up, along = inverse_factor(outputs, 1.0).T, inverse_factor(moments, 0.01)
    expected, errors = np.empty_like(weight), np.zeros_like(weight)
    for r in range(12):
        for j in range(140):
            moved = up[r, : r + 1] @ errors[: r + 1, : j + 1] @ along[: j + 1, j]
            target = weight[r, j] - moved
            expected[r, j] = values[r, abs(values[r] - target).argmin()]
            errors[r, j] = (target - expected[r, j]) / up[r, r] / along[j, j]
    assert (abs(made.decode() - expected) < 1e-7).mean() > 0.97  # but for ties in float32
    assert cost(weight, made, moments, outputs) == pytest.approx((errors**2).sum(), rel=0.05)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("bits", [2, 3])
def test_rows_make_up_for_each_other(grid, bits):
    """With gradients that depend on each other, errors cost less than without rows that move."""
    weight, moments = layer(10)
    outputs = sharp(10)
    how = {"bits": bits, "grid": grid, "unbiased": False}
    apart = cost(weight, gptq(weight, moments, **how), moments, outputs)
    together = gptq(weight, moments, outputs=outputs, **how)
    assert cost(weight, together, moments, outputs) < 0.95 * apart
    assert together.nbytes == gptq(weight, moments, **how).nbytes


@pytest.mark.parametrize("scale", [0.0, 2.0**-60, 2.0**60])
def test_outputs_that_do_not_depend_on_each_other_leave_rows_apart(scale):
    """Gradients of one size, whatever it is, or none: the weights without them."""
    weight, moments = layer(11)
    assert gptq(weight, moments, outputs=scale * np.eye(24)) == gptq(weight, moments)


def test_outputs_that_do_not_fit_are_refused():
    """Their shape and numbers by name."""
    with pytest.raises(IncompatibleError, match=r"^outputs of shape \(3, 3\) do not fit "):
        gptq(np.ones((2, 3)), np.eye(3), outputs=np.eye(3))
    with pytest.raises(
        ValueError, match=r"^outputs must be finite, with a diagonal of at least 0$"
    ):
        gptq(np.ones((2, 3)), np.eye(3), outputs=-np.eye(2))


def test_rows_take_grids_that_cost_least_together():
    """Of two rows that are read as their sum one takes the grid that errs a little more."""
    made = Layer(np.ones((2, 1), np.float32), np.ones((1, 1), np.float32), np.arange(1), ONE_BIT)
    scale, codes = np.zeros((2, 1), np.float16), np.zeros((2, 1), np.uint8)
    ways = [
        Made(codes, {"scale": scale, "low": np.full((2, 1), low, np.float16)}, np.ones(2))
        for low in (0.0, 2.125)
    ]
    chosen = made.together(ways, np.ones((1, 1)), np.ones((2, 2)) + np.eye(2) / 1000)
    assert sorted(made.gaps(chosen).ravel().tolist()) == [-1.125, 1.0]
