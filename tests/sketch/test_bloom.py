"""Bloom filter: its laws, its error beside the formula, its counts, edges and golden bytes."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import BudgetError, FormatError, IncompatibleError, dump, record_of
from thrifty.hashing import hash_column
from thrifty.laws import LAWS
from thrifty.sketch import BloomFilter
from thrifty.sketch.bloom import blocked_rate, lines_for

RECORD = record_of(BloomFilter)
LAW_CASES = [law for name in RECORD.laws for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: BloomFilter(3, seed=7))


def test_bits_are_those_of_the_definition():
    """Line by the high product, one bit of each of 8 words by 6 bits of the spread word."""
    keys, lines = np.arange(500) * 3, 37
    table = [[0] * 8 for _ in range(lines)]
    for word in hash_column(keys, 5).tolist():
        bits = ((word ^ (word >> 32)) * 0x9FB21C651E98DF25) % 2**64
        for lane in range(8):
            table[word * lines >> 64][lane] |= 1 << (bits >> (16 + 6 * lane) & 63)
    made = BloomFilter(lines, seed=5).add(keys)
    assert made.arrays()["words"].reshape(lines, 8).tolist() == table


@pytest.mark.parametrize("keys", [["a", None, "b"], [1.5, 2.5], np.arange(1000), "one", b"two"])
def test_what_was_added_is_found(keys):
    """Every key that is not null is found in the filter that it was added to."""
    found = BloomFilter(100).add(keys).contains(keys)
    expected = [key is not None for key in keys] if isinstance(keys, list) else [True] * len(found)
    assert found.dtype == np.bool_
    assert found.tolist() == expected


@pytest.mark.parametrize("error", [0.2, 0.05, 0.01, 0.002])
def test_error_is_that_of_the_formula(error):
    """Found by mistake: as many as formula and bits say, within 4 standard errors."""
    n, probes = 20_000, 400_000
    made = BloomFilter.for_error(n, error, seed=3).add(np.arange(n))
    found = made.contains(np.arange(n, n + probes)).mean()
    noise = 4 * np.sqrt(error / probes)
    assert blocked_rate(n, made.lines) <= error < blocked_rate(n, made.lines - 1)
    assert abs(found - made.error_bound()) <= noise
    spread = 4 * blocked_rate(n, made.lines) * 8 / np.sqrt(made.lines)
    assert abs(made.error_bound() - error) <= spread


@pytest.mark.parametrize("n", [0, 10, 2_000, 30_000])
def test_counts_agree_with_exact(n):
    """Mean over 64 seeds within 4 standard errors, and 90 of 100 intervals hold."""
    made = [BloomFilter(200, seed=seed).add(np.arange(n)) for seed in range(64)]
    counts = np.array([one.count() for one in made])
    spread = max(1e-9, counts.std())
    assert abs(counts.mean() - n) <= 4 * spread / 8 + 1e-3 * n
    held = np.mean([n in one.interval(0.9) for one in made])
    assert held >= 0.9 - 4 * np.sqrt(0.9 * 0.1 / 64)


def test_intersections_agree_with_exact():
    """By inclusion and exclusion, not from the bits in common, which overstate it."""
    one, two = (BloomFilter(3000).add(np.arange(a, a + 30_000)) for a in (0, 28_500))
    found = one.intersection(two)
    assert 1500 in found
    assert abs(found.estimate - 1500) < 300
    assert one.intersection(BloomFilter(3000)).low == 0
    assert one.intersection(one).estimate == pytest.approx(one.count())
    with pytest.raises(IncompatibleError, match=r"^cannot intersect BloomFilter\(lines=3000, "):
        one.intersection(BloomFilter(3001))


def test_a_full_filter_says_so():
    """With every bit set everything is found and the count is infinite."""
    full = BloomFilter(1).add(np.arange(10_000))
    assert (full.count(), full.error_bound()) == (np.inf, 1.0)
    assert 100 < full.interval().low < full.interval().high == np.inf
    assert BloomFilter(50).add(np.arange(20_000)).interval(0.999999999).high > 20_000
    assert blocked_rate(1e12, 1) == 1


@pytest.mark.parametrize(("keys", "error"), [(1, 0.9), (1, 1e-9), (10**6, 0.01), (10**9, 0.1)])
def test_the_fewest_lines_are_found(keys, error):
    """One line fewer would not do."""
    lines = lines_for(keys, error)
    assert blocked_rate(keys, lines) <= error
    assert lines == 1 or blocked_rate(keys, lines - 1) > error


def test_within_takes_the_largest():
    """As many lines as fit."""
    assert [BloomFilter.within(b).lines for b in (64, 127, 128, "1 kB")] == [1, 1, 2, 15]


def test_how_it_is_stored_does_not_matter():
    """Dictionary columns, slices and chunks of the same texts leave the same bits."""
    texts = ["a", "b", None, "c", "a"]
    plain = BloomFilter(10).add(texts)
    coded = pa.array(["cut", *texts]).dictionary_encode().slice(1)
    assert BloomFilter(10).add(coded) == BloomFilter(10).add(pa.chunked_array([texts])) == plain
    assert plain.contains(coded).tolist() == [True, True, False, True, True]


def test_bad_arguments_are_named():
    """The message says which argument, which rule, which value."""
    with pytest.raises(ValueError, match=r"^lines must be in 1\.\.17179869184, got 0$"):
        BloomFilter(0)
    with pytest.raises(TypeError, match=r"^lines must be a whole number in 1\.\.\d+, got 1\.5$"):
        BloomFilter(1.5)
    with pytest.raises(ValueError, match=r"^error must be in 1e-09\.\.0\.9, got 0$"):
        BloomFilter.for_error(10, 0)
    with pytest.raises(ValueError, match=r"^keys must be in 1\.\.274877906944, got 0$"):
        BloomFilter.for_error(0, 0.1)
    with pytest.raises(TypeError, match=r"^keys must be a whole number in 1\.\.\d+, got '10'$"):
        BloomFilter.for_error("10", 0.1)
    with pytest.raises(ValueError, match=r"^confidence must be in 1e-09\.\.0\.999999999, got 2$"):
        BloomFilter(1).interval(2)
    with pytest.raises(BudgetError, match=r"^budget must be at least 64 B for a Bloom filter"):
        BloomFilter.within(63)
    with pytest.raises(TypeError, match=r"^column must be of text, numbers, times or bools, got "):
        BloomFilter(1).contains([[1]])


@pytest.mark.parametrize(
    ("lines", "size"), [(2, 8), (10**9, 8), (1.0, 8), (True, 8), (None, 8), (-1, 8), ("1", 8)]
)
def test_lying_bytes_are_refused(lines, size):
    """A header that promises other lines than there are, or none, is a FormatError."""
    spec, words = {"lines": lines, "seed": 0}, np.zeros(size, np.uint64)
    with pytest.raises(FormatError, match=r"words|lines"):
        BloomFilter.from_bytes(dump(kind="bloom", version=1, header=spec, arrays={"words": words}))


@pytest.mark.peers
def test_agrees_with_rbloom():
    """At equal bytes the error is at most 1.4 times that of a filter that is not split."""
    rbloom = pytest.importorskip("rbloom")
    n = 50_000
    theirs = rbloom.Bloom(n, 0.01)
    ours = BloomFilter.within(theirs.size_in_bits // 8).add(np.arange(n))
    theirs.update(range(n))
    found = np.mean([key in theirs for key in range(n, 5 * n)])
    assert ours.contains(np.arange(n, 5 * n)).mean() <= 1.4 * found


def test_bytes_are_stable():
    """Golden: the bytes of a fixed stream do not move between versions or machines."""
    data = BloomFilter(20, seed=1).add(range(300)).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "488f5f2f3ece0fe6"
