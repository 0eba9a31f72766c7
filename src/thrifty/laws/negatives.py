"""Laws of selectors of negatives: a factory without arguments makes one for CLASSES classes.

Hidden values are DIM wide. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

__all__ = ["CLASSES", "DIM", "LAWS"]

Make = Callable[[], Any]
CLASSES, DIM = 500, 12


def choice_is_valid(make: Make) -> None:
    """Exactly num classes (all others if fewer), sorted, unique, none of the positives."""
    selector, hidden = _refreshed(make), _world()[2]
    for positives in (np.empty(0, np.int32), np.arange(0, 40, 4, dtype=np.int32)):
        for num in (0, 1, 60, 300, 490, 10_000):
            ids = selector.select(np.random.default_rng(2), hidden, positives, num)
            assert ids.dtype == np.int32
            assert len(ids) == min(num, CLASSES - len(positives)), num
            assert (np.diff(ids) > 0).all()
            assert ((ids >= 0) & (ids < CLASSES)).all()
            assert not np.isin(ids, positives).any()


def chance_is_the_generators(make: Make) -> None:
    """Two selectors made alike and asked alike, generators alike, choose alike."""
    positives = np.array([3, 9], np.int32)
    one, two = (
        _refreshed(make).select(np.random.default_rng(5), _world()[2], positives, 200)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, two)


def chooses_before_any_refresh(make: Make) -> None:
    """A selector that has seen no rows yet chooses too."""
    positives = np.array([3, 9], np.int32)
    ids = make().select(np.random.default_rng(0), _world()[2], positives, 50)
    assert len(np.unique(ids)) == 50
    assert not np.isin(ids, positives).any()


def state_goes_on(make: Make) -> None:
    """A selector that takes over another's state chooses as that one, and after a refresh too."""
    rows, bias, hidden = _world()
    positives, one, two = np.array([3, 9], np.int32), make(), make()
    for start in range(2):
        if hasattr(one, "observe"):
            one.observe(rows[start:], np.arange(start, CLASSES, dtype=np.int32))
        one.refresh(rows, bias, None)
    two.restore(*deepcopy(one.state()))
    for moved in (None, rows[::-1].copy()):
        if moved is not None:
            one.refresh(moved, bias, None)
            two.refresh(moved, bias, None)
        draws = [s.select(np.random.default_rng(5), hidden, positives, 200) for s in (one, two)]
        np.testing.assert_array_equal(*draws)


def _world() -> list[np.ndarray]:
    """Rows, biases and the hidden values of a tile."""
    rng = np.random.default_rng(0)
    shapes = ((CLASSES, DIM), (CLASSES,), (32, DIM))
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def _refreshed(make: Make) -> Any:
    selector = make()
    selector.refresh(*_world()[:2], None)
    return selector


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "negatives": (
        choice_is_valid,
        chance_is_the_generators,
        chooses_before_any_refresh,
        state_goes_on,
    ),
}
