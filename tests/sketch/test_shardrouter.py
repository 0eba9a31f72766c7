"""Shard router: every shard that holds a key is visited, few others are, edges and golden bytes."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, dump, record_of
from thrifty.laws import LAWS
from thrifty.sketch import BloomFilter, ShardRouter

RECORD = record_of(ShardRouter)
LAW_CASES = [law for name in RECORD.laws for law in LAWS[name]]
PAIRS = st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2))


class OfPairs(ShardRouter):
    """A router that is given keys and shards as pairs."""

    def add(self, pairs):
        """Pairs of a key and its shard."""
        keys, shards = zip(*pairs, strict=True) if pairs else ((), ())
        return super().add(list(keys), np.array(shards, np.int64))


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: OfPairs(3, 2, seed=7), PAIRS)


def test_it_is_one_filter_a_shard():
    """Each shard is found where a Bloom filter of that shard alone would be found."""
    rng = np.random.default_rng(0)
    keys, shards = rng.integers(0, 10**9, 3000), rng.integers(0, 5, 3000)
    router, probes = ShardRouter(5, 20, seed=3).add(keys, shards), rng.integers(0, 10**9, 500)
    alone = [BloomFilter(20, seed=3).add(keys[shards == s]).contains(probes) for s in range(5)]
    np.testing.assert_array_equal(router.route(probes), np.stack(alone, axis=1))


def test_every_holder_is_visited():
    """A key of several shards is routed to all of them, nulls to none."""
    router = ShardRouter.for_error(3, keys=100).add(["a", "b", None], 0).add(["a"], [2])
    visits = router.route(["a", None, "b"])
    assert (visits.shape, visits.dtype) == ((3, 3), np.bool_)
    assert visits[0, 0]
    assert visits[0, 2]
    assert visits[2, 0]
    assert not visits[1].any()
    assert router.route([]).shape == (0, 3)


@pytest.mark.parametrize("shards", [2, 16, 64])
def test_one_needless_visit_a_key(shards):
    """With an error of 1 / shards a key costs about one visit more than needed, as the bits say."""
    keys = np.arange(500 * shards)
    router = ShardRouter.for_error(shards, keys=550).add(keys, keys % shards)
    visits = router.route(np.arange(len(keys), len(keys) + 20_000)).sum(axis=1)
    noise = 4 * visits.std() / np.sqrt(len(visits))
    assert abs(visits.mean() - router.error_bound()) <= noise
    assert 0.3 < visits.mean() <= 1 + noise


def test_within_is_for_so_many_shards():
    """As many lines a shard as fit."""
    made = ShardRouter.within("10 kB", 10, seed=2)
    assert (made.shards, made.lines, made.seed) == (10, 15, 2)


def test_bad_arguments_are_named():
    """The message says which argument, which rule, which value."""
    with pytest.raises(ValueError, match=r"^shards must be in 1\.\.1048576, got 0$"):
        ShardRouter(0, 1)
    with pytest.raises(TypeError, match=r"^shards must be a whole number in 1\.\.\d+, got 2\.0$"):
        ShardRouter(2.0, 1)
    with pytest.raises(ValueError, match=r"^shards must be in 0\.\.1, got 2$"):
        ShardRouter(2, 1).add([1, 2], [0, 2])
    with pytest.raises(ValueError, match=r"^shards must be in 0\.\.1, got -1$"):
        ShardRouter(2, 1).add([1, 2], -1)
    with pytest.raises(TypeError, match=r"^shards must be whole numbers, got float64$"):
        ShardRouter(2, 1).add([1], [0.5])
    with pytest.raises(ValueError, match=r"^shards must be 2, one a row, got \(1,\)$"):
        ShardRouter(2, 1).add([1, 2], [0])
    with pytest.raises(ValueError, match=r"^error must be in 1e-09\.\.0\.9, got 1$"):
        ShardRouter.for_error(2, 5, 1)
    with pytest.raises(BudgetError, match=r"^budget must be at least 192 B for a shard router"):
        ShardRouter.within(191, 3)


@pytest.mark.parametrize("spec", [{"shards": 3}, {"shards": 2**19}, {"lines": 2.0}, {"lines": -1}])
def test_lying_bytes_are_refused(spec):
    """A header that promises other filters than there are is a FormatError."""
    header = {"shards": 1, "lines": 1, "seed": 0} | spec
    data = dump(kind="shard-router", version=1, header=header, arrays={"words": np.zeros(8, "u8")})
    with pytest.raises(FormatError, match=r"words|lines"):
        ShardRouter.from_bytes(data)


def test_bytes_are_stable():
    """Golden: the bytes of a fixed stream do not move between versions or machines."""
    data = ShardRouter(3, 4, seed=1).add(range(300), np.arange(300) % 3).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "1662ce3fbeb705ab"
