"""GraphIndex: its laws for each metric and dtype, the parts of building, a peer, edges, bytes."""

import hashlib
import io
import itertools

import numpy as np
import pytest

from thrifty.core import BudgetError, FormatError, dump, read_container, record_of
from thrifty.index import FlatIndex, GraphIndex
from thrifty.index._graph_build import linked, near_neighbours, tree_order
from thrifty.index._graph_walk import choose_starts, walk
from thrifty.index._scoring import frozen
from thrifty.laws import LAWS

METRICS = ("cosine", "inner", "l2")
EVERY = np.zeros(0, np.bool_)


def rows_of(count, dim, seed):
    """Rows around a hundred places."""
    places = np.random.default_rng(dim).standard_normal((100, dim))
    rng = np.random.default_rng(seed)
    noise = 0.5 * rng.standard_normal((count, dim))
    return (places[rng.integers(0, 100, count)] + noise).astype(np.float32)


def recall(ids, best):
    """Share of the best that was found."""
    return np.mean([np.isin(exact, mine).mean() for mine, exact in zip(ids, best, strict=True)])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("law", LAWS["vectors"] + LAWS["mapped"], ids=lambda law: law.__name__)
def test_law(law, metric, dtype):
    """The laws of indexes of vectors hold for each metric and dtype."""
    assert record_of(GraphIndex).laws == ("vectors", "mapped")
    law(lambda: GraphIndex(13, metric=metric, dtype=dtype, trees=3, degree=12))


@pytest.mark.parametrize("metric", METRICS)
def test_finds_the_nearest_with_little_effort(metric):
    """From a tenth of the rows nearly all of the nearest; with full effort all of them."""
    rows, queries = rows_of(20_000, 12, 1), rows_of(200, 12, 2)
    index = GraphIndex(12, metric=metric).add(rows)
    best = FlatIndex(12, metric=metric).add(rows).search(queries)
    assert recall(index.search(queries, effort=0.1).ids, best.ids) > 0.95
    full = index.search(queries, effort=1.0)
    np.testing.assert_array_equal(full.ids, best.ids)
    np.testing.assert_array_equal(full.scores, best.scores)


def test_filters_and_removed_rows_are_walked_through():
    """With half of the rows gone and half of the rest forbidden, the walk finds what may be."""
    rows, queries = rows_of(20_000, 12, 1), rows_of(200, 12, 2)
    index = GraphIndex(12, metric="l2").add(rows).remove(np.arange(0, 20_000, 2))
    only = np.arange(1, 20_000, 4)
    best = FlatIndex(12, metric="l2").add(rows[only], only).search(queries)
    assert index._width(index._state.parts[0], np.ones(20_000, np.bool_), 0.05, 10) > 0
    assert recall(index.search(queries, filter=only, effort=0.05).ids, best.ids) > 0.95


@pytest.mark.peers
def test_at_least_as_good_as_hnswlib():
    """With a beam as wide and as many links, recall is at most .05 below, and three errors."""
    peer = pytest.importorskip("hnswlib")
    rows, queries = rows_of(20_000, 16, 1), rows_of(500, 16, 2)
    best = FlatIndex(16, metric="l2").add(rows).search(queries).ids
    theirs = peer.Index("l2", 16)
    theirs.init_index(20_000, M=16, ef_construction=100, random_seed=1)
    theirs.add_items(rows, num_threads=1)
    theirs.set_ef(64)
    mine = GraphIndex(16, metric="l2").add(rows).search(queries, effort=64 * 16 / 20_000).ids
    shares = [
        [np.isin(a, b).mean() for a, b in zip(best, ids, strict=True)]
        for ids in (mine, theirs.knn_query(queries, 10, num_threads=1)[0])
    ]
    error = np.sqrt(sum(np.var(share) for share in shares) / 500)
    assert np.mean(shares[0]) > np.mean(shares[1]) - 0.05 - 3 * error


def test_trees_have_leaves_of_equal_size():
    """Every row is in one leaf, leaves differ by a row at most, and hold rows near each other."""
    rows = rows_of(1000, 8, 3)
    order, ends = tree_order(rows, np.random.default_rng(1), leaf=70)
    assert (np.sort(order) == np.arange(1000)).all()
    sizes = np.diff(ends)
    assert (sizes.size, sizes.max() - sizes.min() <= 1) == (16, True)
    within = np.mean([rows[order[a:b]].var(axis=0).sum() for a, b in itertools.pairwise(ends)])
    assert within < 0.9 * rows.var(axis=0).sum()


def test_neighbours_are_true_ones_where_a_leaf_holds_all():
    """With one leaf they are those of a sort; with small leaves more trees find more of them."""
    rows = rows_of(900, 6, 4)
    gaps = ((rows[:, None].astype(float) - rows) ** 2).sum(axis=2)
    np.fill_diagonal(gaps, np.inf)
    exact = np.argsort(gaps, axis=1)[:, :8]
    near, far = near_neighbours(rows, 8, 1, np.random.default_rng(1), leaf=900)
    np.testing.assert_array_equal(near, exact)
    np.testing.assert_allclose(far, np.take_along_axis(gaps, exact, axis=1), rtol=1e-4)
    found = [
        recall(near_neighbours(rows, 8, trees, np.random.default_rng(1), leaf=60)[0], exact)
        for trees in (1, 4, 16)
    ]
    assert found[0] < found[1] < found[2]
    assert found[2] > 0.9


