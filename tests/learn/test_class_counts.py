"""Class counts: their laws, a dense table, runs on disk, every form of a batch, refusals."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st
from scipy.sparse import csr_array

from thrifty.core import FormatError, record_of
from thrifty.laws import LAWS
from thrifty.learn import ClassCounts

ITEMS = st.tuples(st.lists(st.integers(0, 30), max_size=6), st.sampled_from(["a", "b", "c"]))
CASES = [law for name in record_of(ClassCounts).laws for law in LAWS[name]]


def make(**options):
    """Counts of three classes and 31 columns."""
    return ClassCounts(["a", "b", "c"], 31, **options)


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law, tmp_path):
    """The laws the record names hold, in memory and with runs on disk."""
    law(make, ITEMS)
    law(lambda: make(folder=tmp_path, block=4), ITEMS)


def rows(number, columns, seed):
    """Sparse rows of whole numbers and labels."""
    rng = np.random.default_rng(seed)
    x = rng.poisson(0.2, (number, columns))
    return csr_array(x), rng.integers(0, 3, number)


def dense(x, y):
    """The table that is counted: (columns, classes)."""
    table = np.zeros((3, x.shape[1]))
    np.add.at(table, y, x.toarray())
    return table.T


@pytest.mark.parametrize("block", [None, 1, 100, 10_000])
def test_agrees_with_the_dense_table(block, tmp_path):
    """Whatever the batches and wherever the runs are, counts, totals and rows are exact."""
    x, y = rows(500, 200, 1)
    where = {} if block is None else {"folder": tmp_path, "block": block}
    counts = ClassCounts([0, 1, 2], 200, **where)
    for start in range(0, 500, 37):
        counts.add((x[start : start + 37], y[start : start + 37]))
    expected = dense(x, y)
    np.testing.assert_array_equal(counts.lookup(np.arange(200)), expected)
    some = np.array([0, 3, 3, 17, 199])
    np.testing.assert_array_equal(counts.lookup(some), expected[some])
    np.testing.assert_array_equal(counts.totals, expected.sum(axis=0))
    np.testing.assert_array_equal(counts.rows, np.bincount(y))
    assert counts.distinct == np.count_nonzero(expected.sum(axis=1))


def test_runs_on_disk_hold_what_memory_does_not(tmp_path):
    """Beyond the block all but a little is on disk, in files without a name."""
    counts = ClassCounts([0, 1], 10**6, folder=tmp_path, block=100)
    rng = np.random.default_rng(2)
    for _ in range(20):
        counts.add([(rng.integers(0, 10**6, 500).tolist(), 1)])
    assert counts.nbytes <= 16 * 200 + 32
    assert counts.nbytes_on_disk > 16 * 9000
    assert counts.copy().nbytes == counts.nbytes + counts.nbytes_on_disk
    assert list(tmp_path.iterdir()) == []


def test_every_form_of_a_batch_is_one():
    """Sparse, dense, Arrow with and without values, and pairs; weights repeat rows."""
    x = np.array([[1.0, 0, 2], [0, 1, 0]])
    table = pa.table({"codes": [[0, 2], [1]], "values": [[1.0, 2], [1]], "label": ["a", "b"]})
    pairs = [([0, 2, 2], "a"), ([1], "b")]
    plain = pa.table({"codes": [[0, 2, 2], [1]], "label": ["a", "b"]})
    forms = [(x, ["a", "b"]), (csr_array(x), np.array(["a", "b"], object)), table, pairs, plain]
    forms += [table.to_batches()[0]]
    made = [ClassCounts(["a", "b"], 3).add(form) for form in forms]
    assert all(one == made[0] for one in made)
    twice = ClassCounts(["a", "b"], 3).add(pairs, [3, 0])
    assert twice.lookup([0, 1, 2]).tolist() == [[3, 0], [0, 0], [6, 0]]
    assert twice.distinct == 2


REFUSED = {
    "label": (lambda c: c.add([([1], "d")]), r"^labels must be among the 3 classes, got 'd'$"),
    "code": (lambda c: c.add([([31], "a")]), r"^codes must be in 0\.\.30, got 31\.\.31$"),
    "columns": (lambda c: c.add((np.ones((1, 5)), ["a"])), r"^X must have 31 columns, got 5$"),
    "sign": (
        lambda c: c.add((-np.ones((1, 31)), ["a"])),
        r"^values must be finite and at least 0, got -1\.0$",
    ),
    "weights": (lambda c: c.add([([1], "a")], [-1]), r"^weights must be 1 finite numbers of at "),
    "order": (lambda c: c.lookup([3, 2]), r"^columns must never fall$"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals(call, message):
    """What cannot be counted is named."""
    with pytest.raises(ValueError, match=message):
        call(make())


def test_classes_are_checked():
    """No classes, a table of them, and labels of another kind."""
    with pytest.raises(ValueError, match=r"^classes must be a list of numbers or strings, got"):
        ClassCounts([])
    with pytest.raises(ValueError, match=r"^labels must be numbers as the classes are, got 'x'$"):
        ClassCounts([0, 1]).add([([1], "x")])
    with pytest.raises(ValueError, match=r"^folder must be a folder that is there, got '/no'$"):
        ClassCounts([0, 1], folder="/no")
    with pytest.raises(ValueError, match=r"^num_features must be in 1\.\.2147483647, got 0$"):
        ClassCounts([0, 1], 0)


def test_keys_that_lie_are_refused():
    """Keys beyond the table, or out of order, are damage."""
    counts = make().add([([1, 2], "a")])
    for keys in ([5, 4], [-1, 3], [3, 10**6]):
        arrays = counts.arrays() | {"keys": np.array(keys)}
        with pytest.raises(FormatError, match=r"^array 'keys' must rise within columns and class"):
            ClassCounts.restore(counts.spec(), arrays)


def test_bytes_are_stable():
    """Golden: the format does not move."""
    data = make().add([([1, 2, 2], "a"), ([30], "c")]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "dda1c1f54ccec996"
