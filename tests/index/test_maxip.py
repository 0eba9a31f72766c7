"""MaxIPIndex: its laws, its buckets against plain dictionaries, moves, budgets, its edges."""

from collections import Counter

import numpy as np
import pytest

from thrifty.core import BudgetError, FormatError, IncompatibleError, dump, record_of
from thrifty.hashing import DWTA, SimHash
from thrifty.index import SLIDE, MaxIPIndex, tune
from thrifty.laws.index import LAWS

LAW_CASES = [law for name in record_of(MaxIPIndex).laws for law in LAWS[name]]
KINDS = {
    "simhash": lambda: MaxIPIndex(SimHash(9, 4, 12, seed=3), capacity=16, seed=5),
    "fifo": lambda: MaxIPIndex(SimHash(9, 3, 12, seed=3), capacity=7, replacement="fifo"),
    "norm": lambda: MaxIPIndex(SimHash(10, 4, 12, seed=3), transform="norm"),
    "dwta": lambda: MaxIPIndex(DWTA(9, 12, 2, 4, seed=3), capacity=16),
}


def data(n, dim=8, seed=0):
    """Rows, biases and queries."""
    rng = np.random.default_rng(seed)
    shapes = ((n, dim), (n,), (30, dim))
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, make):
    """The laws the record names hold for both families, both replacements and the transform."""
    law(make)


def collisions(index, rows, bias, query):
    """The plain formula: in how many tables each row has the code of the query."""
    augmented = np.column_stack([rows, bias])
    same = index.family(augmented) == index.family(np.append(query, 1)[None])
    return Counter({i: int(n) for i, n in enumerate(same.sum(axis=1)) if n})


def test_candidates_are_the_rows_that_share_a_code():
    """With buckets that never fill, the candidates are exactly the rows that share a code."""
    rows, bias, queries = data(400)
    index = MaxIPIndex(SimHash(9, 5, 6, seed=1), capacity=400).build(rows, bias)
    offsets, ids = index.candidates(queries)
    for i, query in enumerate(queries):
        assert ids[offsets[i] : offsets[i + 1]].tolist() == sorted(
            collisions(index, rows, bias, query)
        )


def test_most_frequent_keeps_the_rows_that_share_most_codes():
    """At a limit, no row left out shares more codes than one kept."""
    rows, bias, queries = data(400)
    index = MaxIPIndex(SimHash(9, 3, 10, seed=1), capacity=400).build(rows, bias)
    offsets, ids = index.candidates(queries, 25, "most_frequent")
    for i, query in enumerate(queries):
        met = collisions(index, rows, bias, query)
        kept = {row: met.pop(row) for row in ids[offsets[i] : offsets[i + 1]].tolist()}
        assert len(kept) == 25
        assert min(kept.values()) >= max(met.values())


def test_a_tile_counts_over_all_its_queries():
    """The ids of a tile are those that share most codes with all queries; excluded ones never."""
    rows, bias, queries = data(400)
    index = MaxIPIndex(SimHash(9, 4, 8, seed=1), capacity=400).build(rows, bias)
    met = sum((collisions(index, rows, bias, query) for query in queries), Counter())
    exclude = np.array([row for row, _ in met.most_common(5)], np.int32)
    for row in exclude.tolist():
        del met[row]
    for _ in range(2):
        ids = index.candidates_of_tile(queries, 40, np.sort(exclude)).tolist()
        assert ids == sorted(set(ids))
        kept = {row: met[row] for row in ids}
        assert len(kept) == 40
        assert min(kept.values()) >= max(n for row, n in met.items() if row not in kept)


def test_neighbours_are_the_tile_of_the_rows_themselves():
    """Asking by id counts the rows that share codes with those rows."""
    rows, bias, _ = data(300)
    index = MaxIPIndex(SimHash(9, 4, 8, seed=1), capacity=300).build(rows, bias)
    same = index.family(np.column_stack([rows, bias]))
    counts = sum((same == same[row]).sum(axis=1) for row in (3, 77))
    ids = index.neighbours_of_tile([3, 77], 20)
    assert {3, 77} <= set(ids.tolist())
    assert counts[ids].min() >= np.delete(counts, ids).max()


