"""Singleton filter: nothing repeated is lost, singletons pass rarely, edges and golden bytes."""

import hashlib

import numpy as np
import pytest

from thrifty.core import BudgetError, FormatError, dump, record_of
from thrifty.laws import LAWS
from thrifty.sketch import BloomFilter, SingletonFilter

RECORD = record_of(SingletonFilter)
LAW_CASES = [law for name in RECORD.laws for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: SingletonFilter(3, seed=7))


@pytest.mark.parametrize("lines", [1, 50, 1000])
@pytest.mark.parametrize("batches", [1, 9])
def test_nothing_repeated_is_lost(lines, batches):
    """Keys that came at least twice are all named, however small the filter, and in any batches."""
    keys = np.random.default_rng(lines).integers(0, 3000, 4000)
    found, counts = np.unique(keys, return_counts=True)
    sieve = SingletonFilter(lines)
    for batch in np.array_split(keys, batches):
        sieve.add(batch)
    assert sieve.repeated(found[counts > 1]).all()
    assert sieve.contains(keys).all()


def test_a_merge_loses_nothing_repeated():
    """A key that came once on each side counts as repeated; so does one repeated on one side."""
    one, two = (SingletonFilter(500).add(np.arange(a, a + 3000)) for a in (0, 2000))
    one.add(np.arange(50))
    both = one.merge(two)
    assert both == two.merge(one)
    assert both.repeated(np.arange(2000, 3000)).all()
    assert both.repeated(np.arange(50)).all()
    assert both.contains(np.arange(5000)).all()
    assert both.repeated(np.arange(50, 2000)).mean() < 0.2


@pytest.mark.parametrize("error", [0.2, 0.01])
def test_singletons_pass_as_rarely_as_said(error):
    """Keys that came once pass at most as often as asked and as the bits say."""
    sieve = SingletonFilter.for_error(20_000, error, seed=2).add(np.arange(20_000))
    passed = sieve.repeated(np.arange(20_000)).mean()
    noise = 4 * np.sqrt(error / 20_000)
    assert 0 < passed <= sieve.error_bound() + noise
    assert passed <= error + noise


def test_it_is_two_filters_in_a_row():
    """The first holds all keys, the second what the first had already; both count."""
    sieve = SingletonFilter(200, seed=4).add(np.arange(100)).add(np.arange(40)).add([None])
    assert (sieve.arrays()["once"] == BloomFilter(200, seed=4).add(np.arange(100))._words).all()
    assert (sieve.arrays()["again"] == BloomFilter(200, seed=4).add(np.arange(40))._words).all()
    assert 100 in sieve.interval(0.999)
    assert sieve.count() == sieve.interval().estimate
    assert sieve.repeated([1, None, 70]).tolist() == [True, False, False]


def test_bad_arguments_are_named():
    """The message says which argument, which rule, which value."""
    with pytest.raises(ValueError, match=r"^lines must be in 1\.\.17179869184, got 0$"):
        SingletonFilter(0)
    with pytest.raises(TypeError, match=r"^lines must be a whole number in 1\.\.\d+, got '1'$"):
        SingletonFilter("1")
    with pytest.raises(ValueError, match=r"^error must be in 1e-08\.\.0\.9, got 1$"):
        SingletonFilter.for_error(10, 1)
    with pytest.raises(BudgetError, match=r"^budget must be at least 128 B for a singleton filter"):
        SingletonFilter.within(127)
    with pytest.raises(TypeError, match=r"^column must be of text, numbers, times or bools, got "):
        SingletonFilter(1).add([[1]])


@pytest.mark.parametrize("sizes", [(8, 16), (16, 8), (8, 8)])
def test_lying_bytes_are_refused(sizes):
    """Filters of other lengths than the header says are a FormatError."""
    arrays = {n: np.zeros(s, np.uint64) for n, s in zip(("once", "again"), sizes, strict=True)}
    spec = {"lines": 2, "seed": 0}
    with pytest.raises(FormatError, match=r"^array 'once' must be|^array 'again' must be"):
        SingletonFilter.from_bytes(dump(kind="singletons", version=1, header=spec, arrays=arrays))


def test_bytes_are_stable():
    """Golden: the bytes of a fixed stream do not move between versions or machines."""
    data = SingletonFilter(20, seed=1).add(range(300)).add(range(50)).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "70a722b7aebed610"
