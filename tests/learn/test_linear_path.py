"""Linear path: a sparse table within its slots, scores by the formula, damage refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

from thrifty.core import FormatError
from thrifty.learn import Settings
from thrifty.learn.linear_path import DenseLinear, SparseLinear, _Scratch, capacities
from thrifty.learn.tile import cut

COLUMNS, OUTPUTS, ROWS = 20, 6, 40


def tile_of(rows=ROWS):
    """One tile of random rows, their labels the largest of a random linear map."""
    rng = np.random.default_rng(8)
    x = csr_array(random_array((rows, COLUMNS), density=0.2, rng=rng, dtype=np.float32))
    truth = (x @ rng.standard_normal((COLUMNS, OUTPUTS))).argmax(axis=1)
    labels = np.arange(rows + 1, dtype=np.int64), truth.astype(np.int32)
    return x, next(cut(x, labels, rows))


def settings(**fields):
    """Small settings without a hidden path."""
    small = {"task": "many", "num_columns": COLUMNS, "num_outputs": OUTPUTS, "hidden": 0}
    return Settings(**(small | fields))


@given(st.lists(st.floats(0, 50), min_size=1, max_size=30), st.integers(0, 400))
def test_capacities_fill_the_slots_and_no_more(wanted, slots):
    """All wishes are met, or all slots are used, and nobody gets much more than another."""
    given_room = capacities(np.array(wanted), slots)
    wishes = np.floor(wanted)
    assert (given_room <= wishes).all()
    assert given_room.sum() == min(wishes.sum(), slots)
    short = given_room < wishes
    if short.any():
        assert given_room.max() <= given_room[short].min() + 1


def test_a_dense_path_learns_and_scores_by_the_formula():
    """Loss falls over passes; scores are X @ table + bias."""
    x, tile = tile_of()
    path = DenseLinear(settings(task="one"))
    losses = [path.step(tile) for _ in range(20)]
    assert losses[-1] < 0.5 * losses[0]
    slow = x.toarray() @ path.table + path.bias
    np.testing.assert_allclose(path.scores(tile), slow, rtol=1e-4, atol=1e-5)


def test_a_sparse_path_learns_and_scores_by_its_weights():
    """Loss falls; scores are X @ (weights of all pairs) + bias."""
    x, tile = tile_of()
    path = SparseLinear(settings(linear="sparse", slots=1000))
    losses = [path.step(tile) for _ in range(20)]
    assert losses[-1] < 0.5 * losses[0]
    everything = np.arange(COLUMNS, dtype=np.int32), np.arange(OUTPUTS, dtype=np.int32)
    weights = path.weights_of(*everything)
    np.testing.assert_allclose(
        path.scores(tile), x.toarray() @ weights + path.bias, rtol=1e-4, atol=1e-5
    )


def test_a_dense_path_tells_its_weights():
    """weights_of is the table at those places."""
    path = DenseLinear(settings())
    path.table[:] = np.arange(COLUMNS * OUTPUTS).reshape(COLUMNS, OUTPUTS)
    found = path.weights_of(np.array([3, 0], np.int32), np.array([5, 1, 1], np.int32))
    np.testing.assert_array_equal(found, [[23, 19, 19], [5, 1, 1]])


@pytest.mark.parametrize("slots", [0, 7, 60])
def test_pairs_stay_within_the_slots(slots):
    """Whatever comes, no more pairs are held, and the table does not grow."""
    _, tile = tile_of()
    path = SparseLinear(settings(linear="sparse", slots=slots))
    before = path.pairs.size
    for _ in range(3):
        path.step(tile)
    assert path.pairs.size == before <= slots
    assert (path.pairs > 0).sum() <= slots
    path.check()


def test_room_follows_the_rows_of_a_column():
    """A column that never occurs gets none, a frequent one as much as there are outputs."""
    counts = np.zeros(COLUMNS, np.int64)
    counts[3], counts[4] = 2, 1000
    path = SparseLinear(settings(linear="sparse", slots=1000), counts)
    room = np.diff(path.starts)
    assert room[3] == 3
    assert room[4] == OUTPUTS
    assert room.sum() == 3 + OUTPUTS


def test_measured_room_is_what_the_labels_need():
    """Every pair that is there finds a slot, in much less room than the upper bound."""
    rng = np.random.default_rng(6)
    rows, outputs = 3000, 300
    x = csr_array(random_array((rows, 50), density=0.2, rng=rng, dtype=np.float32))
    labels = np.arange(rows + 1), rng.zipf(1.6, rows).clip(1, outputs).astype(np.int32) - 1
    fields = {"num_columns": 50, "num_outputs": outputs, "linear": "sparse", "slots": 10**6}
    path = SparseLinear(settings(**fields), np.bincount(x.indices, minlength=50))
    bound = path.starts[-1]
    path.measure(cut(x, labels, 64))
    for tile in cut(x, labels, 64):
        path.step(tile)
    seen = csr_array((np.ones(rows), (np.arange(rows), labels[1])), shape=(rows, outputs))
    there = ((x != 0).T.astype(float) @ seen).tocsr().nnz
    assert (path.pairs > 0).sum() >= 0.98 * there
    assert path.pairs.size <= 1.2 * there + 50 < 0.8 * bound


@pytest.mark.parametrize("slots", [0, 40])
def test_measured_room_stays_within_the_slots(slots):
    """Too few slots are shared out; a column without a label gets none."""
    _, tile = tile_of()
    path = SparseLinear(settings(linear="sparse", slots=slots))
    path.measure([tile])
    assert path.pairs.size == path.starts[-1] == min(slots, path.pairs.size)
    path.step(tile)
    path.check()
    path.measure([])
    assert path.pairs.size == 0


@pytest.mark.parametrize(("outputs", "kind"), [(65_535, np.uint16), (65_536, np.int32)])
def test_the_last_label_fits_its_slot(outputs, kind):
    """Labels take two bytes while they fit, and the last one is learned like any other."""
    fields = {"num_columns": 2, "num_outputs": outputs, "linear": "sparse", "slots": 100}
    path = SparseLinear(settings(**fields))
    last = np.array([outputs - 1], np.int32)
    tile = next(cut(csr_array(np.ones((1, 2), np.float32)), (np.arange(2), last), 1))
    path.step(tile)
    assert path.pairs.dtype == kind
    assert (path.weights_of(np.array([0, 1], np.int32), last) > 0).all()
    assert path.scores(tile).argmax() == outputs - 1


@pytest.mark.parametrize(
    ("part", "at", "value"),
    [("starts", 0, 1), ("starts", 2, 10**6), ("starts", -1, 3), ("pairs", 0, OUTPUTS + 1)],
)  # fmt: skip
def test_damaged_pairs_are_refused(part, at, value):
    """What would lead a kernel out of its arrays is a FormatError."""
    path = SparseLinear(settings(linear="sparse", slots=100))
    getattr(path, part)[at] = value
    with pytest.raises(FormatError, match=r"^the pairs of the linear path do not fit its columns"):
        path.check()


def test_a_reset_forgets_everything_but_the_room():
    """After a reset both paths are as new."""
    _, tile = tile_of()
    for path in (DenseLinear(settings()), SparseLinear(settings(linear="sparse", slots=100))):
        before = {name: array.copy() for name, array in path.arrays().items()}
        path.step(tile)
        assert any((path.arrays()[name] != before[name]).any() for name in before)
        path.reset()
        for name, array in path.arrays().items():
            np.testing.assert_array_equal(array, before[name])


def test_stamps_are_new_and_the_arrays_last():
    """Each tile has stamps of its own; before they run out the marks start anew."""
    scratch = _Scratch()
    arrays, first = scratch.of(5, 10)
    again, second = scratch.of(5, 1)
    assert all(a is b for a, b in zip(arrays, again, strict=True))
    assert (first, second) == (1, 11)
    arrays[2][:] = 7
    scratch.last = 2**31 - 10
    fresh, stamp = scratch.of(5, 10)
    assert stamp == 1
    assert not fresh[2].any()
    assert scratch.of(6, 1)[0][0].size == 6
