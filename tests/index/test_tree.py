"""TreeIndex: its laws for each metric and dtype, its tree, its edges, golden bytes."""

import hashlib

import numpy as np
import pytest

from tests.index.near import around, recall
from thrifty.core import BudgetError, FormatError, dump, read_container, record_of
from thrifty.index import FlatIndex, TreeIndex
from thrifty.index._tree_centres import branch_for, nodes_for
from thrifty.laws import LAWS

METRICS = ("cosine", "inner", "l2")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("law", LAWS["vectors"] + LAWS["mapped"], ids=lambda law: law.__name__)
def test_law(law, metric, dtype):
    """The laws of indexes of vectors hold for each metric and dtype."""
    assert record_of(TreeIndex).laws == ("vectors", "mapped")
    law(lambda: TreeIndex(13, metric=metric, dtype=dtype))


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("law", LAWS["vectors"] + LAWS["mapped"], ids=lambda law: law.__name__)
def test_law_at_depth(law, depth):
    """The laws hold for flat cells and for three levels."""
    law(lambda: TreeIndex(11, metric="l2", depth=depth))


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("metric", METRICS)
def test_finds_the_nearest_with_little_effort(metric, depth):
    """A tenth of the leaves holds nearly all of the nearest, and full effort is the full scan."""
    rows, queries = around(20_000, 24, 1), around(200, 24, 2)
    index = TreeIndex(24, metric=metric, depth=depth).add(rows)
    best = FlatIndex(24, metric=metric).add(rows).search(queries)
    assert recall(index.search(queries, effort=0.1), best) > 0.95
    full = index.search(queries, effort=1.0)
    np.testing.assert_array_equal(full.ids, best.ids)
    np.testing.assert_array_equal(full.scores, best.scores)


@pytest.mark.parametrize("metric", METRICS)
def test_all_leaves_are_all_rows(metric):
    """An effort that falls short of 1 by less than a leaf looks at every row as well."""
    rows, queries = around(3000, 9, 3), around(40, 9, 4)
    index = TreeIndex(9, metric=metric, branch=8).add(rows[:2500]).add(rows[2500:])
    found, best = (index.search(queries, 20, effort=effort) for effort in (1 - 1e-9, 1.0))
    np.testing.assert_array_equal(found.ids, best.ids)
    np.testing.assert_array_equal(found.scores, best.scores)


@pytest.mark.parametrize("l2", [False, True])
def test_leaves_found(l2):
    """Leaves are distinct, mostly the likeliest of all, and found with few products."""
    rows, queries = around(20_000, 16, 5), around(100, 16, 6)
    tree = TreeIndex(16, metric="l2", branch=40).add(rows)._state.model
    centres = tree.levels[-1].centres.astype(np.float64)
    scores = queries @ centres.T - l2 * 0.5 * (centres**2).sum(axis=1)
    likeliest = np.argsort(-scores, axis=1)[:, :30]
    leaves, looked = tree.find(queries, 30, l2=l2)
    assert all(len(set(mine)) == 30 for mine in leaves.tolist())
    assert np.mean([np.isin(a, b).mean() for a, b in zip(likeliest, leaves, strict=True)]) > 0.85
    assert looked < 0.4 * len(queries) * tree.leaves
    every, _ = tree.find(queries, tree.leaves, l2=l2)
    assert (np.sort(every, axis=1) == np.arange(tree.leaves)).all()


def test_rows_lie_in_near_leaves():
    """Rows stand leaf by leaf, nearly all of them with the nearest of all centres."""
    rows = around(10_000, 12, 7, places=10_000)
    index = TreeIndex(12, metric="l2").add(rows)
    part, tree = index._state.parts[0], index._state.model
    labels = np.repeat(np.arange(tree.leaves), np.diff(part["starts"]))
    np.testing.assert_array_equal(part["vectors"], rows[part.ids])
    gaps = ((part["vectors"][:500, None].astype(np.float64) - tree.levels[-1].centres) ** 2).sum(2)
    mine = gaps[np.arange(500), labels[:500]]
    assert np.isclose(mine, gaps.min(axis=1), rtol=1e-5).mean() > 0.95


def test_levels():
    """Levels have about the nodes asked for, each node a child, and no more than are told."""
    for depth, branch in ((1, 30), (2, 12), (3, 6)):
        levels = (
            TreeIndex(8, branch=branch, depth=depth).add(around(5000, 8, 8))._state.model.levels
        )
        sizes, above = [len(level.centres) for level in levels], 1
        assert 0.8 * branch**depth < sizes[-1] <= nodes_for(branch, depth)[-1]
        for level, most in zip(levels, nodes_for(branch, depth), strict=True):
            assert len(level.centres) <= most
            assert level.firsts.size == above + 1
            assert (np.diff(level.firsts) > 0).all()
            above = len(level.centres)
    assert branch_for(1000, None, 2) == 15
    assert (branch_for(0, None, 2), branch_for(10**15, None, 2), branch_for(9, 7, 2)) == (
        1,
        1024,
        7,
    )


