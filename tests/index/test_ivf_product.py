"""Product codes of IVFIndex: its laws with them, the slow formula, every way to look up, edges."""

import hashlib
import io

import numpy as np
import pytest

from thrifty.core import BudgetError, FormatError, dump, read_container
from thrifty.core.kernels import njit
from thrifty.index import FlatIndex, IVFIndex
from thrifty.index._cells import assigned, learned_centres
from thrifty.index._ivf_bytes import Cells
from thrifty.index._ivf_lookups import GROUP, LANES, LOOKUPS, SPAN
from thrifty.index._ivf_pool import Pool
from thrifty.index._ivf_product import ProductCodes
from thrifty.laws import LAWS

METRICS = ("cosine", "inner", "l2")


def rows_of(count, dim, seed):
    """Rows around a hundred places away from 0."""
    places = 1 + np.random.default_rng(dim).standard_normal((100, dim))
    rng = np.random.default_rng(seed)
    noise = 0.4 * rng.standard_normal((count, dim))
    return (places[rng.integers(0, 100, count)] + noise).astype(np.float32)


def coded(count, dim, cells, l2, seed=1):
    """Rows in cells, their codes and blocks: centres, sizes, what rows stand for, blocks, codes."""
    rows, rng = rows_of(count, dim, seed), np.random.default_rng(seed)
    centres = learned_centres(rows, cells, rng)
    labels = np.sort(assigned(rows, centres))
    rows = rows[np.argsort(assigned(rows, centres), kind="stable")]
    sizes, rest = np.bincount(labels, minlength=cells), rows - centres[labels]
    codes = ProductCodes.learned(rest, rng, l2=l2)
    short = codes.encode(rest)
    return centres, sizes, rest, codes, short, codes.pack(short, sizes, centres)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("law", LAWS["vectors"] + LAWS["mapped"], ids=lambda law: law.__name__)
def test_law(law, metric):
    """The laws of indexes of vectors hold with product codes for each metric."""
    law(lambda: IVFIndex(13, metric=metric, codes="product", cells=20))


