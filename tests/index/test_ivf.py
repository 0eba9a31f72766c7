"""IVFIndex: its laws for each metric and dtype, a peer, its edges, golden bytes."""

import hashlib
import io
import threading

import numpy as np
import pytest

from tests.index.near import around, recall
from thrifty.core import BudgetError, FormatError, dump, read_container, record_of
from thrifty.core.kernels import njit
from thrifty.core.lanes import VNNI
from thrifty.index import FlatIndex, IVFIndex
from thrifty.index._cells import assigned, cells_for, learned_centres
from thrifty.index._ivf_int8 import LANES, dots, dots_plain
from thrifty.index._scoring import frozen
from thrifty.laws import LAWS

METRICS = ("cosine", "inner", "l2")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("law", LAWS["vectors"] + LAWS["mapped"], ids=lambda law: law.__name__)
def test_law(law, metric, dtype):
    """The laws of indexes of vectors hold for each metric and dtype."""
    assert record_of(IVFIndex).laws == ("vectors", "mapped")
    law(lambda: IVFIndex(13, metric=metric, dtype=dtype, cells=20))


@pytest.mark.parametrize("metric", METRICS)
def test_finds_the_nearest_with_little_effort(metric):
    """A tenth of the cells holds nearly all of the nearest, and full effort is the full scan."""
    rows, queries = around(20_000, 24, 1), around(200, 24, 2)
    index = IVFIndex(24, metric=metric).add(rows)
    best = FlatIndex(24, metric=metric).add(rows).search(queries)
    assert recall(index.search(queries, effort=0.1), best) > 0.97
    full = index.search(queries, effort=1.0)
    np.testing.assert_array_equal(full.ids, best.ids)
    np.testing.assert_array_equal(full.scores, best.scores)


@pytest.mark.peers
def test_at_least_as_good_as_faiss():
    """From as many of as many cells, recall is within three standard errors of IndexIVFFlat's."""
    peer = pytest.importorskip("faiss")
    rows, queries = around(20_000, 24, 1), around(500, 24, 2)
    best = FlatIndex(24, metric="l2").add(rows).search(queries)
    ivf = peer.IndexIVFFlat(peer.IndexFlatL2(24), 24, 100)
    ivf.train(rows)
    ivf.add(rows)
    ivf.nprobe = 3
    theirs = np.mean(
        [np.isin(a, b).mean() for a, b in zip(best.ids, ivf.search(queries, 10)[1], strict=True)]
    )
    index = IVFIndex(24, metric="l2", cells=100).add(rows)
    mine = recall(index.search(queries, effort=0.03), best)
    assert mine > theirs - 3 * 0.35 * np.sqrt(2 / 500)


@pytest.mark.skipif(not VNNI, reason="the processor has no VNNI")
@pytest.mark.parametrize("groups", [1, 2, 7, 24])
def test_products_are_those_of_integers(groups):
    """Both ways of multiplying bytes give the sums of whole numbers, extremes included."""
    rng = np.random.default_rng(groups)
    codes = rng.choice([0, 1, 127, 128, 255], (5, groups, LANES, 4)).astype(np.uint8)
    queries = rng.choice([-127, -1, 0, 126, 127], (2, groups, 4)).astype(np.int8)
    exact = np.einsum("bgrt,qgt->bqr", codes.astype(np.int64), queries.astype(np.int64))
    for product in (dots, dots_plain):

        @njit(error_model="numpy")
        def of_block(codes, start, words, other, out, product=product):
            groups, limits = words.size // 2, (np.int32(100), np.int32(-50))
            return product(codes, start, words, 0, other, groups, *limits, out)

        for b in range(5):
            out, words = np.zeros(2 * LANES, np.int32), queries.view(np.int32).ravel()
            start = b * groups * 4 * LANES
            above = of_block(codes.ravel(), start, words, groups, out)
            np.testing.assert_array_equal(out.reshape(2, LANES), exact[b])
            wanted = exact[b] > np.array([[100], [-50]])
            assert [bool(above >> i & 1) for i in range(2 * LANES)] == wanted.ravel().tolist()
            of_block(codes.ravel(), start, words, 0, out)
            np.testing.assert_array_equal(out[:LANES], exact[b, 0])