@pytest.mark.parametrize("replacement", ["reservoir", "fifo"])
def test_full_buckets_keep_capacity(replacement):
    """One code for all rows: the bucket holds `capacity` of them, the newest if fifo."""
    rows = np.ones((100, 8), np.float32)
    index = MaxIPIndex(SimHash(9, 2, 1), capacity=10, replacement=replacement).build(rows)
    _, ids = index.candidates(rows[:1])
    assert len(ids) == 10
    assert index.largest_bucket == 100
    assert (ids.tolist() == list(range(90, 100))) == (replacement == "fifo")


def test_the_reservoir_is_fair():
    """Over seeds, early and late rows are kept alike, within 4 standard errors."""
    rows = np.ones((100, 8), np.float32)
    kept = np.zeros(100)
    for seed in range(300):
        index = MaxIPIndex(SimHash(9, 2, 1), capacity=20, seed=seed).build(rows)
        kept[index.candidates(rows[:1])[1]] += 1
    error = np.sqrt(300 * 50 * 0.2 * 0.8)
    assert abs(kept[:50].sum() - 3000) < 4 * error


def test_refresh_equals_a_new_build():
    """Where buckets never fill, refreshing changed rows gives the candidates of a fresh build."""
    rows, bias, queries = data(400)
    family = SimHash(9, 4, 6, seed=1)
    index = MaxIPIndex(family, capacity=400).build(rows, bias)
    ids = np.random.default_rng(4).choice(400, 100, replace=False).astype(np.int32)
    rows[ids] *= -1
    index.refresh(ids, rows[ids], bias[ids])
    fresh = MaxIPIndex(family, capacity=400).build(rows, bias)
    for mine, theirs in zip(index.candidates(queries), fresh.candidates(queries), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_norm_transform_finds_long_rows():
    """Where rows have two lengths, the transform finds more of the true best."""
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((3000, 16))
    rows *= rng.choice([0.3, 1], (3000, 1)) / np.linalg.norm(rows, axis=1, keepdims=True)
    queries = rng.standard_normal((200, 16))
    best = np.argsort(-(queries @ rows.T), axis=1)[:, :10]
    shares = []
    for transform, dim in (("none", 17), ("norm", 18)):
        family = SimHash(dim, 4, 30, seed=1)
        index = MaxIPIndex(family, capacity=3000, transform=transform).build(rows)
        ids, _ = index.search(queries, 10, rows, limit=150)
        hits = [len(set(a) & set(b)) for a, b in zip(ids.tolist(), best.tolist(), strict=True)]
        shares.append(np.array(hits) / 10)
    gain = shares[1] - shares[0]
    assert gain.mean() > 4 * gain.std() / np.sqrt(len(gain))


def test_candidates_beat_chance():
    """The best row is among the candidates far more often than among as many random rows."""
    rows, bias, queries = data(2000, dim=16, seed=3)
    index = MaxIPIndex(SimHash(17, 5, 20, seed=1), capacity=400).build(rows, bias)
    ids, _ = index.search(queries, 1, rows, bias, limit=200)
    best = (queries @ rows.T + bias).argmax(axis=1)
    error = np.sqrt(0.1 * 0.9 / 30)
    assert (ids[:, 0] == best).mean() > 0.1 + 4 * error


def test_within_keeps_the_budget():
    """The built index fits its budget and uses most of it; too little is refused with what does."""
    rows, bias, _ = data(5000)
    index = MaxIPIndex.within("1.5 MB", num_rows=5000, dim=8).build(rows, bias)
    assert 1_300_000 < index.nbytes <= 1_500_000
    with pytest.raises(
        BudgetError, match=r"^an index over 5000 rows needs \S+ kB, got '1 kB'$"
    ) as e:
        MaxIPIndex.within("1 kB", num_rows=5000, dim=8)
    assert MaxIPIndex.within(e.value.smallest, num_rows=5000, dim=8).build(rows).family.tables == 1
    with pytest.raises(BudgetError):
        MaxIPIndex.within(e.value.smallest - 1, num_rows=5000, dim=8)


def test_tune_follows_the_rules():
    """The auto-tuner's numbers for the sizes that its rules were worked out for."""
    wide = tune(100_000, 0.01, "wide")
    assert (wide.hashes, wide.bin_size, wide.tables, wide.capacity) == (1, 4096, 47, 84)
    standard = tune(100_000, 0.01)
    assert (standard.hashes, standard.bin_size, standard.tables) == (5, 8, 328)
    assert standard.capacity == 4 * (100_000 // 8**5)
    assert tune(90, 0.01, "wide") is None
    assert tune(10, 1.0).hashes == 2
    assert (SLIDE.hashes, SLIDE.bin_size**SLIDE.hashes, SLIDE.tables) == (6, 2**18, 400)


def test_tuned_settings_make_an_index():
    """Settings from the wide rule make a family whose index answers."""
    rows, bias, queries = data(3000)
    settings = tune(3000, 0.05, "wide")
    index = MaxIPIndex(settings.family(9, seed=1), capacity=settings.capacity).build(rows, bias)
    ids, _ = index.search(queries, 1, rows, bias)
    assert (ids >= 0).all()


def test_empty():
    """No rows, no queries, no ids: nothing is found and nothing breaks."""
    index = MaxIPIndex(SimHash(9, 3, 2))
    none = np.empty((0, 8), np.float32)
    assert index.candidates_of_tile(np.ones((2, 8)), 5).tolist() == []
    assert index.search(np.ones((2, 8)), 2, none)[0].tolist() == [[-1, -1], [-1, -1]]
    index.build(np.ones((5, 8)))
    assert index.candidates(none)[0].tolist() == [0]
    assert index.refresh([], none) == 0
    assert index.candidates_of_tile(none, 5).tolist() == []


def test_refusals():
    """Each bad argument is named with its rule and value."""
    family = SimHash(9, 3, 2)
    with pytest.raises(ValueError, match=r"^capacity must be in 1\.\.32767, got 0$"):
        MaxIPIndex(family, capacity=0)
    with pytest.raises(ValueError, match=r"^replacement must be one of reservoir, fifo, got 'x'$"):
        MaxIPIndex(family, replacement="x")
    with pytest.raises(ValueError, match=r"^transform must be one of none, norm, got 'x'$"):
        MaxIPIndex(family, transform="x")
    with pytest.raises(ValueError, match=r"^family\.dim must be in 2\.\.2147483647, got 1$"):
        MaxIPIndex(SimHash(1, 3, 2))
    with pytest.raises(ValueError, match=r"^mode must be one of union, most_frequent, got 'x'$"):
        MaxIPIndex(family).build(np.ones((5, 8))).candidates(np.ones((1, 8)), 2, "x")
    with pytest.raises(ValueError, match=r"^limit must be in 0\.\.2147483647, got -1$"):
        MaxIPIndex(family).candidates_of_tile(np.ones((1, 8)), -1)
    with pytest.raises(ValueError, match=r"^k must be in 1\.\.2147483647, got 0$"):
        MaxIPIndex(family).build(np.ones((5, 8))).search(np.ones((1, 8)), 0, np.ones((5, 8)))
    with pytest.raises(ValueError, match=r"^sparsity must be in 1e-09\.\.1, got 0$"):
        tune(10, 0)


def test_what_does_not_fit_is_refused():
    """Rows, biases, queries and ids of another shape are shown beside the index."""
    index = MaxIPIndex(SimHash(9, 3, 2)).build(np.ones((5, 8)))
    fit = r"do not fit MaxIPIndex\(SimHash\(9, 3, 2, seed=0\), capacity=32, num_rows=5\)$"
    shapes = r"^rows of shape \(5, 7\) with a bias of shape \(5,\) "
    with pytest.raises(IncompatibleError, match=shapes + fit):
        index.build(np.ones((5, 7)))
    with pytest.raises(IncompatibleError, match=r"^queries of shape \(2, 7\) " + fit):
        index.candidates(np.ones((2, 7)))
    with pytest.raises(IncompatibleError, match=r"^ids 5\.\.5 " + fit):
        index.refresh([5], np.ones((1, 8)))
    with pytest.raises(IncompatibleError, match=r"^2 ids do not fit 1 rows$"):
        index.refresh([1, 2], np.ones((1, 8)))
    with pytest.raises(IncompatibleError, match=r"^4 rows " + fit):
        index.search(np.ones((1, 8)), 1, np.ones((4, 8)))


def test_damaged_bytes_are_refused():
    """Bytes that are cut, foreign or hold an id out of range are a FormatError."""
    index = MaxIPIndex(SimHash(9, 3, 2)).build(np.ones((5, 8)))
    with pytest.raises(FormatError):
        MaxIPIndex.from_bytes(index.to_bytes()[:-1])
    with pytest.raises(FormatError):
        MaxIPIndex.from_bytes(dump(kind="maxip-index", version=1, header={}, arrays={}))
    index._tables.slots[0, 0, 0] = 5
    with pytest.raises(FormatError, match=r"^not an index, or damaged: an id"):
        MaxIPIndex.from_bytes(index.to_bytes())
