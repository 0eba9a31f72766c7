"""IVFIndex of inner products: rows of any length, also where those that come later are longer."""

import hashlib
import io

import numpy as np
import pytest

from tests.index.near import around, recall
from thrifty.core import dump, read_container
from thrifty.index import FlatIndex, IVFIndex


def older(data):
    """The bytes that version 2 would have had."""
    header, arrays = read_container(io.BytesIO(data), kind="ivf-index", version=3)
    old = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    del old["lengths"], old["squares"]
    return dump(kind="ivf-index", version=2, header=header, arrays=old)


@pytest.mark.parametrize("codes", ["int8", "product"])
def test_largest_products_of_rows_of_any_length(codes):
    """Recall of inner products goes to 1 where lengths differ a thousandfold, also in parts."""
    rng = np.random.default_rng(21)
    rows = rng.standard_normal((20_000, 48)) * rng.lognormal(0, 1, (20_000, 1))
    rows[77] *= 1e4
    queries = rng.standard_normal((200, 48)).astype(np.float32)
    best = FlatIndex(48, metric="inner").add(rows).search(queries)
    index = IVFIndex(48, metric="inner", codes=codes).add(rows[:19_000]).add(rows[19_000:])
    assert len(index._state.parts) == 2
    assert recall(index.search(queries, effort=0.1), best) > 0.93
    assert recall(index.search(queries, effort=0.5), best) > 0.95


def test_rows_longer_than_those_learned_from_are_found():
    """Rows added later, ten times as long, lie in their codes as well as the first."""
    rows, queries = around(8000, 24, 22), around(100, 24, 23)
    index = IVFIndex(24, metric="inner").add(rows)
    later = 10 * around(3000, 24, 24)
    index.add(later)
    best = FlatIndex(24, metric="inner").add(np.concatenate([rows, later])).search(queries)
    assert recall(index.search(queries, effort=0.5), best) > 0.98


def learnings(index, batches):
    """How often cells are learned anew while batches come."""
    count = 0
    for rows in batches:
        before = index._state.model
        index.add(rows)
        count += index._state.model is not before
    return count


def test_rows_many_times_longer_make_cells_anew(tmp_path):
    """After rows 100 times as long recall is a fresh index's, also after opening from a file."""
    rows, later = around(8000, 24, 25), 100 * around(6000, 24, 26)
    queries, every = around(200, 24, 27), np.concatenate([rows, later])
    best = FlatIndex(24, metric="inner").add(every).search(queries)
    fresh = recall(IVFIndex(24, metric="inner").add(every).search(queries, effort=0.1), best)
    index = IVFIndex(24, metric="inner").add(rows)
    index.save(tmp_path / "index.thrifty")
    opened = IVFIndex.open(tmp_path / "index.thrifty")
    before = IVFIndex.from_bytes(older(index.to_bytes()))
    for mine in (index, opened, before):
        assert learnings(mine, [later]) == 1
        assert recall(mine.search(queries, effort=0.1), best) > fresh - 0.02
    assert index.to_bytes() == opened.to_bytes()


@pytest.mark.parametrize("sigma", [0.0, 1.0, 2.0])
def test_equal_batches_make_no_cells_anew(sigma):
    """Of 60 batches alike, of any spread of lengths, only growth of rows teaches anew."""
    rng = np.random.default_rng(28)
    rows = rng.standard_normal((60, 100, 6)) * rng.lognormal(0, sigma, (60, 100, 1))
    by_growth = learnings(IVFIndex(6, metric="l2"), rows)
    assert by_growth == 3  # at 100, 400 and 1600 rows
    assert by_growth <= learnings(IVFIndex(6, metric="inner"), rows) <= by_growth + 1


def test_a_few_long_rows_make_no_cells_anew():
    """One row in a thousand may be of any length: that is no reason to learn all anew."""
    rng = np.random.default_rng(29)
    rows = rng.standard_normal((20, 500, 6))
    rows[1::2, 7] *= 1e6
    assert learnings(IVFIndex(6, metric="inner").add(rng.standard_normal((4000, 6))), rows) == 0


def test_bytes_of_inner_products_are_stable():
    """Golden: with the lengths of rows; from version 2 these are told from the rows."""
    rows = np.array([[0, 0, 1], [0, 0, 3], [64, 0, 0], [66, 0, 0], [0, 0, 5], [65, 2, 0]])
    data = IVFIndex(3, metric="inner", cells=2).add(rows).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "8f604f01e71adecf"
    assert IVFIndex.from_bytes(older(data)).to_bytes() == data
