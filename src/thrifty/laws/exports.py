"""Laws of exports: `make(predict, x)` turns a predictor into a summary that answers nearly alike.

`predict` is a function of rows. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from thrifty.core import FormatError, IncompatibleError

__all__ = ["LAWS"]

Make = Callable[[Callable[[np.ndarray], np.ndarray], np.ndarray], Any]


def _rows(seed: int, n: int = 1500) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 4)).astype(np.float32)


def _teacher(x: np.ndarray) -> np.ndarray:
    """Two smooth outputs of very different size."""
    bend = np.tanh(x[:, 0] + x[:, 1])
    return np.stack([bend, 1000 + 50 * np.cos(x[:, 2])], axis=1)


def new_rows_are_answered_alike(make: Make) -> None:
    """On rows it never saw it explains at least two thirds of each output's variance."""
    made, x = make(_teacher, _rows(1)), _rows(2)
    wanted, found = _teacher(x), made.predict(x)
    assert found.shape == wanted.shape
    assert (((found - wanted) ** 2).mean(axis=0) < wanted.var(axis=0) / 3).all()


def a_row_is_answered_alone(make: Make) -> None:
    """Rows do not change each other's answers; no rows have none."""
    made, x = make(_teacher, _rows(1)), _rows(3, 9)
    whole = made.predict(x)
    assert np.array_equal(np.concatenate([made.predict(x[i : i + 1]) for i in range(9)]), whole)
    assert made.predict(x[:0]).shape == (0, 2)


def same_seed_same_bytes(make: Make) -> None:
    """Two made alike are equal, and so is what comes back from bytes, and it answers alike."""
    made, x = make(_teacher, _rows(1)), _rows(3, 9)
    data = made.to_bytes()
    assert make(_teacher, _rows(1)).to_bytes() == data
    twin = type(made).from_bytes(data)
    assert twin.to_bytes() == data
    assert np.array_equal(twin.predict(x), made.predict(x))


def damage_is_refused(make: Make) -> None:
    """Bytes that were cut or altered anywhere are a FormatError."""
    made = make(_teacher, _rows(1))
    data, rng = made.to_bytes(), np.random.default_rng(4)
    for place in rng.integers(0, len(data), 40):
        altered = bytearray(data)
        altered[place] ^= int(rng.integers(1, 256))
        for bad in (data[:place], bytes(altered)):
            try:
                type(made).from_bytes(bad)
            except FormatError:
                continue
            raise AssertionError(f"damage at byte {place} was not noticed")


def merging_is_refused(make: Make) -> None:
    """Two do not merge."""
    made = make(_teacher, _rows(1))
    try:
        made.merge(made.copy())
    except IncompatibleError:
        return
    raise AssertionError("two exports were merged")


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "export": (
        new_rows_are_answered_alike,
        a_row_is_answered_alone,
        same_seed_same_bytes,
        damage_is_refused,
        merging_is_refused,
    ),
}
