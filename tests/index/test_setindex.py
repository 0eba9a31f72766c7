"""SetIndex: its laws, its counts against plain sets, its estimates, buckets, budgets and edges."""

import hashlib
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.hashing import MinHash
from thrifty.index import SetIndex
from thrifty.index.bands import Bands
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(SetIndex).laws for law in LAWS[name]]
SETS = 300


def some_sets(count=SETS, seed=0):
    """Sets of 30 to 60 items that lie near others, as (indptr, items)."""
    rng = np.random.default_rng(seed)
    rows = [rng.integers(8 * i, 8 * i + 80, rng.integers(30, 60)) for i in range(count)]
    return np.append(0, np.cumsum([row.size for row in rows])), np.concatenate(rows)


def jaccard(sets, queries):
    """The plain formula, (queries, sets)."""
    a, b = ([set(s[1][x:y].tolist()) for x, y in pairwise(s[0])] for s in (
        queries, sets,
    ))  # fmt: skip
    return np.array([[len(q & s) / max(1, len(q | s)) for s in b] for q in a])


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws of vector indexes hold where the rows are vectors."""
    law(lambda: SetIndex(24, 5, dim=12, seed=3))


@pytest.mark.parametrize("hashes", [1, 2])
def test_counts_are_the_tables_in_which_codes_agree(hashes):
    """Where buckets hold all, a row is met in as many tables as its codes agree, and few more."""
    sets, queries = some_sets(), some_sets(20, seed=1)
    index = SetIndex(40, hashes, seed=2, capacity=SETS).add(sets)
    ids, counts = index.met(index.codes(queries), SETS)
    family, bands = MinHash(40 * hashes, words=3, seed=2), Bands(40, hashes)
    mine, theirs = (bands.keys(family.of_sets(*s)) for s in (queries, sets))
    exact = (mine[:, None] == theirs[None]).sum(axis=2)
    told = np.zeros_like(exact)
    for row, own, met in zip(told, ids, counts, strict=True):
        row[own[own >= 0]] = met[own >= 0]
    chance = told - exact  # two codes in one of 512 buckets
    assert (chance >= 0).all()
    mean, error = 40 / 512, np.sqrt(40 / 512 / exact.size)
    assert 0 < chance.mean() < mean + 4 * error
    assert (np.diff(counts, axis=1) <= 0).all()


def test_estimates_are_near_jaccard():
    """The mean error of estimates is within 4 standard errors of chance agreement."""
    sets, queries = some_sets(), some_sets(40, seed=0)
    index = SetIndex(400, seed=5).add(sets)
    ids, scores = index.search(queries, 3)
    exact = np.take_along_axis(jaccard(sets, queries), ids, axis=1)
    spread = np.sqrt(exact[:, 0] * (1 - exact[:, 0]) / 400)
    assert (ids[:, 0] == np.arange(40)).all()
    assert (scores[:, 0] == 1).all()
    assert (np.abs(scores - exact)[:, 0] <= 4 * spread + 1e-6).all()
    error = np.sqrt(exact[:, 1:] * (1 - exact[:, 1:]) / 400).mean() / np.sqrt(40)
    assert abs((scores - exact)[:, 1:].mean()) < 8 * error + 400 / 512 / 400


def test_full_effort_is_exact_jaccard():
    """With an effort of 1 the scores are those of the plain formula, and rows of none come last."""
    sets, queries = some_sets(), some_sets(20, seed=1)
    index = SetIndex(8).add(sets)
    exact = jaccard(sets, queries)
    ids, scores = index.search(queries, SETS, effort=1.0)
    np.testing.assert_allclose(scores, -np.sort(-exact, axis=1), rtol=1e-6)
    order = np.lexsort((np.broadcast_to(np.arange(SETS), exact.shape), -exact), axis=1)
    np.testing.assert_array_equal(ids, order)


def test_recall_of_sets_grows_with_effort():
    """More rows compared never lose one of the ten best, and all of them find every one."""
    sets, queries = some_sets(), some_sets(30, seed=1)
    index = SetIndex(12, seed=1).add(sets)
    best = index.search(queries, 10, effort=1.0).ids
    hits = [
        sum(
            np.isin(a, b).sum()
            for a, b in zip(index.search(queries, 10, effort=e).ids, best, strict=True)
        )
        for e in (0.02, 0.05, 0.2, 1.0)
    ]
    assert hits == sorted(hits)
    assert hits[0] < hits[-1] == best.size


def test_texts_and_matrices_are_the_sets_of_their_items():
    """Texts, their shingles, and the columns of a sparse matrix give the same answers."""
    texts = [f"the {a} cat and the {b} dog" for a in ["big", "red", "old"] for b in ["sad", "mad"]]
    shingles = MinHash(words=2).shingles(texts)
    by_text, by_set = (SetIndex(32, words=2).add(x) for x in (texts, shingles))
    assert by_text.to_bytes() == by_set.to_bytes()
    starts, items = some_sets(30)
    dense = np.zeros((30, items.max() + 1))
    for row, (a, b) in enumerate(pairwise(starts)):
        dense[row, items[a:b]] = 2.5
    one, two = SetIndex(16).add((starts, items)), SetIndex(16).add(sp.csr_array(dense))
    assert one.to_bytes() == two.to_bytes()


def test_full_buckets_keep_a_fair_sample():
    """Of equal sets `capacity` stay in a bucket; over seeds early and late ones alike."""
    same = np.arange(0, 5 * 101, 5), np.tile(np.arange(5), 100)
    kept = np.zeros(100)
    for seed in range(40):
        index = SetIndex(8, capacity=20, seed=seed).add(same)
        ids, counts = index.met(index.codes((same[0][:2], same[1][:5])), 100)
        assert counts.sum() == 8 * 20
        kept[ids[ids >= 0]] += counts[ids >= 0]
    error = np.sqrt(40 * 8 * 50 * 0.2 * 0.8)
    assert abs(kept[:50].sum() - 40 * 8 * 10) < 4 * error


def test_hot_buckets_say_nothing():
    """A bucket of more than the share of rows is passed over, the others are not."""
    starts, items = some_sets()
    counts = np.diff(starts) + 1
    shared = np.insert(items, starts[:-1], 10**6)  # one item that is in every set
    sets = np.append(0, np.cumsum(counts)), shared
    every = SetIndex(64, capacity=4, seed=1).add(sets)
    hot = SetIndex(64, capacity=4, hot=0.02, seed=1).add(sets)
    told = [index.met(index.codes(sets), 5)[1].sum() for index in (every, hot)]
    assert 0 < told[1] < told[0]
    assert hot.nbytes < every.nbytes


def test_empty_sets_are_never_met():
    """An empty set is held and counted, found by no query, and finds nothing."""
    index = SetIndex(16).add(["", "one two three four", ""])
    assert len(index) == 3
    ids, scores = index.search(["", "one two three four"], 2)
    assert ids.tolist() == [[-1, -1], [1, -1]]
    assert scores[0].tolist() == [-np.inf, -np.inf]
    assert index.search([""], 1, effort=1.0).scores.tolist() == [[0.0]]


def test_ids_updates_and_filters():
    """Ids are the caller's; removed sets are gone, filters are kept, an index merges."""
    sets = some_sets(50)
    index = SetIndex(64, seed=4).add(sets, np.arange(50) * 10)
    assert index.search(sets, 1).ids[:, 0].tolist() == list(range(0, 500, 10))
    index.remove([0, 70])
    found = index.search(sets, 5).ids
    assert not np.isin(found, [0, 70]).any()
    assert set(index.search(sets, 5, filter=[10, 20]).ids.ravel().tolist()) == {-1, 10, 20}
    both = index.merge(SetIndex(64, seed=4).add(sets, np.arange(1000, 1050)))
    assert len(both) == 98
    with pytest.raises(ValueError, match=r"^ids must be new, got 10$"):
        index.add((sets[0][:2], sets[1][: sets[0][1]]), [10])


