"""Tile: cutting loses nothing, grouping is a permutation, taking labels is indexing."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

from thrifty.learn.tile import Scratch, cut, take, thinned

RAGGED = st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=20)


def packed(rows):
    """Offsets and ids of lists."""
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return offsets, np.array([i for row in rows for i in row], np.int32)


def sparse(n, columns=30, seed=0):
    """Random rows, some of them empty."""
    rng = np.random.default_rng(seed)
    return csr_array(random_array((n, columns), density=0.2, rng=rng, dtype=np.float32))


@given(RAGGED, st.integers(1, 25))
def test_tiles_put_together_are_the_rows(lists, size):
    """Every example comes once, in order, with its own entries and labels."""
    rows, labels = sparse(len(lists)), packed(lists)
    start = 0
    for tile in cut(rows, labels, size):
        assert 1 <= tile.num_rows <= size
        assert tile.indptr[0] == tile.offsets[0] == 0
        again = csr_array((tile.values, tile.codes, tile.indptr), shape=(tile.num_rows, 30))
        stop = start + tile.num_rows
        np.testing.assert_array_equal(again.toarray(), rows[start:stop].toarray())
        for b in range(tile.num_rows):
            assert tile.ids[tile.offsets[b] : tile.offsets[b + 1]].tolist() == lists[start + b]
        start = stop
    assert start == len(lists)


def test_all_tiles_but_the_last_are_full():
    """Sizes are equal, so that where a tile ends does not depend on the rows."""
    assert [tile.num_rows for tile in cut(sparse(10), None, 4)] == [4, 4, 2]


def test_numbers_are_cut_like_rows():
    """A target goes with its examples; without labels there are none."""
    target = np.arange(10, dtype=np.float32)
    tiles = list(cut(sparse(10), target, 4))
    np.testing.assert_array_equal(np.concatenate([tile.target for tile in tiles]), target)
    assert all(tile.ids.size == 0 and tile.offsets.size == tile.num_rows + 1 for tile in tiles)
    assert [tile.target.size for tile in cut(sparse(3), None, 2)] == [0, 0]


@given(st.lists(st.lists(st.integers(0, 2**31 - 2), max_size=6), min_size=1, max_size=12))
def test_groups_hold_every_entry_once(lists):
    """Entries come sorted into their columns, with their example and entry number."""
    indptr, codes = packed(lists)
    rows = csr_array((np.ones(codes.size, "f4"), codes, indptr), shape=(len(lists), 2**31 - 1))
    scratch = Scratch()
    for _ in range(2):  # the second use of a scratch must not see the first
        groups = scratch.group(next(cut(rows, None, len(lists))))
        assert sorted(groups.columns) == sorted(set(codes.tolist()))
        assert sorted(groups.order) == list(range(codes.size))
        column = np.repeat(groups.columns, np.diff(groups.starts))
        np.testing.assert_array_equal(codes[groups.order], column)
        owner = np.repeat(np.arange(len(lists)), np.diff(indptr))
        np.testing.assert_array_equal(owner[groups.order], groups.rows)


def test_a_scratch_outlives_its_stamps():
    """When the numbers run out, marks are wiped instead of believed."""
    scratch, tile = Scratch(), next(cut(sparse(6), None, 6))
    first = scratch.group(tile)
    scratch.stamp = 2**31 - 3
    again = scratch.group(tile)
    assert scratch.stamp == 1
    np.testing.assert_array_equal(first.columns, again.columns)


@given(RAGGED, st.data())
def test_taking_is_indexing(lists, data):
    """The labels of any choice of rows, repeated or not."""
    chosen = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=10))
    offsets, ids = take(packed(lists), np.array(chosen, np.int64))
    assert [ids[a:b].tolist() for a, b in pairwise(offsets)] == [lists[i] for i in chosen]


@pytest.mark.parametrize("rows", [[], [2, 2, 0]])
def test_taking_numbers(rows):
    """Targets are taken as they stand."""
    target = np.array([5, 6, 7], np.float32)
    np.testing.assert_array_equal(take(target, np.array(rows, np.int64)), target[rows])


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_thinned_entries_are_some_of_the_rows_own(share):
    """Each row keeps a part of its entries, larger by 1 / (1 - share), labels as they were."""
    rows = sparse(400)
    tile = next(cut(rows, np.arange(400.0, dtype=np.float32), 400))
    thin = thinned(tile, share, np.random.default_rng(2))
    parts = (tile.values, tile.codes, tile.indptr), (thin.values, thin.codes, thin.indptr)
    whole, left = (csr_array(part, shape=rows.shape).toarray() for part in parts)
    assert left[left != 0] == pytest.approx(whole[left != 0] / (1 - share))
    kept, entries = thin.codes.size, tile.codes.size
    assert abs(kept - (1 - share) * entries) < 5 * np.sqrt(entries * share * (1 - share))
    assert (thin.target == tile.target).all()
