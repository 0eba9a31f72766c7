"""Learned index: far more of the exact top is met than under random planes, within a budget."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array

from thrifty.core import BudgetError
from thrifty.hashing import SimHash
from thrifty.index import MaxIPIndex
from thrifty.learn import Settings, Shortlist, Wide
from thrifty.learn.learned_index import index_under, learned_planes, learning_nbytes

OUTPUTS, HIDDEN, ROWS = 4000, 16, 1500


def network(**fields):
    """A network that hands its columns on as hidden values."""
    small = {"task": "one", "num_columns": HIDDEN, "num_outputs": OUTPUTS, "hidden": HIDDEN}
    wide = Wide(Settings(**(small | {"linear": "none"} | fields)))
    rng = np.random.default_rng(0)
    wide.hidden.table[:] = np.eye(HIDDEN)
    wide.hidden.output[:] = rng.standard_normal((OUTPUTS, HIDDEN))
    return wide


def rows_of(count, seed):
    """Rows near the output rows of their labels, moved by two."""
    wide, rng = network(), np.random.default_rng(seed)
    labels = rng.integers(0, OUTPUTS, count).astype(np.int32)
    x = wide.hidden.output[labels] + 0.3 * rng.standard_normal((count, HIDDEN)) + 2
    rows = csr_array(np.maximum(x, 0).astype(np.float32))
    return rows, (np.arange(count + 1, dtype=np.int64), labels)


def test_learned_planes_find_more_labels_than_random_ones():
    """On new rows, with the same effort and no more bytes."""
    wide, (asked, (_, labels)) = network(), rows_of(300, 2)
    planes = learned_planes(wide, *rows_of(ROWS, 1))
    learned = Shortlist(wide, planes=planes, limit=80)
    random = Shortlist(wide, memory=learned.nbytes, limit=80)
    found = [(s.top_k(asked, 80)[0] == labels[:, None]).any(axis=1) for s in (learned, random)]
    gain = found[0] - found[1].astype(float)
    assert gain.mean() > 0.1 + 4 * gain.std() / np.sqrt(300)


def test_every_pair_of_row_and_label_is_learned_from():
    """A row of two labels counts for each of them, as two rows would; one of none for nothing."""
    wide, (rows, (_, ids)) = network(), rows_of(40, 1)
    pairs = rows[np.r_[0:40, 39]], (np.arange(42), np.append(ids, 7).astype(np.int32))
    joined = rows[np.r_[0, 0:40]], (np.array([0, 0, *range(1, 40), 41]), pairs[1][1])
    planes = [learned_planes(wide, *given, tables=2) for given in (pairs, joined)]
    assert planes[0].shape == (HIDDEN + 1, 2 * 5)
    np.testing.assert_array_equal(*planes)


def test_full_effort_is_exact():
    """With a limit of all outputs the answer is the network's own."""
    wide, (asked, _) = network(), rows_of(20, 2)
    planes = SimHash(HIDDEN + 1, 5, 3).planes
    found, _ = Shortlist(wide, planes=planes, limit=OUTPUTS).top_k(asked, 5)
    np.testing.assert_array_equal(found, wide.top_k(asked, 5)[0])


def test_the_index_keeps_its_budget():
    """The first tables that fit are made, at least one."""
    wide, planes = network(), SimHash(HIDDEN + 1, 5, 6).planes
    whole = index_under(wide, planes, memory="10 MB")
    assert whole.family.tables == 6
    half = index_under(wide, planes, memory=whole.nbytes * 2 // 3)
    assert isinstance(half, MaxIPIndex)
    assert 1 <= half.family.tables < 6
    assert half.nbytes <= whole.nbytes * 2 // 3
    np.testing.assert_array_equal(half.family.planes, planes[:, : 5 * half.family.tables])
    with pytest.raises(BudgetError, match=r"^an index over 4000 outputs needs \S+ kB, got '1 kB'$"):
        index_under(wide, planes, memory="1 kB")


def test_bfloat16_rows_are_learned_from_as_well():
    """The stored rows are widened."""
    wide = Wide(Settings(task="one", num_columns=HIDDEN, num_outputs=300, hidden=HIDDEN,
                         linear="none", storage="bfloat16"))  # fmt: skip
    rng = np.random.default_rng(3)
    rows = csr_array(rng.random((50, HIDDEN), np.float32))
    labels = np.arange(51, dtype=np.int64), rng.integers(0, 300, 50).astype(np.int32)
    planes = learned_planes(wide, rows, labels, tables=3)
    assert Shortlist(wide, planes=planes, limit=300).recall(rows, 1) == 1.0


def test_learning_stays_within_the_bound_it_states():
    """At the most pairs and rows there are, by what NumPy asked for."""
    wide = Wide(Settings(task="one", num_columns=HIDDEN, num_outputs=60_000, hidden=HIDDEN,
                         linear="none"))  # fmt: skip
    rng = np.random.default_rng(4)
    wide.hidden.output[:] = rng.standard_normal(wide.hidden.output.shape)
    rows = csr_array(rng.random((9000, HIDDEN), np.float32))
    labels = np.arange(9001, dtype=np.int64), rng.integers(0, 60_000, 9000).astype(np.int32)
    tracemalloc.start()
    learned_planes(wide, rows, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < learning_nbytes(60_000, HIDDEN)


def test_refusals():
    """A network without a hidden path; too few pairs."""
    flat = Wide(Settings(task="one", num_columns=4, num_outputs=9, hidden=0))
    message = r"^wide must be a network with a hidden path, got hidden=0$"
    with pytest.raises(ValueError, match=message):
        learned_planes(flat, *rows_of(20, 1))
    with pytest.raises(ValueError, match=message):
        index_under(flat, np.zeros((5, 2), np.float32), memory="1 MB")
    with pytest.raises(ValueError, match=r"^len\(queries\) must be in 10\.\.2147483647, got 9$"):
        learned_planes(network(), *rows_of(9, 1))
