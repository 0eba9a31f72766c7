"""Products: of many polynomials 1 - p + p * t, whole or only the first coefficients."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

__all__ = ["multiplied", "product_of"]

ROWS = 1 << 16
DIRECT, FEW = 511, 63
Reals = NDArray[np.float64]


def product_of(p: Reals, k: int) -> Reals:
    """The first k + 1 coefficients of the product.

    For k up to 511 all are sums of products of numbers from 0 on, so that each keeps nearly all its
    digits; for larger k each is right to some 1e-16 of the largest, by Fourier transforms.

    Args:
        p: (n,) in 0..1.
        k: at least 0.
    """
    whole = np.ones(1)
    for start in range(0, len(p), ROWS):
        whole = multiplied(whole, _tree(p[start : start + ROWS], k), k)
    return np.append(whole, np.zeros(max(k + 1 - len(whole), 0)))


def multiplied(one: Reals, other: Reals, k: int) -> Reals:
    """The first k + 1 coefficients of a product, or all there are."""
    if k <= DIRECT or min(len(one), len(other)) <= FEW:
        return np.convolve(one, other)[: k + 1]
    return _transformed(one[None], other[None])[0, : k + 1]


def _tree(p: Reals, k: int) -> Reals:
    """Multiply neighbours, then neighbours among the products, and so on."""
    polys = np.stack([1.0 - p, p], axis=1)[:, : k + 1]
    while len(polys) > 1:
        if len(polys) % 2:
            one = np.zeros((1, polys.shape[1]))
            one[0, 0] = 1.0
            polys = np.concatenate([polys, one])
        polys = _paired(polys[::2], polys[1::2], k)
    return polys[0]


def _paired(left: Reals, right: Reals, k: int) -> Reals:
    """Products of rows, their first k + 1 coefficients."""
    width = left.shape[1]
    size = min(2 * width - 1, k + 1)
    if k > DIRECT and width > FEW:
        return _transformed(left, right)[:, :size]
    found = np.zeros((len(left), size))
    for i in range(width):
        most = min(width, size - i)
        found[:, i : i + most] += right[:, i : i + 1] * left[:, :most]
    return found


def _transformed(left: Reals, right: Reals) -> Reals:
    """Products of rows by Fourier transforms."""
    size = left.shape[1] + right.shape[1] - 1
    fast = next_fast_len(size, real=True)
    return irfft(rfft(left, fast) * rfft(right, fast), fast)[:, :size].clip(min=0.0)