def test_what_is_not_kept_cannot_be_compared():
    """Without the rows the index is smaller, counts alike, and refuses an effort."""
    sets = some_sets()
    kept, bare = SetIndex(8, seed=1).add(sets), SetIndex(8, keep=False, seed=1).add(sets)
    assert bare.nbytes < kept.nbytes
    np.testing.assert_array_equal(kept.search(sets).ids, bare.search(sets).ids)
    twin = SetIndex.from_bytes(bare.remove([3]).to_bytes())
    np.testing.assert_array_equal(twin.search(sets).ids, bare.search(sets).ids)
    with pytest.raises(IncompatibleError, match=r"^effort 0\.5 does not fit .*rows are not kept$"):
        bare.search(sets, effort=0.5)


def test_within_keeps_the_budget():
    """The filled index fits, using most of its budget; too little is refused with what does."""
    sets = some_sets()
    items = int(np.ceil(np.diff(sets[0]).mean()))
    index = SetIndex.within("200 kB", SETS, items=items).add(sets)
    assert 150_000 < index.nbytes <= 200_000
    with pytest.raises(BudgetError) as caught:
        SetIndex.within("1 kB", SETS, items=items)
    assert SetIndex.within(caught.value.smallest, SETS, items=items).tables == 1


def test_refusals():
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=r"^tables must be .*1\.\.512.*, got 600$"):
        SetIndex(600, 2)
    with pytest.raises(ValueError, match=r"^hashes must be .*1\.\.24.*, got 0$"):
        SetIndex(4, 0)
    with pytest.raises(ValueError, match=r"^hot must be in 1e-09\.\.1, got 0$"):
        SetIndex(4, hot=0)
    index = SetIndex(4).add(some_sets(5))
    for effort in (0, 1.1, float("nan")):
        with pytest.raises(ValueError, match=r"^effort must be above 0 and at most 1, got "):
            index.search(some_sets(1), effort=effort)
    with pytest.raises(ValueError, match=r"^indptr must rise from 0 to 3, got \[0, 4\]$"):
        index.add(([0, 4], [1, 2, 3]))
    with pytest.raises(ValueError, match=r"^items must be integers, got float64$"):
        index.add(([0, 1], [0.5]))
    with pytest.raises(ValueError, match=r"^vectors must be texts, a sparse matrix or \(indptr, "):
        index.add(([0], [1], [2]))
    with pytest.raises(TypeError):
        index.add([1.5])
    with pytest.raises(IncompatibleError, match=r"^codes of shape \(1, 3\) do not fit SetIndex\("):
        index.met(np.zeros((1, 3), np.uint32), 1)
    with pytest.raises(IncompatibleError, match=r"^2 ids do not fit 1 vectors$"):
        index.add(some_sets(1), [7, 8])
    with pytest.raises(ValueError, match=r"not 0, row 1 is not$"):
        SetIndex(4, dim=3).add([[1, 2, 3], [0, 0, 0]])


