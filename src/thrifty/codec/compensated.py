"""Compensated arithmetic: sums and products with what rounding lost, kept as further floats.

A number of k components is an unevaluated sum of k floats, the largest first, each at most half a
unit in the last place of the one before; arrays hold them along the first axis: (k, ...) float32 or
float64. Only additions and products of NumPy arrays are used, which no compiler reorders.
"""

from functools import reduce

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.codec._buffers import array_of
from thrifty.core import IncompatibleError, method

__all__ = [
    "kahan_add", "mc_add", "mc_multiply", "mc_renormalise", "mc_scale", "two_product", "two_sum",
]  # fmt: skip

Floats = NDArray[np.floating]
SPLITTERS = {np.dtype(np.float32): 2.0**12 + 1, np.dtype(np.float64): 2.0**27 + 1}


def two_sum(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    """The rounded sum, and exactly what rounding took from it (Knuth, TAOCP 2, 4.2.2).

    Args:
        a: floats of any shape and of one dtype with b, bfloat16 too; which is larger is no matter.
        b: floats.

    Returns:
        s and e with s + e = a + b exactly, unless something overflows.

    Example:
        >>> s, e = two_sum(np.float64(1e16), np.float64(1.0))
        >>> float(s), float(e)
        (1e+16, 1.0)
    """
    a, b = np.asarray(a), np.asarray(b)
    s = a + b
    moved = s - a
    return s, (a - (s - moved)) + (b - moved)


def two_product(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    """The rounded product, and exactly what rounding took from it (Veltkamp and Dekker).

    Args:
        a: float32 or float64, of any shape, below 1e30 or 1e300 in size.
        b: floats of the same dtype.

    Returns:
        p and e with p + e = a * b exactly, where e is no subnormal.

    Raises:
        TypeError: neither float32 nor float64, or not of one dtype.

    Example:
        >>> p, e = two_product(np.float64(0.1), np.float64(10))
        >>> float(p), bool(e == 2.0**-54)
        (1.0, True)
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.dtype not in SPLITTERS:
        raise TypeError(f"a and b must be float32 or float64 alike, got {a.dtype} and {b.dtype}")
    p = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    return p, a_low * b_low - (((p - a_high * b_high) - a_low * b_high) - a_high * b_low)


def _halves(a: Floats) -> tuple[Floats, Floats]:
    """Two floats of half the digits whose sum is a."""
    moved = a * a.dtype.type(SPLITTERS[a.dtype])
    high = moved - (moved - a)
    return high, a - high


@method(
    source="Dekker 1971, doi:10.1007/BF01397083; Priest 1991, doi:10.1109/ARITH.1991.145549; "
    "Shewchuk 1997, doi:10.1007/PL00009321; as coordinates: Yu and De Sa 2021, arXiv:2110.15003",
    memory="k * size * itemsize bytes",
    time="O(k**2) additions an element",
    error="2**(4 - k * p) of the largest in size, of sums and products, for components of p bits "
    "and k of 2 or 3",
    exact="the sum of fractions",
    laws=("compensated",),
    evidence=("compensated",),
)
def mc_renormalise(components: ArrayLike, k: int) -> Floats:
    """The k largest components of a sum of floats, without overlap.

    Sweeps of `two_sum` move what belongs to larger components up.

    Args:
        components: (n, ...) floats in any order and of any overlap.
        k: components to keep, 1..n.

    Returns:
        (k, ...), each at most half a unit in the last place of the one before, or nearly.

    Raises:
        ValueError: k is out of its range.

    Example:
        >>> x = mc_renormalise([1.0, 1e-20, 2.0**-60], 2)
        >>> x.tolist() == [1.0, 1e-20 + 2.0**-60]
        True
    """
    parts = list(np.asarray(components))
    if not 1 <= k <= len(parts):
        raise ValueError(f"k must be in 1..{len(parts)}, got {k!r}")
    for _ in range(len(parts)):
        for i in range(len(parts) - 1, 0, -1):
            parts[i - 1], parts[i] = two_sum(parts[i - 1], parts[i])
    kept = [*parts[: k - 1], reduce(np.add, reversed(parts[k - 1 :]))]
    for i in range(k - 1):
        kept[i], kept[i + 1] = two_sum(kept[i], kept[i + 1])
    return np.stack(kept)


def mc_add(x: ArrayLike, y: ArrayLike) -> Floats:
    """The sum of two numbers of several components, or of one and a float.

    Args:
        x: (k, ...) components.
        y: (j, ...) components of the same dtype, j at most k; a plain array is `y[None]`.

    Returns:
        (k, ...).

    Raises:
        IncompatibleError: y has more components.

    Example:
        >>> tiny = np.float64(1e-30)
        >>> x = np.array([[1.0], [0.0]])
        >>> for _ in range(3):
        ...     x = mc_add(x, [[tiny]])
        >>> bool(np.isclose(float(x[1, 0]), 3e-30, rtol=1e-15))
        True
    """
    x, y = np.asarray(x), np.asarray(y)
    if len(y) > len(x):
        raise IncompatibleError(f"y must have at most {len(x)} components, got {len(y)}")
    return mc_renormalise(np.stack(np.broadcast_arrays(*x, *y)), len(x))


def mc_scale(x: ArrayLike, factor: ArrayLike) -> Floats:
    """A number of several components times a float.

    Args:
        x: (k, ...) components.
        factor: float or array of the same dtype.

    Returns:
        (k, ...).

    Example:
        >>> mc_scale(np.array([1.0, 2.0**-70]), np.float64(3)).tolist() == [3.0, 3 * 2.0**-70]
        True
    """
    return mc_multiply(x, np.asarray(factor)[None])


def mc_multiply(x: ArrayLike, y: ArrayLike) -> Floats:
    """The product of two numbers of several components.

    Args:
        x: (k, ...) components, float32 or float64.
        y: (j, ...) components of the same dtype, j at most k.

    Returns:
        (k, ...).

    Raises:
        IncompatibleError: y has more components.

    Example:
        >>> third = mc_renormalise([1 / 3, 2.0**-54 / 3], 2)  # 1 / 3 to 107 bits
        >>> x = mc_multiply(third, third)
        >>> from fractions import Fraction
        >>> error = sum(map(Fraction, x.tolist())) - Fraction(1, 9)
        >>> abs(error) < Fraction(1, 2**100)
        True
    """
    x, y = np.asarray(x), np.asarray(y)
    k = len(x)
    if len(y) > k:
        raise IncompatibleError(f"y must have at most {k} components, got {len(y)}")
    terms: list[Floats] = []
    for i in range(k):
        for j in range(len(y)):
            if i + j < k:
                terms += two_product(x[i], y[j])
            elif i + j == k:
                terms.append(x[i] * y[j])
    return mc_renormalise(np.stack(np.broadcast_arrays(*terms)), k)


def kahan_add(total: ArrayLike, lost: ArrayLike, step: ArrayLike) -> tuple[Floats, Floats]:
    """Add a step to a sum in few digits, and keep what rounding lost for the next one (Kahan).

    With bfloat16 weights and a bfloat16 `lost`, steps far below a weight's last place add up.

    Args:
        total: the sum, floats of any kind, bfloat16 too; or a tensor of torch, not changed.
        lost: of the same dtype and shape: what is still owed; zeros at first.
        step: to add, of the same dtype.

    Returns:
        The new total and what it lacks: total + lost is the sum, to about twice the digits.

    Raises:
        TypeError: not of one dtype.

    Example:
        >>> import ml_dtypes
        >>> one, step = np.ones(1, ml_dtypes.bfloat16), np.full(1, 0.001, ml_dtypes.bfloat16)
        >>> total, lost, plain = one, one * 0, one
        >>> for _ in range(1000):
        ...     total, lost = kahan_add(total, lost, step)
        ...     plain = plain + step
        >>> float(total[0]), float(plain[0])
        (2.0, 1.0)
    """
    total, lost, step = array_of(total), array_of(lost), array_of(step)
    if not total.dtype == lost.dtype == step.dtype:
        raise TypeError(
            f"total, lost and step must be of one dtype, got {total.dtype}, {lost.dtype} and "
            f"{step.dtype}"
        )
    owed = lost + step
    moved = total + owed
    return moved, owed - (moved - total)
