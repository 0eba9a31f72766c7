"""Laws of classifiers that learn from streams: `make()` gives a fresh one.

It has `fit`, `partial_fit(X, y, classes=...)`, `merge`, `predict` and `predict_proba`, and what it
learnt is a sum over rows. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["LAWS"]

Make = Callable[[], Any]
CLASSES = ["a", "b", "c"]


def _rows(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, 3, n)
    centres = 6 * np.array([[1, 0, 0], [0, 1, 0], [-1, -1, 1]])
    x = rng.standard_normal((n, 3)) + centres[which]
    return x.astype(np.float32), np.array(CLASSES)[which]


def parts_make_the_whole(make: Make) -> None:
    """Learnt in pieces, or in pieces that merge, it answers as learnt at once."""
    x, y = _rows(1)
    whole = make().fit(x, y).predict_proba(x)
    pieces = make().partial_fit(x[:90], y[:90], classes=CLASSES)
    pieces.partial_fit(x[90:], y[90:])
    left = make().partial_fit(x[:250], y[:250], classes=CLASSES)
    right = make().partial_fit(x[250:], y[250:], classes=CLASSES)
    before = left.predict_proba(x)
    for other in (pieces, left.merge(right), right.merge(left)):
        assert np.array_equal(other.predict_proba(x), whole)
    assert np.array_equal(left.predict_proba(x), before)


def order_does_not_matter(make: Make) -> None:
    """Rows in another order teach the same."""
    x, y = _rows(2)
    order = np.random.default_rng(3).permutation(len(y))
    one, other = make().fit(x, y), make().fit(x[order], y[order])
    assert np.array_equal(one.predict_proba(x), other.predict_proba(x))


def clouds_are_told_apart(make: Make) -> None:
    """Of clouds six deviations apart at least 97 of 100 new rows are told right."""
    model = make().fit(*_rows(4))
    x, y = _rows(5)
    assert (model.predict(x) == y).mean() >= 0.97
    shares = model.predict_proba(x)
    assert np.abs(shares.sum(axis=1) - 1).max() < 1e-9
    assert (shares >= 0).all()


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "streamed": (parts_make_the_whole, order_does_not_matter, clouds_are_told_apart),
}
