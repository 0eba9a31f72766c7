"""Laws of clusterings and of where they begin.

For "centres" a factory makes a fresh estimator of at most 12 clusters that looks at every centre:
`fit`, `predict`, `labels_`, `inertia_`, `cluster_centers_` (infinite where there is none),
`to_bytes`, `from_bytes`. For "seeding" it is the function itself: seeds(x, k, rng) -> (k, d). Each
law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAWS"]

Make = Callable[[], Any]
ROWS, WIDTH = 300, 3


def labels_are_the_nearest(make: Make) -> None:
    """Each row, seen or new, belongs to its nearest centre."""
    x = _rows(1)
    model = make().fit(x)
    for rows, labels in ((x, model.labels_), (_rows(2), model.predict(_rows(2)))):
        gaps = _gaps(rows, model.cluster_centers_)
        mine = gaps[np.arange(len(rows)), labels]
        np.testing.assert_allclose(mine, gaps.min(axis=1), rtol=1e-9, atol=1e-9)


def inertia_is_the_cost(make: Make) -> None:
    """`inertia_` is the sum of squared distances of the rows to the nearest centres."""
    x = _rows(3)
    model = make().fit(x)
    cost = _gaps(x, model.cluster_centers_).min(axis=1).sum()
    np.testing.assert_allclose(model.inertia_, cost, rtol=1e-9)


def same_seed_same_clusters(make: Make) -> None:
    """Two fits of the same rows, or of one estimator twice, hold the same bytes."""
    x = _rows(4)
    model = make().fit(x)
    first = model.to_bytes()
    assert make().fit(x).to_bytes() == first
    assert model.fit(x).to_bytes() == first


def bytes_round_trip(make: Make) -> None:
    """from_bytes(to_bytes(model)) answers alike."""
    x = _rows(5)
    model = make().fit(x)
    twin = type(model).from_bytes(model.to_bytes())
    assert twin.to_bytes() == model.to_bytes()
    np.testing.assert_array_equal(twin.predict(x), model.predict(x))


def rows_are_answered_alone(make: Make) -> None:
    """What is predicted for a row does not depend on the rows beside it."""
    x = _rows(6)
    model = make().fit(x)
    whole, order = model.predict(x), np.random.default_rng(7).permutation(ROWS)
    np.testing.assert_array_equal(model.predict(x[order]), whole[order])
    np.testing.assert_array_equal(model.predict(x[:1]), whole[:1])


def groups_far_apart_are_found(make: Make) -> None:
    """Where rows stand on k points, all k are seeds, whatever the chance."""
    seeds = make()
    points = 100.0 * np.arange(12.0).reshape(6, 2)
    x = np.repeat(points, 20, axis=0)
    for seed in range(20):
        found = seeds(x, 6, np.random.default_rng(seed))
        np.testing.assert_allclose(found[found[:, 0].argsort()], points)


def seeds_follow_the_generator(make: Make) -> None:
    """The same generator gives the same seeds, another gives others; all lie among the rows."""
    seeds, x = make(), _rows(8)
    first, twin, other = (seeds(x, 10, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, twin)
    assert first.shape == (10, WIDTH)
    assert not np.array_equal(first, other)
    assert (first >= x.min(axis=0)).all()
    assert (first <= x.max(axis=0)).all()


def _rows(seed: int) -> NDArray[np.float64]:
    """Rows around nine places."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(scale=4, size=(9, WIDTH))
    return centres[rng.integers(0, 9, ROWS)] + rng.normal(size=(ROWS, WIDTH))


def _gaps(x: NDArray[Any], centres: NDArray[Any]) -> NDArray[np.float64]:
    return ((x[:, None].astype(np.float64) - centres) ** 2).sum(axis=2)


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "centres": (
        labels_are_the_nearest,
        inertia_is_the_cost,
        same_seed_same_clusters,
        bytes_round_trip,
        rows_are_answered_alone,
    ),
    "seeding": (groups_far_apart_are_found, seeds_follow_the_generator),
}
