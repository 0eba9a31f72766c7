"""HammingIndex: its laws at several widths, a peer, its edges, golden bytes."""

import hashlib

import numpy as np
import pytest

from thrifty.core import FormatError, IncompatibleError, dump, record_of
from thrifty.index import HammingIndex
from thrifty.laws import LAWS


@pytest.mark.parametrize("bits", [1, 8, 60, 64, 100, 256, 300])
@pytest.mark.parametrize("law", LAWS["nearest"], ids=lambda law: law.__name__)
def test_law(law, bits):
    """The laws of nearest codes hold at widths below, at and above those with their own kernel."""
    assert record_of(HammingIndex).laws == ("nearest",)
    law(lambda: HammingIndex(bits))


@pytest.mark.peers
def test_agrees_with_faiss():
    """Distances are those of IndexBinaryFlat."""
    peer = pytest.importorskip("faiss")
    rng = np.random.default_rng(1)
    codes, queries = rng.integers(0, 256, (3000, 32), np.uint8), rng.integers(0, 256, (9, 32), "u1")
    flat = peer.IndexBinaryFlat(256)
    flat.add(codes)
    ids, distances = HammingIndex(256).add(codes).search(queries, 10)
    np.testing.assert_array_equal(distances, flat.search(queries, 10)[0])
    np.testing.assert_array_equal(
        np.bitwise_count(codes[ids] ^ queries[:, None]).sum(axis=2), distances
    )


def test_sizes():
    """Rows are counted, and blocks are as large as the record says."""
    index = HammingIndex(100)
    assert (len(index), index.nbytes) == (0, 0)
    index.add(np.zeros((513, 13), np.uint8))
    assert (len(index), index.nbytes) == (513, 2 * 512 * 16 + 513 * 8)


def test_empty_searches():
    """Where there are no rows or no queries nothing is found."""
    queries = np.zeros((2, 8), np.uint8)
    ids, distances = HammingIndex(64).search(queries, 3)
    assert (ids.tolist(), distances.tolist()) == ([[-1] * 3] * 2, [[65] * 3] * 2)
    assert HammingIndex(64).add(queries).search(queries[:0])[0].shape == (0, 10)
    assert len(HammingIndex(64).add([])) == 0
    assert [a.tolist() for a in HammingIndex(64).near(queries, 9)] == [[0, 0, 0], [], []]


def test_many_within_a_radius():
    """More rows than are asked for at first are all found."""
    codes = np.zeros((900, 2), np.uint8)
    codes[:, 1] = np.arange(900) % 4
    offsets, ids, distances = HammingIndex(16).add(codes).near([[0, 0], [255, 255]], 1)
    assert offsets.tolist() == [0, 675, 675]
    assert (np.sort(ids) == np.flatnonzero(np.arange(900) % 4 < 3)).all()
    assert (np.bincount(distances) == [225, 450]).all()


def test_refusals():
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=r"^bits must be in 1\.\.65536, got 0$"):
        HammingIndex(0)
    with pytest.raises(ValueError, match=r"^codes must be bytes, got float64$"):
        HammingIndex(8).add([[0.5]])
    with pytest.raises(ValueError, match=r"^codes must be bytes, got int64$"):
        HammingIndex(8).add([[256]])
    with pytest.raises(ValueError, match=r"^codes must be bytes, got int64$"):
        HammingIndex(8).add([[-1]])
    with pytest.raises(ValueError, match=r"^codes must be 0 beyond bit 9, got other bits$"):
        HammingIndex(9).add([[255, 64]])
    with pytest.raises(ValueError, match=r"^k must be in 1\.\.2147483647, got 0$"):
        HammingIndex(8).search([[1]], 0)
    with pytest.raises(ValueError, match=r"^radius must be in 0\.\.8, got 9$"):
        HammingIndex(8).near([[1]], 9)
    with pytest.raises(ValueError, match=r"^ids must be new, got 0$"):
        HammingIndex(8).add([[1]]).add([[2]], [0])
    with pytest.raises(ValueError, match=r"^ids must be held to be removed, got 4$"):
        HammingIndex(8).add([[1]]).remove([4])
    says = r"^queries of shape \(1,\) do not fit HammingIndex\(8\)$"
    with pytest.raises(IncompatibleError, match=says):
        HammingIndex(8).search([1])
    says = r"^codes of shape \(2, 3\) do not fit HammingIndex\(8\)$"
    with pytest.raises(IncompatibleError, match=says):
        HammingIndex(8).add(np.zeros((2, 3), np.uint8))
    says = r"^cannot merge HammingIndex\(8\) with HammingIndex\(9\)$"
    with pytest.raises(IncompatibleError, match=says):
        HammingIndex(8).merge(HammingIndex(9))


def test_lying_bytes_are_refused():
    """Blocks of another width or number, and no ids, are a FormatError."""
    for arrays in (
        {"ids": np.arange(2), "blocks": np.zeros((1, 2, 512), np.uint64)},
        {"ids": np.arange(2), "blocks": np.zeros((2, 1, 512), np.uint64)},
        {"ids": np.arange(2), "blocks": np.zeros((1, 1, 512), np.int64)},
        {"words": np.zeros((2, 1), np.uint64)},
    ):
        with pytest.raises(FormatError):
            HammingIndex.from_bytes(
                dump(kind="hamming-index", version=2, header={"bits": 9}, arrays=arrays)
            )


def test_bytes_are_stable():
    """Golden: the bytes of fixed rows do not move between versions."""
    data = HammingIndex(20).add(np.arange(9).reshape(3, 3) * 16).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "ce01d7a924e45f2d"