def test_equal_rows_are_no_trouble():
    """Thousands of equal rows, and of zeros, lie in leaves as others do."""
    rows = np.repeat(np.eye(5, dtype=np.float32), 500, axis=0)
    for metric in METRICS:
        index = TreeIndex(5, metric=metric).add(rows)
        found = index.search(np.eye(5), 3, effort=1.0)
        assert found.ids[:, 0].tolist() == [0, 500, 1000, 1500, 2000]
        assert (index.search(np.eye(5), 1).scores == found.scores[:, :1]).all()
    index = TreeIndex(5, metric="l2").add(np.zeros((500, 5)))
    assert index.search(np.zeros((1, 5)), 3, effort=1.0).ids.tolist() == [[0, 1, 2]]
    assert TreeIndex(5).add(rows[:1]).search(rows[:1], 2).ids.tolist() == [[0, -1]]


def test_rows_added_later_are_found_as_well():
    """The tree is learned anew as rows grow many, and what lies in parts is found."""
    rows, queries = around(12_000, 16, 9), around(100, 16, 10)
    index = TreeIndex(16)
    for start in range(0, 12_000, 1500):
        index.add(rows[start : start + 1500])
    best = FlatIndex(16).add(rows).search(queries)
    assert index._state.model.rows > 1500
    assert recall(index.search(queries, effort=0.1), best) > 0.95
    index.remove(np.arange(0, 12_000, 2))
    left = FlatIndex(16).add(rows[1::2], np.arange(1, 12_000, 2)).search(queries)
    assert recall(index.search(queries, effort=0.1), left) > 0.95


def test_narrow_filters_are_found():
    """The fewer rows a filter allows, the more leaves are looked at: recall stays."""
    rows, queries = around(20_000, 16, 11), around(100, 16, 12)
    index, flat = TreeIndex(16).add(rows), FlatIndex(16).add(rows)
    for share in (0.3, 0.03, 0.001):
        mask = np.random.default_rng(13).random(20_000) < share
        best = flat.search(queries, 10, filter=mask)
        assert recall(index.search(queries, 10, filter=mask, effort=0.1), best) > 0.95


def test_within_keeps_the_budget():
    """A budget decides how vectors are held; one too small names the smallest that would do."""
    rows = around(3000, 20, 14)
    says = r"^budget must be at least .* for 3000 vectors of 20 numbers, got 1000$"
    with pytest.raises(BudgetError, match=says) as caught:
        TreeIndex.within(1000, 20, 3000)
    for budget, dtype in ((caught.value.smallest, "float16"), (1_000_000, "float32")):
        index = TreeIndex.within(budget, 20, 3000)
        assert index.dtype == dtype
        assert index.add(rows).nbytes <= budget


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"dtype": "int8"}, r"dtype must be one of float32, float16, got 'int8'"),
        ({"depth": 0}, r"depth must be in 1\.\.8, got 0"),
        ({"depth": 9}, r"depth must be in 1\.\.8, got 9"),
        ({"branch": 0}, r"branch must be in 1\.\.1024, got 0"),
        ({"branch": 1025}, r"branch must be in 1\.\.1024, got 1025"),
        ({"branch": 33, "depth": 4}, r"branch must be in 1\.\.32, got 33"),
        ({"seed": -1}, r"seed must be in 0\.\.18446744073709551615, got -1"),
    ],
)
def test_refusals(given, says):
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=rf"^{says}$"):
        TreeIndex(4, **given)


def test_too_large_for_float16_is_named():
    """The row that does not fit is told by its place among those given."""
    rows = around(50, 4, 15)
    rows[37] *= 1e6
    says = r"^vectors must be at most 65504 in size for float16, row 37 is not$"
    with pytest.raises(ValueError, match=says):
        TreeIndex(4, metric="l2", dtype="float16").add(rows)


def test_lying_bytes_are_refused(tmp_path):
    """Sizes that do not fit each other are a FormatError, opened or loaded; so are bad centres."""
    path = tmp_path / "index.thrifty"
    TreeIndex(6, branch=4).add(around(200, 6, 16)).save(path)
    with open(path, "rb") as file:
        header, arrays = read_container(file, kind="tree-index", version=1)
    ends, below = arrays["starts"], arrays["firsts1"]
    childless, falls = below.copy(), ends.copy()
    childless[1], falls[1] = 0, 2**62
    for name, array in (
        ("starts", ends + 1),
        ("starts", ends[:-1]),
        ("starts", falls),
        ("starts", np.append(ends[:-1], 2**62)),
        ("firsts0", arrays["firsts0"] + 1),
        ("firsts1", below[::-1]),
        ("firsts1", childless),
        ("vectors", arrays["vectors"][:-1]),
        ("ids", arrays["ids"][:-1]),
        ("centres0", arrays["centres0"][:-1]),
        ("centres1", np.full_like(arrays["centres1"], np.nan)),
        ("learned", np.zeros(2, np.int64)),
    ):
        held = {n: np.ascontiguousarray(a) for n, a in {**arrays, name: array}.items()}
        data = dump(kind="tree-index", version=1, header=header, arrays=held)
        path.write_bytes(data)
        with pytest.raises(FormatError):
            TreeIndex.from_bytes(data)
        with pytest.raises(FormatError):
            TreeIndex.open(path)


def test_bytes_are_stable():
    """Golden: the bytes of fixed rows do not move between versions."""
    rows = np.array([[0, 0, 1], [0, 0, 3], [64, 0, 0], [66, 0, 0], [0, 0, 5], [65, 2, 0]])
    data = TreeIndex(3, metric="l2", branch=2).add(rows).remove([4]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "e51094bacf68d366"
