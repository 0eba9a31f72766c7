"""Laws of LSH families: each takes a zero-argument factory and raises AssertionError if broken."""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["LAWS"]

Make = Callable[[], Any]
SIMILARITIES = (-0.5, 0.0, 0.3, 0.6, 0.9, 0.99)


def codes_repeat(make: Make) -> None:
    """Two families made alike give the same codes, one by one or many at once."""
    family, twin = make(), make()
    x = np.random.default_rng(1).integers(-50, 50, (30, family.dim)).astype(np.float32)
    alone = np.concatenate([twin(row[None]) for row in x])
    np.testing.assert_array_equal(family(x), alone)


def codes_are_in_range(make: Make) -> None:
    """Every code is in 0..num_codes - 1, one a table, NaN and infinity included."""
    family = make()
    x = np.random.default_rng(2).standard_normal((40, family.dim)).astype(np.float32)
    x[1], x[2, ::2], x[3], x[4] = np.nan, np.nan, np.inf, 0
    codes = family(x)
    assert codes.shape == (40, family.tables)
    assert codes.dtype == np.int32
    assert codes.min() >= 0
    assert codes.max() < family.num_codes


def length_does_not_matter(make: Make) -> None:
    """A vector and its double share every code."""
    family = make()
    x = np.random.default_rng(3).standard_normal((30, family.dim)).astype(np.float32)
    np.testing.assert_array_equal(family(x), family(2 * x))


def collisions_match_kernel(make: Make) -> None:
    """Measured collisions are within 4 standard errors of `family.collision(similarity)`."""
    family = make()
    for similarity in SIMILARITIES:
        rate, error = measure_collisions(family, similarity, pairs=600, seed=4)
        expected = float(family.collision(similarity))
        assert abs(rate - expected) <= 4 * error, (similarity, rate, expected, error)


def measure_collisions(
    family: Any, similarity: float, *, pairs: int, seed: int
) -> tuple[float, float]:
    """Share of codes that Gaussian pairs of this cosine have in common, and its standard error."""
    rng = np.random.default_rng(seed)
    x, z = rng.standard_normal((2, pairs, family.dim))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    z -= (x * z).sum(axis=1, keepdims=True) * x
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    y = similarity * x + np.sqrt(1 - similarity**2) * z
    same = family(x.astype(np.float32)) == family(y.astype(np.float32))
    between_pairs = same.mean(axis=1).var(ddof=1) / pairs
    between_tables = same.mean(axis=0).var(ddof=1) / family.tables
    return float(same.mean()), float(np.sqrt(between_pairs + between_tables + 0.25 / same.size**2))


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "lsh": (
        codes_repeat,
        codes_are_in_range,
        length_does_not_matter,
        collisions_match_kernel,
    ),
}