def test_links_part_directions_and_lead_back():
    """A link is taken only if no nearer link is much nearer to it; the nearest is always one."""
    rows = rows_of(300, 5, 5)
    near, gaps = near_neighbours(rows, 20, 2, np.random.default_rng(1), leaf=300)
    links = linked(rows, near, gaps, 299, slack=1.0)
    assert (links[:, 0] == near[:, 0]).all()
    pairs = {(i, j) for i in range(300) for j in links[i] if j >= 0}
    assert pairs == {(j, i) for i, j in pairs}
    gap = ((rows[:, None] - rows) ** 2).sum(axis=2)
    for i in range(20):
        ways: list[int] = []
        others = {*near[i], *np.flatnonzero((near == i).any(axis=1))}
        for j in sorted(others, key=lambda j, i=i: gap[i, j]):
            if all(gap[j, h] > gap[i, j] for h in ways):
                ways.append(j)
        assert links[i, : len(ways)].tolist() == ways
    assert max(len(set(row[row >= 0])) - (row >= 0).sum() for row in links) == 0


def test_a_wide_walk_of_a_connected_graph_scores_every_row():
    """On a ring, the beam reaches all rows; a greedy walk goes downhill step by step."""
    n = 64
    angles = 2 * np.pi * np.arange(n) / n
    ring = frozen(np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    links = frozen(np.stack([np.arange(n) - 1, np.arange(n) + 1], axis=1).astype(np.int32) % n)
    starts, keys = frozen(np.full((1, 1), 20, np.int32)), np.arange(n)
    for width, scored, followed in ((n, n, n), (1, 22, 21)):
        scores, ids = np.full((1, 3), -np.inf, np.float32), np.full((1, 3), -1, np.int64)
        counts = np.zeros((1, 2), np.int64)
        walk(ring[:1], ring, links, starts, width, n, True, EVERY, keys, scores, ids, counts)
        assert ids[0, 0] == 0
        assert set(ids[0].tolist()) <= {0, 1, 2, n - 1}
        assert abs(counts[0] - [scored, followed]).max() <= 2


def test_starts_are_the_best_heads():
    """They are those of a sort, best first; numbers that are none begin nothing."""
    products = np.random.default_rng(1).standard_normal((4, 50)).astype(np.float32)
    starts = np.full((4, 6), -1, np.int32)
    choose_starts(products, np.zeros(50, np.float32), 3, starts)
    np.testing.assert_array_equal(starts, 3 * np.argsort(-products, axis=1)[:, :6])
    starts[:] = -1
    choose_starts(products * np.nan, np.zeros(50, np.float32), 3, starts)
    assert (starts == -1).all()


def test_links_that_lead_nowhere_are_skipped():
    """A file whose links are not rows is opened, and its answers are rows that it has."""
    index = GraphIndex(4, metric="l2", trees=2).add(rows_of(5000, 4, 6))
    spec, arrays = read_container(io.BytesIO(index.to_bytes()), kind="graph-index", version=1)
    wild = np.random.default_rng(1).integers(-(2**31), 2**31, (5000, 32)).astype(np.int32)
    parts = {"kind": "graph-index", "version": 1, "header": spec}
    other = GraphIndex.from_bytes(dump(**parts, arrays=arrays | {"links": wild}))
    ids = other.search(rows_of(20, 4, 7), effort=0.01).ids
    assert ((ids >= -1) & (ids < 5000)).all()
    for name, array in (("links", wild[:, 1:]), ("heads", arrays["heads"][1:])):
        with pytest.raises(FormatError, match=f"^array '{name}' must be "):
            GraphIndex.from_bytes(
                dump(**parts, arrays=arrays | {name: np.ascontiguousarray(array)})
            )


def test_equal_rows_are_no_trouble():
    """Thousands of equal rows make a graph as others do, and one row makes one too."""
    for count in (1, 2, 3000):
        index = GraphIndex(3, metric="l2", trees=2).add(np.ones((count, 3)))
        assert index.search(np.ones((1, 3)), 1, effort=0.01).scores.tolist() == [[0.0]]


def test_refusals():
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=r"^degree must be in 2\.\.1024, got 1$"):
        GraphIndex(3, degree=1)
    with pytest.raises(ValueError, match=r"^trees must be in 1\.\.256, got 0$"):
        GraphIndex(3, trees=0)
    with pytest.raises(ValueError, match=r"^dtype must be one of float32, float16, got 'int8'$"):
        GraphIndex(3, dtype="int8")


def test_within_keeps_the_budget():
    """The largest kind that fits is chosen, and holds no more than the budget."""
    for each, kind in ((4, ("float32", 32)), (2, ("float16", 32)), (2, ("float16", 16))):
        heads = 4 * 24 * len(range(0, 2000, round(2000**0.5 / 2)))
        budget = 2000 * (24 * each + 4 * kind[1] + 8) + heads
        index = GraphIndex.within(budget, 24, 2000)
        assert (index.dtype, index.degree) == kind
        assert index.add(rows_of(2000, 24, 1)).nbytes == budget
    with pytest.raises(BudgetError):
        GraphIndex.within(budget - 1, 24, 2000)


def test_bytes_are_stable():
    """Golden: the bytes of fixed rows of whole numbers do not move between versions."""
    rows = np.random.default_rng(9).integers(-50, 50, (200, 4))
    data = GraphIndex(4, metric="l2", trees=2, degree=6).add(rows).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "cd5f3144147d8e97"
