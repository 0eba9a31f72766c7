"""BinaryIndex: its laws for each metric and dtype, its recall, its edges, golden bytes."""

import hashlib

import numpy as np
import pytest

from tests.index import near
from tests.index.near import recall
from thrifty.core import BudgetError, FormatError, dump, read_container, record_of
from thrifty.hashing import SimHash
from thrifty.index import BinaryIndex, FlatIndex
from thrifty.index._binary_signs import Signs
from thrifty.laws import LAWS

METRICS = ("cosine", "inner", "l2")


def around(rows, dim, seed):
    """Rows around some places that are not around 0."""
    return near.around(rows, dim, seed, middle=0.5)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("law", LAWS["vectors"] + LAWS["mapped"], ids=lambda law: law.__name__)
def test_law(law, metric, dtype):
    """The laws of indexes of vectors hold for each metric and dtype."""
    assert record_of(BinaryIndex).laws == ("vectors", "mapped")
    law(lambda: BinaryIndex(13, metric=metric, dtype=dtype, bits=128))


@pytest.mark.parametrize("metric", METRICS)
def test_finds_the_nearest_with_little_effort(metric):
    """A fiftieth of the rows holds nearly all of the nearest, and full effort is the full scan."""
    rows, queries = around(10_000, 24, 1), around(200, 24, 2)
    index = BinaryIndex(24, metric=metric, bits=256).add(rows)
    best = FlatIndex(24, metric=metric).add(rows).search(queries)
    assert recall(index.search(queries, effort=0.02), best) > 0.9
    full = index.search(queries, effort=1.0)
    np.testing.assert_array_equal(full.ids, best.ids)
    np.testing.assert_array_equal(full.scores, best.scores)


def test_candidates_are_those_of_the_fewest_bits():
    """With as much effort as k rows, what is answered are the rows of the nearest codes."""
    rows, queries = around(2000, 16, 3), around(20, 16, 4)
    index = BinaryIndex(16, bits=64, planes="random").add(rows)
    model = index._state.model
    kept, asked = (FlatIndex(16).add(x)._state.parts[0]["vectors"] for x in (rows, queries))
    far = np.bitwise_count(model.of_rows(kept)[None] ^ model.of_queries(asked)[:, None]).sum(axis=2)
    found = index.search(queries, 10, effort=1e-9).ids
    mine = np.sort(np.take_along_axis(far, found, axis=1), axis=1)
    np.testing.assert_array_equal(mine, np.sort(far, axis=1)[:, :10])


def test_planes():
    """Groups of planes are at right angles, and turned ones leave rows nearer to their corners."""
    rows = around(3000, 20, 5)
    rows -= rows.mean(axis=0)
    left = {}
    for turned in (True, False):
        how = {"metric": "cosine", "turned": turned, "rows": 3000, "seed": 1}
        signs = Signs.learned(rows, 64, **how)
        for at in (0, 21):
            group = signs.planes[:, at : at + 21].astype(np.float64)
            np.testing.assert_allclose(group.T @ group, np.eye(21), atol=1e-5)
        left[turned] = np.abs(rows @ signs.planes[:20]).sum()
    assert left[True] > 1.01 * left[False]
    assert signs.planes.shape == SimHash(21, 1, 64).planes.shape


def test_long_rows_win_inner_products():
    """Where products count, rows far longer than others are found."""
    rows, queries = around(5000, 16, 6), around(100, 16, 7)
    rows *= np.random.default_rng(8).lognormal(0, 1, (5000, 1)).astype(np.float32)
    best = FlatIndex(16, metric="inner").add(rows).search(queries)
    index = BinaryIndex(16, metric="inner", bits=512).add(rows)
    assert recall(index.search(queries, effort=0.05), best) > 0.8


def test_narrow_filters_are_found():
    """The fewer rows a filter allows, the more of them are scored."""
    rows, queries = around(5000, 16, 9), around(50, 16, 10)
    index, flat = BinaryIndex(16).add(rows), FlatIndex(16).add(rows)
    allowed = np.random.default_rng(11).choice(5000, 100, replace=False)
    best = flat.search(queries, 5, filter=allowed)
    assert recall(index.search(queries, 5, filter=allowed, effort=0.02), best) == 1


def test_planes_are_made_anew():
    """Rows that come later from elsewhere are found as well as if they had come at first."""
    rows, queries = around(6000, 16, 12) + 9, around(100, 16, 13) + 9
    index = BinaryIndex(16, metric="l2", bits=128).add(rows[:100] - 9)
    index.add(rows, 100 + np.arange(6000))
    assert index._state.model.rows == 6100
    best = FlatIndex(16, metric="l2").add(rows, 100 + np.arange(6000)).search(queries)
    assert recall(index.search(queries, effort=0.05), best) > 0.8


def test_within_keeps_the_budget():
    """A budget decides dtype, then bits; one too small names the smallest that would do."""
    rows = around(3000, 100, 14)
    says = r"^budget must be at least .* for 3000 vectors of 100 numbers, got 1000$"
    with pytest.raises(BudgetError, match=says) as caught:
        BinaryIndex.within(1000, 100, 3000)
    sizes = ((caught.value.smallest, "float16", 64), (840_000, "float16", 192), ("2 MB",) * 3)
    for budget, *made in (*sizes[:2], ("2 MB", "float32", 192)):
        index = BinaryIndex.within(budget, 100, 3000)
        assert [index.dtype, index.bits] == made
        assert index.add(rows).nbytes <= (2_000_000 if budget == "2 MB" else budget)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"dtype": "int4"}, r"dtype must be one of float32, float16, got 'int4'"),
        ({"bits": 32}, r"bits must be in 64\.\.65536, got 32"),
        ({"bits": 100}, r"bits must be a multiple of 64, got 100"),
        ({"planes": "odd"}, r"planes must be one of turned, random, got 'odd'"),
        ({"seed": -1}, r"seed must be in 0\.\.18446744073709551615, got -1"),
    ],
)
def test_refusals(given, says):
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=rf"^{says}$"):
        BinaryIndex(4, **given)


def test_lying_bytes_are_refused(tmp_path):
    """Sizes that do not fit each other are a FormatError, opened or loaded; so are bad planes."""
    path = tmp_path / "index.thrifty"
    BinaryIndex(6).add(around(200, 6, 15)).save(path)
    with open(path, "rb") as file:
        header, arrays = read_container(file, kind="binary-index", version=1)
    for name, lie in {
        "blocks": np.zeros((2, 1, 512), np.uint64),
        "vectors": arrays["vectors"][:-1],
        "ids": arrays["ids"][:-1],
        "mean": np.full(6, np.nan, np.float32),
        "planes": np.full((7, 64), np.inf, np.float32),
        "learned": np.array([1.0, -3.0]),
    }.items():
        held = {**arrays, name: np.ascontiguousarray(lie)}
        path.write_bytes(dump(kind="binary-index", version=1, header=header, arrays=held))
        for read in (BinaryIndex.open, BinaryIndex.load):
            with pytest.raises(FormatError):
                read(path)


def test_bytes_are_stable():
    """Golden: the codes of fixed rows do not move between versions."""
    rows = np.array([[4, 0, 1], [0, 2, 3], [5, 0, -9], [6, -4, 0], [0, 0, 5], [-65, 2, 0]])
    index = BinaryIndex(3, metric="l2", planes="random").add(rows).remove([4])
    told = index._state.parts[0]["blocks"].tobytes()
    assert hashlib.sha256(told).hexdigest()[:16] == "676504288860cce6"
    assert BinaryIndex.from_bytes(index.to_bytes()).to_bytes() == index.to_bytes()
