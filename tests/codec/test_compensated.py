"""Compensated arithmetic: its laws, against fractions, long sums, bfloat16 weights, refusals."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from thrifty.codec.compensated import (
    kahan_add,
    mc_add,
    mc_multiply,
    mc_renormalise,
    mc_scale,
    two_product,
    two_sum,
)
from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(mc_renormalise).laws for law in LAWS[name]]
HALVES = [np.float16, np.float32, np.float64, ml_dtypes.bfloat16]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, k, dtype):
    """The laws the record names hold."""
    law(lambda: (mc_add, mc_multiply, k, dtype))


def draws(dtype, seed):
    """Numbers over many magnitudes."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(2000) * np.exp2(rng.integers(-7, 8, 2000))).astype(dtype)


@pytest.mark.parametrize("dtype", HALVES, ids=lambda dtype: np.dtype(dtype).name)
def test_two_sum_is_exact(dtype):
    """Sum and error together are the sum of fractions, in every float."""
    a, b = draws(dtype, 1), draws(dtype, 2)
    s, e = two_sum(a, b)
    assert s.dtype == e.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(s, a + b)
    for parts in zip(a, b, s, e, strict=True):
        left, right, total, error = (Fraction(float(part)) for part in parts)
        assert left + right == total + error


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_product_is_exact(dtype):
    """Product and error together are the product of fractions."""
    a, b = draws(dtype, 3), draws(dtype, 4)
    p, e = two_product(a, b)
    np.testing.assert_array_equal(p, a * b)
    for parts in zip(a, b, p, e, strict=True):
        left, right, product, error = (Fraction(float(part)) for part in parts)
        assert left * right == product + error


def test_a_long_sum_keeps_what_floats_lose():
    """A thousand steps far below the last place, and back, give zero to the bit."""
    rng = np.random.default_rng(5)
    steps = rng.standard_normal((1000, 1, 3)) * 1e-14
    x = np.zeros((2, 3))
    x[0] = 1e3
    for step in np.concatenate([steps, -steps]):
        x = mc_add(x, step)
    assert np.abs(x[0] - 1e3).max() == 0
    assert np.abs(x[1]).max() < 1e-26


def test_scaling_by_a_float():
    """Agrees with fractions."""
    x = mc_renormalise(np.array([1 / 3, 1e-18, 3e-35]), 3)
    found = sum(map(Fraction, mc_scale(x, np.float64(0.7)).tolist()))
    exact = sum(map(Fraction, x.tolist())) * Fraction(0.7)
    assert abs(found - exact) <= exact / 2**155


def test_kahan_in_bfloat16_is_a_sum_in_twice_the_digits():
    """A weight after 10,000 small steps is the sum in float64, within its own last place."""
    bf16 = ml_dtypes.bfloat16
    steps = (np.random.default_rng(6).standard_normal((10_000, 8)) * 1e-3 + 2e-4).astype(bf16)
    total, lost, plain = (np.full(8, start, bf16) for start in (3.0, 0.0, 3.0))
    for step in steps:
        total, lost = kahan_add(total, lost, step)
        plain = plain + step
    exact = 3.0 + steps.astype(np.float64).sum(axis=0)
    last_place = 2.0 ** (np.floor(np.log2(exact)) - 7)
    assert total.dtype == lost.dtype == np.dtype(bf16)
    assert (np.abs(total.astype(np.float64) - exact) <= last_place).all()
    assert (np.abs(plain.astype(np.float64) - exact) > 50 * last_place).all()


def test_kahan_takes_tensors():
    """Of torch, and changes none of them."""
    torch = pytest.importorskip("torch")
    total = torch.ones(3, dtype=torch.bfloat16)
    moved, lost = kahan_add(total, torch.zeros_like(total), total * 2**-9)
    assert total.tolist() == [1, 1, 1]
    assert moved.tolist() == [1, 1, 1]
    assert lost.tolist() == [2**-9] * 3


def test_refusals():
    """Mixed dtypes, too many components."""
    with pytest.raises(
        TypeError, match=r"^a and b must be float32 or float64 alike, got float32 and float64$"
    ):
        two_product(np.float32(1), np.float64(1))
    with pytest.raises(IncompatibleError, match=r"^y must have at most 2 components, got 3$"):
        mc_add(np.zeros(2), np.zeros(3))
    with pytest.raises(IncompatibleError, match=r"^y must have at most 2 components, got 3$"):
        mc_multiply(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match=r"^k must be in 1\.\.2, got 3$"):
        mc_renormalise([1.0, 2.0], 3)
    with pytest.raises(TypeError, match=r"^total, lost and step must be of one dtype, got "):
        kahan_add(np.zeros(1, np.float32), np.zeros(1), np.zeros(1))
