"""Laws of LSH families for Euclidean distance: each takes a zero-argument factory.

A law raises AssertionError if broken. A family has `dim`, `tables`, `num_codes`, `width` and
`collision(distance)`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from thrifty.laws.lsh import codes_repeat

__all__ = ["LAWS"]

Make = Callable[[], Any]
DISTANCES = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)


def codes_are_in_range(make: Make) -> None:
    """Every code is in 0..num_codes - 1, one a table, NaN, infinity and huge values included."""
    family = make()
    x = np.random.default_rng(2).standard_normal((40, family.dim)).astype(np.float32)
    x[1], x[2, ::2], x[3], x[4] = np.nan, np.nan, np.inf, 1e38
    codes = family(x)
    assert codes.shape == (40, family.tables)
    assert codes.dtype == np.int32
    assert codes.min() >= 0
    assert codes.max() < family.num_codes


def collisions_match_distance(make: Make) -> None:
    """Measured collisions are within 4 standard errors of `family.collision(distance)`."""
    family = make()
    for distance in DISTANCES:
        rate, error = measure_collisions(family, distance * family.width, pairs=600, seed=4)
        expected = float(family.collision(distance * family.width))
        assert abs(rate - expected) <= 4 * error, (distance, rate, expected, error)


def measure_collisions(
    family: Any, distance: float, *, pairs: int, seed: int
) -> tuple[float, float]:
    """Share of codes that pairs at this distance have in common, and its standard error."""
    rng = np.random.default_rng(seed)
    x, step = rng.standard_normal((2, pairs, family.dim))
    step *= distance / np.linalg.norm(step, axis=1, keepdims=True)
    x *= family.width
    same = family(x.astype(np.float32)) == family((x + step).astype(np.float32))
    between_pairs = same.mean(axis=1).var(ddof=1) / pairs
    between_tables = same.mean(axis=0).var(ddof=1) / family.tables
    return float(same.mean()), float(np.sqrt(between_pairs + between_tables + 0.25 / same.size**2))


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "distances": (codes_repeat, codes_are_in_range, collisions_match_distance),
}
