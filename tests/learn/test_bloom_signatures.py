"""Bloom signatures: laws, exact sizes and overlaps, hops, features, refusals."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.learn import BloomSignatures, Graph, link_features
from thrifty.run import fold

ITEMS = st.tuples(st.integers(0, 19), st.integers(0, 19))
CASES = [law for name in (*record_of(BloomSignatures).laws, "budget") for law in LAWS[name]]


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold, and that of budgets for one node."""
    law(lambda: BloomSignatures(20, 64, seed=3), ITEMS)


def surroundings(edges, number, hops):
    """Sets of nodes within so many hops, by sets; a node itself belongs to it from two hops on."""
    near = [set() for _ in range(number)]
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    found = near
    for _ in range(hops - 1):
        found = [set.union(found[node], *(found[other] for other in near[node])) if near[node]
                 else found[node] for node in range(number)]  # fmt: skip
    return found


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_bits_are_those_of_the_sets(hops):
    """Sizes and overlaps tend to those of the sets as bits grow: within 4 standard errors."""
    edges = np.random.default_rng(1).integers(0, 150, (300, 2))
    sets = surroundings(edges.tolist(), 150, hops)
    signatures = BloomSignatures(150, 2**14).add(edges)
    for _ in range(hops - 1):
        signatures = signatures.reach(edges)
    exact = np.array([len(s) for s in sets])
    error = np.sqrt(2**14 * (np.exp(exact / 2**14) - exact / 2**14 - 1))
    assert (np.abs(signatures.sizes() - exact) <= 4 * error + 0.01 * exact + 1.5).all()
    pairs = np.random.default_rng(2).integers(0, 150, (200, 2))
    shared = np.array([len(sets[a] & sets[b]) for a, b in pairs])
    assert np.abs(signatures.overlap(pairs) - shared).mean() < 1


def test_overlaps_are_right_on_average():
    """150 of 400 and 450 shared, 8,192 bits: the mean of 40 seeds is within 4 standard errors."""
    first, second = range(10, 410), range(260, 710)
    u = [0] * 400 + [1] * 450
    found = []
    for seed in range(40):
        signatures = BloomSignatures(1000, 8192, seed=seed).add((u, [*first, *second]))
        found.append(signatures.overlap([(0, 1)])[0])
    error = np.std(found, ddof=1) / np.sqrt(40)
    assert abs(np.mean(found) - 150) < 4 * error
    assert np.std(found) < 10


def test_edges_in_every_form():
    """Pairs, a table, a graph, blocks."""
    u, v = np.random.default_rng(3).integers(0, 50, (2, 100))
    one = BloomSignatures(50).add((u, v))
    forms = [np.stack([u, v], 1), list(zip(u.tolist(), v.tolist(), strict=True)),
             Graph.of(u, v, 50), lambda: [(u[:7], v[:7]), (u[7:], v[7:])]]  # fmt: skip
    for form in forms:
        assert BloomSignatures(50).add(form) == one
        assert one.reach(form) == one.reach((u, v))


def test_a_fold_takes_in_edges():
    """Edges in parts set the bits of all edges."""
    edges = np.random.default_rng(6).integers(0, 50, (3000, 2))
    found = fold(edges, BloomSignatures(50), threads=2, partition="10 kB")
    assert found == BloomSignatures(50).add(edges)


def test_full_rows_stay_finite():
    """A hub that fills its row has a size that is too small, not an infinite one."""
    signatures = BloomSignatures(5000, 64).add(([0] * 4999, range(1, 5000)))
    assert np.isfinite(signatures.sizes()).all()
    assert np.isfinite(signatures.overlap([(0, 0), (0, 1)])).all()


def test_link_features():
    """Columns by name, whichever node comes first."""
    edges = np.random.default_rng(4).integers(0, 80, (200, 2))
    near = BloomSignatures(80, 2**14).add(edges)
    far = near.reach(edges)
    pairs = np.random.default_rng(5).integers(0, 80, (60, 2))
    found = link_features(near, far, pairs)
    np.testing.assert_allclose(found, link_features(near, far, pairs[:, ::-1]))
    np.testing.assert_allclose(found[:, 4], near.overlap(pairs))
    mixed = near.overlap(pairs, far) + near.overlap(pairs[:, ::-1], far)
    np.testing.assert_allclose(found[:, 5:7].sum(axis=1), mixed)
    np.testing.assert_allclose(found[:, 7], far.overlap(pairs))
    np.testing.assert_allclose(found[:, 0], near.sizes()[pairs].min(axis=1))
    np.testing.assert_allclose(found[:, 3], far.sizes()[pairs].max(axis=1))
    assert link_features(near, far, []).shape == (0, 8)


def test_within_a_budget():
    """The largest power of two that fits the nodes."""
    signatures = BloomSignatures.within("1 MB", 1000)
    assert (signatures.bits, signatures.nbytes) == (4096, 512_000)
    with pytest.raises(BudgetError, match=r"^budget must be at least 8 kB for Bloom signatures, "):
        BloomSignatures.within("1 kB", 1000)


def test_refusals():
    """Nodes, bits and pairs that are none; signatures of another kind."""
    near = BloomSignatures(10)
    with pytest.raises(ValueError, match=r"^bits must be a power of two in 64\.\.1048576, got"):
        BloomSignatures(10, 100)
    with pytest.raises(ValueError, match=r"^num_nodes must be in 1\.\.2147483647, got 0$"):
        BloomSignatures(0)
    with pytest.raises(ValueError, match=r"^nodes must be in 0\.\.9, got 10$"):
        near.add([(1, 10)])
    with pytest.raises(ValueError, match=r"^nodes must be in 0\.\.9, got -1$"):
        near.overlap([(1, -1)])
    with pytest.raises(ValueError, match=r"^pairs must be \(n, 2\), got shape \(1, 3\)$"):
        link_features(near, near, [(1, 2, 3)])
    with pytest.raises(TypeError, match=r"^sources must be integers, got float64$"):
        near.add(([0.5], [1]))
    with pytest.raises(IncompatibleError, match=r"^cannot compare BloomSignatures\(.*\) with"):
        near.overlap([(1, 2)], BloomSignatures(11))


def test_a_spec_that_lies_allocates_nothing():
    """Nodes that the rows have not are damage."""
    near = BloomSignatures(10)
    with pytest.raises(FormatError, match=r"^array 'rows' must be uint64 of shape \(109951162777"):
        BloomSignatures.restore(near.spec() | {"num_nodes": 2**40}, near.arrays())


def test_bytes_are_stable():
    """Golden: hashes and format do not move."""
    data = BloomSignatures(5, 128, seed=1).add([(0, 1), (1, 4)]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "883748cf1a61c1dc"
