"""What any format must do that rounds each element alone: the slow way, over all its numbers."""

import numpy as np

__all__ = ["by_hand", "grid_of", "hard_numbers"]


def grid_of(form):
    """The finite numbers of a format, ascending, each with its code."""
    codes = np.arange(2**form.bits)
    numbers = form.values(codes)
    kept = np.isfinite(numbers) & ~((numbers == 0) & (np.signbit(numbers)))
    order = np.argsort(numbers[kept], kind="stable")
    return numbers[kept][order], codes[kept][order]


def hard_numbers(numbers, seed=0):
    """Every number, every middle of two, the neighbours of both, and some between and beyond."""
    middles = (numbers[1:] + numbers[:-1]) / 2
    exact = np.concatenate([numbers, middles, [numbers[0] * 2, numbers[-1] * 2, 0.0, -0.0]])
    rng = np.random.default_rng(seed)
    between = numbers[:-1] + rng.random(len(numbers) - 1) * np.diff(numbers)
    found = np.concatenate(
        [exact, np.nextafter(exact, np.inf), np.nextafter(exact, -np.inf), between]
    )
    return rng.permutation(found)


def by_hand(x, numbers, codes, mode):
    """What x rounds to among the numbers, in float64; beyond the last, the last."""
    above = np.clip(np.searchsorted(numbers, x, side="left"), 0, len(numbers) - 1)
    below = np.clip(np.searchsorted(numbers, x, side="right") - 1, 0, len(numbers) - 1)
    if mode == "zero":
        return numbers[np.where(x >= 0, below, above)]
    to_low, to_high = x - numbers[below], numbers[above] - x
    high = (to_high < to_low) | ((to_high == to_low) & (codes[below] % 2 == 1))
    high &= (x > numbers[0]) | (above == 0)
    return numbers[np.where(high, above, below)]
