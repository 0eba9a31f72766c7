"""FlatIndex: its laws for each metric and dtype, a peer, its edges, golden bytes."""

import hashlib

import numpy as np
import pytest

from thrifty.core import BudgetError, FormatError, dump, record_of
from thrifty.index import FlatIndex
from thrifty.laws import LAWS

METRICS = ("cosine", "inner", "l2")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("law", LAWS["vectors"] + LAWS["mapped"], ids=lambda law: law.__name__)
def test_law(law, metric, dtype):
    """The laws of indexes of vectors hold for each metric and dtype."""
    assert record_of(FlatIndex).laws == ("vectors", "mapped")
    law(lambda: FlatIndex(12, metric=metric, dtype=dtype))


@pytest.mark.peers
@pytest.mark.parametrize("metric", ["inner", "l2"])
def test_agrees_with_faiss(metric):
    """Ids and scores are those of IndexFlat."""
    peer = pytest.importorskip("faiss")
    rng = np.random.default_rng(1)
    rows, queries = (rng.standard_normal((n, 24), dtype=np.float32) for n in (3000, 20))
    flat = peer.IndexFlatIP(24) if metric == "inner" else peer.IndexFlatL2(24)
    flat.add(rows)
    scores, ids = flat.search(queries, 10)
    found = FlatIndex(24, metric=metric).add(rows).search(queries, 10)
    np.testing.assert_array_equal(found.ids, ids)
    np.testing.assert_allclose(found.scores, scores if metric == "inner" else -scores, rtol=1e-4)


def test_nearest_far_from_the_origin():
    """Squared distances are exact where products would lose every digit."""
    rng = np.random.default_rng(2)
    rows = (1e5 + rng.integers(0, 64, (2000, 8))).astype(np.float32)
    gaps = ((rows[:30, None].astype(np.float64) - rows) ** 2).sum(axis=2)
    found = FlatIndex(8, metric="l2").add(rows).search(rows[:30], 9)
    np.testing.assert_array_equal(-found.scores, np.sort(gaps, axis=1)[:, :9])
    np.testing.assert_array_equal(found.ids, np.argsort(gaps, axis=1, kind="stable")[:, :9])


def test_many_equal_rows():
    """Where hundreds are as near, the lowest ids are answered."""
    rows = np.repeat(np.eye(4, dtype=np.float32), 300, axis=0)
    found = FlatIndex(4).add(rows).search(np.eye(4), 20)
    np.testing.assert_array_equal(found.ids, 300 * np.arange(4)[:, None] + np.arange(20))


def test_more_than_a_block():
    """The nearest is found in whatever block it stands."""
    rows = np.zeros((70_000, 4), np.float32)
    rows[:, 0] = np.random.default_rng(3).permutation(70_000)
    found = FlatIndex(4, metric="l2").add(rows).search(rows[::7000], 3)
    assert (found.ids[:, 0] == np.arange(0, 70_000, 7000)).all()
    assert (found.scores[1:, 1] == -1).all()


def test_float16_is_half():
    """Vectors as float16 take half the room, and too large ones are refused."""
    rows = np.ones((10, 6))
    whole, half = (FlatIndex(6, dtype=d).add(rows).nbytes for d in ("float32", "float16"))
    assert (whole, half) == (10 * 32, 10 * 20)
    says = r"^vectors must be at most 65504 in size for float16, row 1 is not$"
    with pytest.raises(ValueError, match=says):
        FlatIndex(2, metric="l2", dtype="float16").add([[1, 1], [1, 7e4]])
    with pytest.raises(ValueError, match=r"^dtype must be one of float32, float16, got 'int8'$"):
        FlatIndex(2, dtype="int8")


def test_every_float16_is_read_right():
    """All finite float16 numbers, the smallest included, are scored as what they are."""
    bits = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    numbers = bits[np.isfinite(bits)].astype(np.float32)
    index = FlatIndex(1, metric="inner", dtype="float16").add(numbers[:, None])
    found = index.search([[1.0]], numbers.size)
    np.testing.assert_array_equal(numbers[found.ids[0]], found.scores[0])


def test_within_keeps_the_budget():
    """A budget decides how vectors are held, and one too small names the smallest that would do."""
    for budget, dtype in ((100 * 40, "float32"), (100 * 40 - 1, "float16"), (2400, "float16")):
        index = FlatIndex.within(budget, 8, 100)
        assert index.dtype == dtype
        assert index.add(np.ones((100, 8))).nbytes <= budget
    says = r"^budget must be at least 2\.4 kB for 100 vectors of 8 numbers, got 2399$"
    with pytest.raises(BudgetError, match=says) as caught:
        FlatIndex.within(2399, 8, 100)
    assert caught.value.smallest == 2400


def test_lying_bytes_are_refused():
    """Vectors of another width or number are a FormatError."""
    header = {"dim": 3, "metric": "l2", "dtype": "float32"}
    for ids, vectors in (
        (np.arange(2), np.zeros((2, 4), np.float32)),
        (np.arange(2), np.zeros((3, 3), np.float32)),
        (np.arange(2), np.zeros((2, 3), np.float16)),
        (np.zeros((2, 1), np.int64), np.zeros((2, 3), np.float32)),
    ):
        arrays = {"ids": ids, "vectors": vectors}
        with pytest.raises(FormatError):
            FlatIndex.from_bytes(dump(kind="flat-index", version=1, header=header, arrays=arrays))


def test_bytes_are_stable():
    """Golden: the bytes of fixed rows do not move between versions."""
    rows = np.arange(12).reshape(4, 3)
    data = FlatIndex(3, metric="l2", dtype="float16").add(rows).remove([2]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "0c73686787830c8a"