@pytest.mark.parametrize("name", LOOKUPS)
@pytest.mark.parametrize("groups", [1, 2, 12])
def test_every_way_of_looking_up_agrees_with_the_formula(name, groups):
    """Scores and bits of a block are those of sums of whole numbers, bit for bit."""
    rng, lookups = np.random.default_rng(groups), LOOKUPS[name]
    width, tables = groups * GROUP + SPAN + LANES, rng.integers(0, 256, 2 * 64 * groups, np.uint8)
    blocks = rng.integers(0, 256, (3, width), np.uint8)
    tables[-5:] = 255
    blocks[:, groups * GROUP : groups * GROUP + SPAN] = np.array([-3.5, 0.25], "<f4").view(np.uint8)

    @njit(error_model="numpy")
    def of_block(codes, start, tables, first, groups, numbers, out):
        return lookups(codes, start, tables, first, groups, numbers, out)

    numbers, out = (np.float32(2), np.float32(0.5), np.float32(400)), np.zeros(32, np.float32)
    for b, first in ((0, 0), (2, 64 * groups)):
        above = of_block(blocks.ravel(), b * width, tables, first, groups, numbers, out)
        for i in range(LANES):
            half = blocks[b, : groups * GROUP].reshape(groups, 16, 4)[:, i % 16] >> 4 * (i // 16)
            picked = tables[first + 16 * np.arange(4 * groups) + (half.ravel() & 15)]
            score = -1.5 + 0.5 * picked.sum(dtype=int) + 0.25 * blocks[b, -LANES + i]
            assert out[i] == score
            assert bool(above >> i & 1) == (score > 400)


@pytest.mark.parametrize("l2", [False, True])
@pytest.mark.parametrize("dim", [3, 8, 33, 96])
def test_scores_are_those_of_what_codes_stand_for(dim, l2):
    """Within the rounding of bytes, and for every row of every cell that is probed."""
    centres, sizes, _, codes, short, blocks = coded(1500, dim, 9, l2)
    queries, probes = rows_of(7, dim, 5), np.tile(np.arange(9, dtype=np.int32), (7, 1))
    stands = np.repeat(centres, sizes, axis=0) + codes.decode(short)
    if l2:
        exact = -0.5 * ((queries[:, None].astype(float) - stands) ** 2).sum(axis=2)
        bases = -0.5 * ((queries[:, None] - centres) ** 2).sum(axis=2)
    else:
        exact, bases = queries.astype(float) @ stands.T, queries @ centres.T
    pool, every = Pool.of(7, 1500), np.zeros(0, np.bool_)
    codes.look(queries, blocks, Cells.of(sizes), probes, bases, every, pool)
    held, scores = pool.best(), pool.scores[:, :1500]
    assert (np.sort(held, axis=1) == np.arange(1500)).all()
    scale = codes.asked(queries)[1][:, None]
    bound = 0.5 * len(codes.words) * scale + np.ptp(exact) / 255 + 1e-3
    assert (abs(np.take_along_axis(exact, held, axis=1) - scores) <= bound).all()


def test_codes_return_from_blocks():
    """Unpacking gives what was packed, cells without rows and broken blocks included."""
    _, sizes, _, codes, short, _ = coded(500, 10, 6, True)
    sizes = np.array([0, 33, 0, 467 - 64, 64, 0])
    blocks = codes.pack(short, sizes, np.ones((6, 10), np.float32))
    assert blocks.shape == (2 + 13 + 2, codes.width)
    np.testing.assert_array_equal(codes.unpack(blocks, sizes), short)


def test_a_row_has_its_nearest_codewords():
    """Each code is the nearest of 16, and what is left of the squares is an eighth or less."""
    _, _, rest, codes, short, _ = coded(3000, 12, 30, True)
    parts = np.pad(rest, ((0, 0), (0, 4))).reshape(3000, 8, 2)
    gaps = ((parts[..., None] - codes.words) ** 2).sum(axis=2)
    numbers = np.stack([short & 15, short >> 4], axis=2).reshape(3000, 8)
    mine = np.take_along_axis(gaps, numbers[..., None].astype(int), axis=2)[..., 0]
    np.testing.assert_allclose(mine, gaps.min(axis=2), rtol=1e-5, atol=1e-6)
    assert ((rest - codes.decode(short)) ** 2).sum() < 0.125 * (rest**2).sum()


@pytest.mark.parametrize("metric", METRICS)
def test_finds_the_nearest_with_little_effort(metric):
    """From a tenth of the cells nearly all of the nearest, in fewer bytes than of int8 codes."""
    rows, queries = rows_of(20_000, 24, 1), rows_of(200, 24, 2)
    best = FlatIndex(24, metric=metric).add(rows).search(queries)
    index = IVFIndex(24, metric=metric, codes="product").add(rows)
    found = index.search(queries, effort=0.1)
    assert np.mean([np.isin(a, b).mean() for a, b in zip(best.ids, found.ids, strict=True)]) > 0.95
    assert index.nbytes < IVFIndex(24, metric=metric).add(rows).nbytes - 12 * 20_000


@pytest.mark.peers
def test_at_least_as_good_as_faiss():
    """As many candidates of as many cells: recall within three standard errors of fast scan's."""
    peer = pytest.importorskip("faiss")
    rows, queries = rows_of(20_000, 24, 1), rows_of(500, 24, 2)
    best = FlatIndex(24, metric="l2").add(rows).search(queries).ids
    theirs = peer.index_factory(24, "IVF100,PQ12x4fsr,RFlat")
    theirs.train(rows)
    theirs.add(rows)
    peer.extract_index_ivf(theirs).nprobe, theirs.k_factor = 10, 10
    mine = IVFIndex(24, metric="l2", cells=100, codes="product").add(rows)
    found = (mine.search(queries, effort=0.1).ids, theirs.search(queries, 10)[1])
    shares = [[np.isin(a, b).mean() for a, b in zip(best, ids, strict=True)] for ids in found]
    error = np.sqrt(sum(np.var(share) for share in shares) / 500)
    assert np.mean(shares[0]) > np.mean(shares[1]) - 3 * error


def test_equal_rows_are_no_trouble():
    """Rows that are all the same, and fewer than 16 of them, have codes too."""
    for count in (1, 5, 4000):
        index = IVFIndex(6, metric="l2", codes="product").add(np.ones((count, 6)))
        assert index.search(np.ones((1, 6)), 1).scores.tolist() == [[0.0]]


def test_within_takes_them_where_int8_does_not_fit():
    """The largest kind that fits is chosen, and what it holds is within the budget."""
    rows = rows_of(3000, 32, 3)
    kinds = [("float32", "int8"), ("float16", "int8"), ("float16", "product")]
    for kind in kinds:
        budget = IVFIndex._nbytes_of(32, 3000, *kind, "cosine")
        index = IVFIndex.within(budget, 32, 3000).add(rows)
        assert (index.dtype, index.codes) == kind
        assert index.nbytes <= budget
    with pytest.raises(BudgetError):
        IVFIndex.within("100 kB", 32, 3000)


def test_codewords_that_do_not_fit_are_refused():
    """Codewords for another number of subvectors are a FormatError."""
    index = IVFIndex(12, codes="product").add(rows_of(300, 12, 1))

    spec, arrays = read_container(io.BytesIO(index.to_bytes()), kind="ivf-index", version=3)
    for words in (np.zeros((4, 2, 16), np.float32), np.zeros((8, 0, 16), np.float32)):
        lie = dump(kind="ivf-index", version=3, header=spec, arrays=arrays | {"words": words})
        with pytest.raises(FormatError, match=r"^codewords of shape .* do not fit 12 numbers$"):
            IVFIndex.from_bytes(lie)


def test_bytes_are_stable():
    """Golden: blocks of fixed codes and codewords do not move between versions."""
    rng = np.random.default_rng(3)
    words = rng.integers(-8, 8, (8, 2, 16)).astype(np.float32)
    codes = ProductCodes(words, 15, l2=True)
    short = codes.encode(rng.integers(-8, 8, (70, 15)).astype(np.float32))
    centres = rng.integers(-3, 3, (3, 15)).astype(np.float32)
    blocks = codes.pack(short, np.array([40, 0, 30]), centres)
    assert hashlib.sha256(blocks.tobytes()).hexdigest()[:16] == "6f8a2643cbeb5714"
