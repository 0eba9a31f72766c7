"""Laws of hulls: broken by each method that cheats."""

import numpy as np
import pytest

from thrifty.laws.hulls import (
    chosen_rows_tend_to_the_mean,
    more_rows_begin_alike,
    no_step_goes_up,
    the_error_is_a_bound,
    the_point_is_in_the_hull,
    where_all_lies_does_not_matter,
)
from thrifty.learn import Atoms, frank_wolfe, kernel_herding
from thrifty.learn.herding import Herd


def doubled(objective, rows, **given):
    """Weights that sum to two."""
    found = frank_wolfe(objective, rows, **given)
    return found._replace(weights=2 * found.weights)


def blind(objective, rows, **given):
    """Steps of a fixed length."""
    return frank_wolfe(lambda w: objective(w), rows, **given)


def boastful(objective, rows, **given):
    """A tenth of the error."""
    found = frank_wolfe(objective, rows, **given)
    return found._replace(error=found.error / 10)


def swamped(objective, rows, **given):
    """Atoms are blurred by how far they are."""
    return frank_wolfe(objective, np.round(rows / 4) * 4 + 1e-3 * rows**2, **given)


def drawn(rows, size):
    """Rows by chance."""
    ids = np.random.default_rng(0).integers(0, len(rows), size)
    counts = np.arange(1, size + 1)[:, None]
    gaps = np.cumsum(rows[ids], axis=0) / counts - rows.mean(axis=0)
    return Herd(ids, np.sqrt((gaps**2).sum(axis=1)), 0)


def wilful(rows, size):
    """The first row is by size."""
    found = kernel_herding(Atoms(rows), size)
    found.ids[0] = size
    return found


CHEATS = [
    (the_point_is_in_the_hull, doubled),
    (no_step_goes_up, blind),
    (the_error_is_a_bound, boastful),
    (where_all_lies_does_not_matter, swamped),
    (chosen_rows_tend_to_the_mean, drawn),
    (more_rows_begin_alike, wilful),
]


@pytest.mark.parametrize(("law", "cheat"), CHEATS, ids=[law.__name__ for law, _ in CHEATS])
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it."""
    with pytest.raises(AssertionError):
        law(lambda: cheat)
