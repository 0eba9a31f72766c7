"""Laws of encoders of sets of descriptors: a factory makes a fresh estimator.

Words: `fit`, `transform` on lists of tables, `to_bytes`, `from_bytes`. Each law raises
AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAWS"]

Make = Callable[[], Any]


def order_within_a_set_does_not_matter(make: Make) -> None:
    """Descriptors in another order give the same code."""
    sets, rng = _sets(1), np.random.default_rng(2)
    model = make().fit(sets)
    mixed = [rng.permutation(rows) for rows in sets]
    np.testing.assert_allclose(model.transform(mixed), model.transform(sets), atol=1e-9)


def sets_are_answered_alone(make: Make) -> None:
    """The code of a set does not depend on the sets beside it."""
    sets = _sets(3)
    model = make().fit(sets)
    whole = model.transform(sets)
    for place in (0, 5, 11):
        np.testing.assert_allclose(model.transform([sets[place]])[0], whole[place], atol=1e-9)


def codes_have_length_one(make: Make) -> None:
    """Every set that has descriptors has a code of length 1; one without, of zeros."""
    sets = [*_sets(4), np.zeros((0, 3))]
    codes = make().fit(sets).transform(sets)
    lengths = np.linalg.norm(codes, axis=1)
    np.testing.assert_allclose(lengths, [1.0] * (len(sets) - 1) + [0.0], atol=1e-9)


def bytes_round_trip(make: Make) -> None:
    """from_bytes(to_bytes(model)) encodes alike."""
    sets = _sets(5)
    model = make().fit(sets)
    twin = type(model).from_bytes(model.to_bytes())
    assert twin.to_bytes() == model.to_bytes()
    np.testing.assert_array_equal(twin.transform(sets), model.transform(sets))


def _sets(seed: int) -> list[NDArray[np.float64]]:
    """Twelve sets of 5 to 40 descriptors in 3 columns."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(rng.integers(5, 40), 3)) for _ in range(12)]


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "sets": (
        order_within_a_set_does_not_matter,
        sets_are_answered_alone,
        codes_have_length_one,
        bytes_round_trip,
    ),
}
