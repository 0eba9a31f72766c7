"""Laws of row indexes: a sound index keeps each, and each is broken by the fault it is for."""

import io

import numpy as np
import pytest

from thrifty.core import dump, read_container
from thrifty.laws import LAWS

NAMES = [law.__name__ for law in LAWS["index"]]


class Exhaustive:
    """Scores every row: the slow and obvious index."""

    dim = 6

    def build(self, rows, bias):
        """Keep a copy of the rows."""
        self.rows, self.bias = rows.copy(), bias.copy()
        return self

    def refresh(self, ids, rows, bias):
        """Take over changed rows; returns how many changed."""
        changed = (self.rows[ids] != rows).any(axis=1) | (self.bias[ids] != bias)
        self.rows[ids], self.bias[ids] = rows, bias
        return int(changed.sum())

    def candidates(self, queries, limit, mode="union"):
        """The best `limit` ids of each query, sorted by id."""
        order = np.argsort(-(queries @ self.rows.T + self.bias), axis=1, kind="stable")[:, :limit]
        own = np.sort(order.astype(np.int32), axis=1)
        return np.arange(len(queries) + 1) * own.shape[1], own.ravel()

    def search(self, queries, k, rows, bias, *, limit=100):
        """The best k of the candidates, highest score first."""
        scores = queries @ rows.T + bias
        offsets, ids = self.candidates(queries, limit)
        for i in range(len(queries)):
            absent = np.setdiff1d(np.arange(len(rows)), ids[offsets[i] : offsets[i + 1]])
            scores[i, absent] = -np.inf
        found = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return found, np.take_along_axis(scores, found, axis=1)

    def to_bytes(self):
        """Rows and bias in a container."""
        arrays = {"rows": self.rows, "bias": self.bias}
        return dump(kind="exhaustive", version=1, header={}, arrays=arrays)

    @classmethod
    def from_bytes(cls, data):
        """Inverse of to_bytes."""
        _, arrays = read_container(io.BytesIO(data), kind="exhaustive", version=1)
        return cls().build(arrays["rows"], arrays["bias"])


class Unsorted(Exhaustive):
    """Gives candidates best first instead of by id."""

    def candidates(self, queries, limit, mode="union"):
        """The sound candidates, turned round."""
        offsets, ids = super().candidates(queries, limit, mode)
        return offsets, ids.reshape(len(queries), -1)[:, ::-1].ravel()


class Twice(Exhaustive):
    """Repeats a candidate."""

    def candidates(self, queries, limit, mode="union"):
        """The sound candidates, the first of all of them again in place of its neighbour."""
        offsets, ids = super().candidates(queries, limit, mode)
        ids[1:2] = ids[:1]
        return offsets, ids


class LowestFirst(Exhaustive):
    """Sorts results upside down."""

    def search(self, queries, k, rows, bias, *, limit=100):
        """The sound answer, turned round."""
        found, scores = super().search(queries, k, rows, bias, limit=limit)
        return found[:, ::-1], scores[:, ::-1]


class NeverTheLast(Exhaustive):
    """Forgets the second half of the rows."""

    def candidates(self, queries, limit, mode="union"):
        """Candidates among the first half only."""
        half = Exhaustive().build(self.rows[:150], self.bias[:150])
        return half.candidates(queries, limit, mode)


class Fickle(Exhaustive):
    """Chooses other candidates for each limit."""

    def candidates(self, queries, limit, mode="union"):
        """Random candidates, drawn anew for each limit."""
        own = [
            np.sort(np.random.default_rng((i, limit)).permutation(len(self.rows))[:limit])
            for i in range(len(queries))
        ]
        return np.arange(len(queries) + 1) * len(own[0]), np.concatenate(own).astype(np.int32)


class Drifting(Exhaustive):
    """Holds other bytes each time it is built."""

    def build(self, rows, bias):
        """Add noise without a seed."""
        return super().build(rows, bias + np.random.default_rng().random(len(bias), np.float32))


class Forgetful(Exhaustive):
    """Loses its bias when it is saved."""

    @classmethod
    def from_bytes(cls, data):
        """The rows only."""
        return cls().build(Exhaustive.from_bytes(data).rows, np.zeros(300, np.float32))


class Stale(Exhaustive):
    """Does not take over changed rows."""

    def refresh(self, ids, rows, bias):
        """Nothing moves."""
        return 0


@pytest.mark.parametrize("law", LAWS["index"], ids=NAMES)
def test_a_sound_index_keeps_the_law(law):
    """The exhaustive index passes."""
    law(Exhaustive)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("ids_are_valid_and_sorted", Unsorted),
        ("ids_are_valid_and_sorted", Twice),
        ("ids_are_valid_and_sorted", LowestFirst),
        ("full_effort_is_exact", NeverTheLast),
        ("recall_grows_with_effort", Fickle),
        ("same_seed_same_index", Drifting),
        ("bytes_round_trip", Forgetful),
        ("refresh_follows_the_rows", Stale),
    ],
)
def test_a_fault_breaks_its_law(name, broken):
    """The law that is there for the fault is the one that notices."""
    with pytest.raises(AssertionError):
        LAWS["index"][NAMES.index(name)](broken)
