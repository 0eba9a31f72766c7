"""Laws of projections: a factory makes a fresh estimator of 3 components.

Words: `fit`, `partial_fit`, `transform`, `inverse_transform`, `components_`, `mean_`, `to_bytes`,
`from_bytes`. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAWS"]

Make = Callable[[], Any]


def components_are_orthonormal(make: Make) -> None:
    """Directions of length 1 at right angles, also where rows have fewer directions than asked."""
    for x in (_rows(1), np.ones((20, 8)), np.outer(np.arange(20.0), np.ones(8))):
        found = make().fit(x).components_
        np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-9)


def coordinates_are_a_projection(make: Make) -> None:
    """There and back is the nearest row of the plane through the mean; twice is once."""
    x = _rows(2)
    model = make().fit(x)
    there = model.transform(x)
    back = model.inverse_transform(there)
    np.testing.assert_allclose(model.transform(back), there, atol=1e-9)
    np.testing.assert_allclose((x - back) @ model.components_.T, 0, atol=1e-9)
    np.testing.assert_allclose(there.mean(axis=0), 0, atol=1e-9)


def moving_all_rows_moves_the_mean_only(make: Make) -> None:
    """The same constant added to every row changes no coordinate."""
    x = _rows(3)
    there = make().fit(x).transform(x)
    moved = make().fit(x + 5).transform(x + 5)
    np.testing.assert_allclose(np.abs(moved), np.abs(there), atol=1e-6)


def a_stream_is_the_whole(make: Make) -> None:
    """Batches and one whole span the same plane where the rows have few directions."""
    x = _rows(4) @ _rows(5)[:8] * ([1.0] * 3 + [0.0] * 5)
    whole, parts = make().fit(x), make()
    for start in range(0, len(x), 30):
        parts.partial_fit(x[start : start + 30])
    shared = np.linalg.svd(whole.components_ @ parts.components_.T)[1]
    np.testing.assert_allclose(shared, 1, atol=1e-6)
    np.testing.assert_allclose(parts.mean_, whole.mean_, atol=1e-9)


def bytes_round_trip(make: Make) -> None:
    """from_bytes(to_bytes(model)) answers alike."""
    x = _rows(6)
    model = make().fit(x)
    twin = type(model).from_bytes(model.to_bytes())
    assert twin.to_bytes() == model.to_bytes()
    np.testing.assert_array_equal(twin.transform(x), model.transform(x))


def _rows(seed: int) -> NDArray[np.float64]:
    """Rows in 8 columns, of falling variance."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    return rng.normal(size=(150, 8)) * 0.6 ** np.arange(8) @ turn + rng.normal(size=8)


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "projections": (
        components_are_orthonormal,
        coordinates_are_a_projection,
        moving_all_rows_moves_the_mean_only,
        a_stream_is_the_whole,
        bytes_round_trip,
    ),
}