def test_cells():
    """A row goes to its nearest centre, and no cell of the sample stays empty."""
    rows = around(3000, 10, 3)
    centres = learned_centres(rows, 70, np.random.default_rng(4))
    gaps = ((rows[:, None].astype(np.float64) - centres) ** 2).sum(axis=2)
    labels = assigned(rows, centres)
    mine = gaps[np.arange(3000), labels]
    np.testing.assert_allclose(mine, gaps.min(axis=1), rtol=1e-5, atol=1e-5)
    assert np.bincount(labels, minlength=70).min() > 0
    assert (cells_for(0), cells_for(50), cells_for(10**6)) == (1, 1, 4000)


@pytest.mark.parametrize("metric", METRICS)
def test_probes(metric):
    """The likeliest cells are those of the best centres, with the scores that rows go on from."""
    rows, queries = around(5000, 12, 17), around(60, 12, 18).astype(np.float32)
    model = IVFIndex(12, metric=metric, cells=70).add(rows)._state.model
    products = queries.astype(np.float64) @ model.centres.T
    if metric == "l2":
        products = -0.5 * ((queries[:, None].astype(np.float64) - model.centres) ** 2).sum(axis=2)
    for count in (1, 5, 70):
        cells, scores = model.probes(frozen(queries), count)
        exact = np.take_along_axis(products, cells.astype(np.int64), axis=1)
        np.testing.assert_allclose(scores, exact, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(scores[:, 0], products.max(axis=1), rtol=1e-4, atol=1e-4)
        best = np.argsort(-products, axis=1)[:, :count]
        shared = [np.isin(a, b).mean() for a, b in zip(cells, best, strict=True)]
        assert np.mean(shared) > 0.99
        assert all(len(set(mine)) == count for mine in cells.tolist())


def test_equal_rows_are_no_trouble():
    """Thousands of equal rows, and of zeros, lie in cells as others do."""
    rows = np.repeat(np.eye(5, dtype=np.float32), 2000, axis=0)
    for metric in METRICS:
        index = IVFIndex(5, metric=metric).add(rows)
        found = index.search(np.eye(5), 3, effort=1.0).ids
        assert found[:, 0].tolist() == [0, 2000, 4000, 6000, 8000]
        assert (
            index.search(np.eye(5), 3).scores[:, 2] == index.search(np.eye(5), 1).scores[:, 0]
        ).all()
    index = IVFIndex(5, metric="l2").add(np.zeros((500, 5)))
    assert index.search(np.zeros((1, 5)), 3).scores.tolist() == [[0, 0, 0]]


def test_rows_added_later_are_found_as_well():
    """Cells are learned anew as rows grow many, and what lies in parts is found."""
    rows, queries = around(12_000, 16, 5), around(100, 16, 6)
    index = IVFIndex(16)
    for start in range(0, 12_000, 1500):
        index.add(rows[start : start + 1500])
    best = FlatIndex(16).add(rows).search(queries)
    assert len(index._state.model.centres) > cells_for(1500)
    assert recall(index.search(queries, effort=0.1), best) > 0.95
    index.remove(np.arange(0, 12_000, 2))
    left = FlatIndex(16).add(rows[1::2], np.arange(1, 12_000, 2)).search(queries)
    assert recall(index.search(queries, effort=0.1), left) > 0.95


def test_narrow_filters_are_found():
    """The fewer rows a filter allows, the more cells are looked at: recall stays."""
    rows, queries = around(20_000, 16, 7), around(100, 16, 8)
    index, flat = IVFIndex(16).add(rows), FlatIndex(16).add(rows)
    for share in (0.3, 0.03, 0.001):
        mask = np.random.default_rng(9).random(20_000) < share
        best = flat.search(queries, 10, filter=mask)
        assert recall(index.search(queries, 10, filter=mask, effort=0.1), best) > 0.95


def test_vectors_on_disk(tmp_path):
    """An index that is opened answers as the one that was saved, and holds what is added."""
    rows, queries = around(5000, 16, 10), around(50, 16, 11)
    index = IVFIndex(16).add(rows)
    index.save(tmp_path / "index.thrifty")
    opened = IVFIndex.open(tmp_path / "index.thrifty")
    for mine, theirs in zip(opened.search(queries), index.search(queries), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    opened.add(queries, 9000 + np.arange(50))
    assert opened.search(queries, 1).ids[:, 0].tolist() == list(range(9000, 9050))
    assert len(IVFIndex.open(tmp_path / "index.thrifty")) == 5000


def test_searches_while_cells_are_learned_anew():
    """Threads that search see one state or the other, never a mixture."""
    rows = around(6000, 8, 12)
    index = IVFIndex(8, metric="l2").add(rows[:1000])
    done, faults = threading.Event(), []

    def ask():
        while not done.is_set():
            found = index.search(rows[:30], 1, effort=0.5)
            faults.extend(found.ids[found.scores[:, 0] < -1e-6])

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for start in range(1000, 6000, 500):
        index.add(rows[start : start + 500])
    done.set()
    for thread in threads:
        thread.join()
    assert faults == []


def test_within_keeps_the_budget():
    """A budget decides how vectors are held; one too small names the smallest that would do."""
    rows = around(3000, 20, 13)
    for metric in METRICS:
        says = r"^budget must be at least .* for 3000 vectors of 20 numbers, got 1000$"
        with pytest.raises(BudgetError, match=says) as caught:
            IVFIndex.within(1000, 20, 3000, metric=metric)
        for budget, dtype in ((caught.value.smallest, "float16"), (1_000_000, "float32")):
            index = IVFIndex.within(budget, 20, 3000, metric=metric)
            assert index.dtype == dtype
            assert index.add(rows).nbytes <= budget


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"dtype": "int4"}, r"dtype must be one of float32, float16, got 'int4'"),
        ({"codes": "none"}, r"codes must be one of .*int8.*, got 'none'"),
        ({"cells": 0}, r"cells must be in 1\.\.1048576, got 0"),
        ({"seed": -1}, r"seed must be in 0\.\.18446744073709551615, got -1"),
    ],
)
def test_refusals(given, says):
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=rf"^{says}$"):
        IVFIndex(4, **given)


