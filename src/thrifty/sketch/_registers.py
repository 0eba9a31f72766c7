"""Registers: what the ranks of HyperLogLog say of the number of distinct keys, and how surely."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["distinct", "ends", "standard_error"]


def distinct(counts: NDArray[np.int64], p: int) -> float:
    """Ertl's improved estimate, free of bias from no key to 2**64, without a table.

    Args:
        counts: (66 - p,) registers of rank 0, 1, ..., 65 - p; they sum to 2**p.
        p: log2 of the number of registers.
    """
    m, top = float(1 << p), 64 - p
    z = m * _tau(1 - counts[top + 1] / m)
    for k in range(top, 0, -1):
        z = 0.5 * (z + counts[k])
    z += m * _sigma(counts[0] / m)
    return float(m * m / (2 * np.log(2) * z)) if np.isfinite(z) else 0.0


def standard_error(n: float, p: int) -> float:
    """Standard error of the best estimate of n distinct keys, by the Fisher information.

    With the number of keys Poisson each register is independent, and one of rank k has
    probability exp(-x / 2**k) - exp(-x / 2**(k - 1)) where x = n / 2**p; the variance for n keys
    exactly is that of the Poisson number less n.
    """
    m, top = float(1 << p), 64 - p
    if n <= 0:
        return 0.0
    x, scale = n / m, np.exp2(-np.arange(top + 1, dtype=np.float64))
    upto = np.append(np.exp(-x * scale), 1.0)
    slope = np.append(-scale * upto[:-1], 0.0)
    chance, change = np.diff(upto, prepend=0.0), np.diff(slope, prepend=0.0)
    seen = chance > 1e-300
    information = (change[seen] ** 2 / chance[seen]).sum()
    return float(np.sqrt(max(0.0, m / information - n)))


def ends(estimate: float, error: Callable[[float], float], z: float) -> tuple[float, float]:
    """The numbers of keys from which the estimate is z of their own standard errors away."""
    low = _solve(lambda n: n + z * error(n) - estimate, 0.0, estimate)
    high = estimate * 2 + 1
    while high - z * error(high) < estimate and high < 2.0**70:
        high *= 2
    return low, _solve(lambda n: n - z * error(n) - estimate, estimate, high)


def _solve(rising: Callable[[float], float], low: float, high: float) -> float:
    while high - low > 1e-9 * (1 + high):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2


def _sigma(x: float) -> float:
    if x == 1:
        return np.inf
    total, power = x, 1.0
    while True:
        x *= x
        before, total = total, total + x * power
        power += power
        if total == before:
            return total


def _tau(x: float) -> float:
    if x in (0, 1):
        return 0.0
    total, power = 1 - x, 1.0
    while True:
        x = x**0.5
        power *= 0.5
        before, total = total, total - (1 - x) ** 2 * power
        if total == before:
            return total / 3
