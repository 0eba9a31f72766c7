"""HammingIndex: its laws at several widths, a peer, its edges, golden bytes."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import FormatError, IncompatibleError, dump, record_of
from thrifty.index import HammingIndex
from thrifty.laws import LAWS

ITEMS = st.lists(st.integers(0, 255), min_size=3, max_size=3)


@pytest.mark.parametrize("law", LAWS["summary"], ids=lambda law: law.__name__)
def test_law_of_summaries(law):
    """The laws of summaries hold for lists of rows of bytes."""
    assert set(record_of(HammingIndex).laws) == {"summary", "nearest"}
    law(lambda: HammingIndex(24), ITEMS)


@pytest.mark.parametrize("bits", [1, 8, 60, 64, 100, 256, 300])
@pytest.mark.parametrize("law", LAWS["nearest"], ids=lambda law: law.__name__)
def test_law(law, bits):
    """The laws of nearest codes hold at widths below, at and above those with their own kernel."""
    law(lambda: HammingIndex(bits))


@pytest.mark.peers
def test_agrees_with_faiss():
    """Distances are those of IndexBinaryFlat."""
    peer = pytest.importorskip("faiss")
    rng = np.random.default_rng(1)
    codes, queries = rng.integers(0, 256, (3000, 32), np.uint8), rng.integers(0, 256, (9, 32), "u1")
    flat = peer.IndexBinaryFlat(256)
    flat.add(codes)
    distances, ids = HammingIndex(256).add(codes).search(queries, 10)
    np.testing.assert_array_equal(distances, flat.search(queries, 10)[0])
    np.testing.assert_array_equal(
        np.bitwise_count(codes[ids] ^ queries[:, None]).sum(axis=2), distances
    )


def test_sizes():
    """Rows are counted, and blocks are as large as the record says."""
    index = HammingIndex(100)
    assert (len(index), index.nbytes) == (0, 0)
    index.add(np.zeros((513, 13), np.uint8))
    assert (len(index), index.nbytes) == (513, 2 * 512 * 16)


def test_empty_searches():
    """No rows or no queries give no answers."""
    queries = np.zeros((2, 8), np.uint8)
    assert HammingIndex(64).search(queries)[1].shape == (2, 0)
    assert HammingIndex(64).add(queries).search(queries[:0])[0].shape == (0, 2)
    assert len(HammingIndex(64).add([])) == 0


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
    with pytest.raises(ValueError, match=r"^k must be in 1\.\.1099511627776, got 0$"):
        HammingIndex(8).search([[1]], 0)
    says = r"^codes of shape \(2, 3\) do not fit HammingIndex\(8\)$"
    with pytest.raises(IncompatibleError, match=says):
        HammingIndex(8).add(np.zeros((2, 3), np.uint8))
    says = r"^cannot merge HammingIndex\(8\) with HammingIndex\(9\)$"
    with pytest.raises(IncompatibleError, match=says):
        HammingIndex(8).merge(HammingIndex(9))


def test_lying_bytes_are_refused():
    """Words of another width, and bits beyond the last, are a FormatError."""
    for words in (np.zeros((2, 2), np.uint64), np.full((2, 1), 2**63, np.uint64)):
        data = dump(kind="hamming-index", version=1, header={"bits": 9}, arrays={"words": words})
        with pytest.raises(FormatError):
            HammingIndex.from_bytes(data)


def test_bytes_are_stable():
    """Golden: the bytes of fixed rows do not move between versions."""
    data = HammingIndex(20).add(np.arange(9).reshape(3, 3) * 16).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "e8824246ab317bd0"
