"""Laws of indexes of vectors: a plain index keeps them, and each fault is seen by one."""

import numpy as np
import pytest

from thrifty.index import FlatIndex
from thrifty.index._parts import State
from thrifty.index.vectors import Found
from thrifty.laws import LAWS
from thrifty.laws import vectors as laws


class Plain(FlatIndex):
    """Looks at all rows."""

    def __init__(self, dim=6, *, metric="l2", dtype="float32"):
        super().__init__(dim, metric=metric, dtype=dtype)


class Rising(Plain):
    """Broken: the farthest comes first."""

    def search(self, queries, k=10, **how):
        """Backwards."""
        return Found(*(part[:, ::-1] for part in super().search(queries, k, **how)))


class SkipsTheFirst(Plain):
    """Broken: the nearest is left out."""

    def search(self, queries, k=10, **how):
        """One further."""
        return Found(*(part[:, 1:] for part in super().search(queries, k + 1, **how)))


class SlackensWithEffort(Plain):
    """Broken: it finds less with more effort."""

    def search(self, queries, k=10, *, filter=None, effort=None):
        """Every other only, from some effort on."""
        found = super().search(queries, k, filter=filter)
        if effort == 0.3:
            found.ids[:, 1:], found.scores[:, 1:] = -1, -np.inf
        return found


class FindsTheGone(Plain):
    """Broken: what is removed is found, but counted as gone."""

    def remove(self, ids):
        """Nothing but the count."""
        self.lost = np.asarray(ids).size
        return self

    def __len__(self):
        return super().__len__() - getattr(self, "lost", 0)


class Unfiltered(Plain):
    """Broken: it does not look at the filter."""

    def search(self, queries, k=10, *, filter=None, effort=None):
        """All rows."""
        return super().search(queries, k)


class KeepsTheLatest(Plain):
    """Broken: only the latest batch is held."""

    def _with(self, state, model, part):
        return State(model, (part,))


class MergesNothing(Plain):
    """Broken: the other's rows are lost."""

    def _absorb(self, other):
        return None


class SharesItsCopy(Plain):
    """Broken: a copy is the same object."""

    def copy(self):
        """Itself."""
        return self


class TakesAnything(Plain):
    """Broken: an id may be there twice."""

    def _new_ids(self, state, count, ids):
        return np.arange(count) if ids is None else np.asarray(ids, np.int64)


class EmptyWhileAdding(Plain):
    """Broken: for a moment there is nothing while something is added."""

    def _with(self, state, model, part):
        self._state = State()
        for _ in range(200):
            self.search(np.zeros((1, self.dim)), 1)
        return super()._with(state, model, part)


@pytest.mark.parametrize("law", LAWS["vectors"], ids=lambda law: law.__name__)
def test_law(law):
    """A plain index keeps them."""
    law(Plain)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (laws.answers_are_sorted, Rising),
        (laws.full_effort_is_exact, SkipsTheFirst),
        (laws.recall_grows_with_effort, SlackensWithEffort),
        (laws.removed_rows_are_not_found, FindsTheGone),
        (laws.the_filter_is_kept, Unfiltered),
        (laws.batches_do_not_matter, KeepsTheLatest),
        (laws.merging_is_adding, MergesNothing),
        (laws.a_copy_is_apart, SharesItsCopy),
        (laws.bad_input_is_refused, TakesAnything),
        (laws.searches_go_on_while_others_add, EmptyWhileAdding),
    ],
)
def test_the_law_notices(law, broken):
    """Each law sees its fault."""
    with pytest.raises(AssertionError):
        law(broken)