def test_damaged_parts_are_refused():
    """Arrays that do not belong together are a FormatError, whole bytes or not."""
    index = SetIndex(4).add(some_sets(20))
    for name, spoilt in (("bounds", np.arange(5)), ("cuts", np.zeros(3, np.int64))):
        arrays = dict(index.arrays()) | {name: spoilt}
        with pytest.raises(FormatError):
            SetIndex.restore(index.spec(), arrays)
    with pytest.raises(FormatError):
        SetIndex.from_bytes(index.to_bytes()[:-1])


def test_bytes_are_stable():
    """Golden: the bytes of a fixed index do not move between versions."""
    data = SetIndex(8, 2, seed=1).add(some_sets(20)).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "fef520309b6eff4b"


@pytest.mark.peers
def test_candidates_agree_with_datasketch():
    """Near-duplicates that MinHashLSH finds are found, both by the same rule of bands."""
    peer = pytest.importorskip("datasketch")
    rng = np.random.default_rng(3)
    rows = [rng.integers(0, 2**40, 100) for _ in range(60)]
    near = [np.concatenate([row[:95], rng.integers(0, 2**40, 5)]) for row in rows]
    lsh = peer.MinHashLSH(num_perm=128, params=(32, 4))
    for i, row in enumerate(rows):
        signed = peer.MinHash(num_perm=128, hashfunc=lambda v: int(v) & 0xFFFFFFFF)
        signed.update_batch(row)
        lsh.insert(i, signed)
    index = SetIndex(32, 4).add((np.arange(0, 6001, 100), np.concatenate(rows)))
    ids, _ = index.search((np.arange(0, 6001, 100), np.concatenate(near)), 1)
    assert (ids[:, 0] == np.arange(60)).all()
    signed = peer.MinHash(num_perm=128, hashfunc=lambda v: int(v) & 0xFFFFFFFF)
    signed.update_batch(near[7])
    assert lsh.query(signed) == [7]
