"""Laws of what steps towards one atom after the other.

For "conditional gradient" a factory gives minimise(objective, rows, max_steps=, tol=) that answers
with `point, value, error, ids, weights, values`; for "herding" choose(rows, size) that answers with
`ids, errors`. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAWS"]

Make = Callable[[], Callable[..., Any]]
Floats = NDArray[np.float64]


class _Distance:
    """Half the squared distance from a target."""

    def __init__(self, target: Floats) -> None:
        self.target = target

    def __call__(self, w: Floats) -> tuple[float, Floats]:
        rest = w - self.target
        return 0.5 * float(rest @ rest), rest

    def curvature(self, direction: Floats) -> float:
        return float(direction @ direction)


def the_point_is_in_the_hull(make: Make) -> None:
    """Weights are shares of atoms, and the point is their sum."""
    rows, target = _case(1)
    found = make()(_Distance(target), rows, max_steps=60)
    assert (found.weights >= 0).all()
    np.testing.assert_allclose(found.weights.sum(), 1)
    np.testing.assert_allclose(found.weights @ rows[found.ids], found.point, atol=1e-5)
    np.testing.assert_allclose(found.value, _Distance(target)(found.point)[0], rtol=1e-9)


def no_step_goes_up(make: Make) -> None:
    """With the curvature known, each step lowers the value or leaves it."""
    rows, target = _case(2)
    values = make()(_Distance(target), rows, max_steps=60).values
    assert len(values) > 10
    assert (np.diff(values) <= 1e-9 * values[0]).all()


def the_error_is_a_bound(make: Make) -> None:
    """No point of the hull is lower than the value less the error, which falls with the steps."""
    rows, target = _case(3)
    few, many = (make()(_Distance(target), rows, max_steps=n, tol=0) for n in (5, 800))
    for found in (few, many):
        gaps = (found.point - rows) @ (found.point - target)
        np.testing.assert_allclose(found.error, max(gaps.max(), 0), rtol=1e-4, atol=1e-6)
        assert found.value - found.error <= many.value + 1e-9
    assert many.error < 0.2 * few.error


def where_all_lies_does_not_matter(make: Make) -> None:
    """Atoms and target moved alike have the same least value."""
    rows, target = _case(4)
    near, far = (
        make()(_Distance(target + move), rows + move, max_steps=300) for move in (0.0, 32.0)
    )
    assert abs(near.value - far.value) <= 1e-3 + max(near.error, far.error)


def chosen_rows_tend_to_the_mean(make: Make) -> None:
    """Errors are those of the rows chosen, and fall faster than those of random rows."""
    rows = _features(5)
    herd = make()(rows, 200)
    assert herd.ids.min() >= 0
    assert herd.ids.max() < len(rows)
    counts = np.arange(1, 201)
    means = np.cumsum(rows[herd.ids], axis=0) / counts[:, None]
    np.testing.assert_allclose(
        herd.errors, np.sqrt(((means - rows.mean(axis=0)) ** 2).sum(axis=1)), atol=1e-5
    )
    spread = np.sqrt(((rows - rows.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert herd.errors[-1] < 0.3 * spread / np.sqrt(200)


def more_rows_begin_alike(make: Make) -> None:
    """The first rows do not depend on how many are wanted, nor on when it is run."""
    rows = _features(6)
    few, many = make()(rows, 20), make()(rows, 60)
    np.testing.assert_array_equal(few.ids, many.ids[:20])
    np.testing.assert_array_equal(make()(rows, 60).ids, many.ids)


def _case(seed: int) -> tuple[Floats, Floats]:
    """Atoms in clusters, and a target beyond a face of the hull."""
    rng = np.random.default_rng(seed)
    rows = 2 * rng.standard_normal((20, 8))[rng.integers(0, 20, 1500)]
    rows += rng.standard_normal((1500, 8))
    return rows.astype(np.float32).astype(np.float64), 0.5 * rows.max(axis=0)


def _features(seed: int) -> Floats:
    """Rows of length 1 around a mean."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((1500, 16)) + 0.3
    return (rows / np.sqrt((rows**2).sum(axis=1, keepdims=True))).astype(np.float32)


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "conditional gradient": (
        the_point_is_in_the_hull,
        no_step_goes_up,
        the_error_is_a_bound,
        where_all_lies_does_not_matter,
    ),
    "herding": (chosen_rows_tend_to_the_mean, more_rows_begin_alike),
}