def test_lying_bytes_are_refused(tmp_path):
    """Sizes that do not fit each other are a FormatError, opened or loaded; so are bad centres."""
    path = tmp_path / "index.thrifty"
    IVFIndex(6, metric="inner", cells=4).add(around(200, 6, 14)).save(path)
    with open(path, "rb") as file:
        header, arrays = _contents(file.read())
    starts, spread = arrays["starts"], np.full(5, 2**60)
    for name, array in {
        "starts": starts + 1,
        "firsts": arrays["firsts"] + 1,
        "codes": arrays["codes"][:-1],
        "vectors": arrays["vectors"][:-1],
        "ids": arrays["ids"][:-1],
        "centres": np.full_like(arrays["centres"], np.nan),
        "steps": arrays["steps"][:-1],
        "learned": np.zeros(2, np.int64),
        "reach": np.full(4, np.nan, np.float32),
        "lengths": np.array([np.nan, 1.0]),
        "squares": np.array([-1.0]),
    }.items():
        with pytest.raises(FormatError):
            IVFIndex.from_bytes(_dumped(header, {**arrays, name: array}))
    later = np.append(1, starts[1:])
    for lie in (starts[::-1], spread, later, np.array([0, 2**62, 2**63 - 1, 5, starts[-1]])):
        path.write_bytes(_dumped(header, {**arrays, "starts": lie}))
        with pytest.raises(FormatError):
            IVFIndex.open(path)


def _contents(data):
    return read_container(io.BytesIO(data), kind="ivf-index", version=3)


def _dumped(header, arrays, version=3):
    held = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return dump(kind="ivf-index", version=version, header=header, arrays=held)


def test_bytes_are_stable():
    """Golden: the bytes of fixed rows do not move, and those of version 1 are read."""
    rows = np.array([[0, 0, 1], [0, 0, 3], [64, 0, 0], [66, 0, 0], [0, 0, 5], [65, 2, 0]])
    data = IVFIndex(3, metric="l2", cells=2).add(rows).remove([4]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "d09dd775e69bc5f6"
    header, arrays = _contents(data)
    del arrays["reach"]  # as version 1 was
    assert IVFIndex.from_bytes(_dumped(header, arrays, 1)).to_bytes() == data
