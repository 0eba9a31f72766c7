"""Laws of nearest bit codes: an index keeps them, and each fault is seen by one."""

import numpy as np
import pytest

from thrifty.index import HammingIndex
from thrifty.laws import LAWS
from thrifty.laws.nearest import (
    a_row_finds_itself,
    all_within_a_radius_are_found,
    batches_do_not_matter,
    files_answer_alike,
    nearest_are_exact,
    removed_rows_are_not_found,
)


class Plain(HammingIndex):
    """As it is."""

    def __init__(self, bits=20):
        super().__init__(bits)


class TakesTheLast(Plain):
    """Broken: of equally near rows the last wins."""

    def search(self, queries, k=10, *, filter=None):
        """The last k of twice as many."""
        found = super().search(queries, 2 * k, filter=filter)
        order = np.lexsort((-found.ids, found.distances), axis=1)[:, :k]
        return tuple(np.take_along_axis(a, order, axis=1) for a in found)


class SkipsTheRim(Plain):
    """Broken: what is exactly at the radius is left out."""

    def near(self, queries, radius, *, filter=None):
        """Those within one bit less."""
        return super().near(queries, max(0, radius - 1), filter=filter)


class ForgetsTheFirst(Plain):
    """Broken: only the latest batch is kept."""

    def add(self, vectors, ids=None):
        """Keep these only."""
        self._state = type(self._state)()
        return super().add(vectors, ids)


class SkipsABit(Plain):
    """Broken: a bit is always taken to differ."""

    def search(self, queries, k=10, *, filter=None):
        """One more than it is."""
        ids, far = super().search(queries, k, filter=filter)
        return ids, far + 1


class KeepsTheRemoved(Plain):
    """Broken: what is removed stays."""

    def remove(self, ids):
        """Nothing."""
        return self


class LosesARow(Plain):
    """Broken: a file has no last row."""

    def arrays(self):
        """Ids without the last."""
        held = super().arrays()
        return {**held, "ids": held["ids"][:-1]} if held else held


@pytest.mark.parametrize("law", LAWS["nearest"], ids=lambda law: law.__name__)
def test_law(law):
    """A plain index keeps them."""
    law(Plain)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (nearest_are_exact, TakesTheLast),
        (all_within_a_radius_are_found, SkipsTheRim),
        (batches_do_not_matter, ForgetsTheFirst),
        (a_row_finds_itself, SkipsABit),
        (removed_rows_are_not_found, KeepsTheRemoved),
        (files_answer_alike, LosesARow),
    ],
)
def test_the_law_notices(law, broken):
    """Each law sees its fault."""
    with pytest.raises(AssertionError):
        law(broken)
