"""Huffman: the fewest bits there can be, codes that decode, tables that agree, forged lengths."""

import heapq
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.codec.huffman import (
    checked_lengths,
    codes_of,
    ladder_of,
    lengths_of,
    next_symbol,
    table_of,
)
from thrifty.core import FormatError

COUNTS = st.lists(st.integers(0, 10**6), min_size=2, max_size=60)


def huffman_bits(counts):
    """Bits of a text coded by Huffman's own algorithm: the sum of all joined weights."""
    heap, bits = [count for count in counts if count], 0
    heapq.heapify(heap)
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        bits += joined
        heapq.heappush(heap, joined)
    return bits


def fewest_bits(counts, limit):
    """The fewest bits of all complete codes no longer than the limit, by trying every one."""
    best = math.inf
    for lengths in itertools.product(range(1, limit + 1), repeat=len(counts)):
        if sum(2**-length for length in lengths) <= 1:
            best = min(best, sum(a * b for a, b in zip(counts, lengths, strict=True)))
    return best


# exact


@given(COUNTS)
def test_as_short_as_huffmans_own(counts):
    """Without a limit that binds, the bits are those of Huffman's algorithm."""
    lengths = lengths_of(counts, 32)
    used = np.count_nonzero(counts)
    assert (lengths > 0).tolist() == [count > 0 for count in counts]
    if used > 1:
        assert int(np.dot(lengths.astype(np.int64), counts)) == huffman_bits(counts)
        assert sum(2.0 ** -int(length) for length in lengths if length) == 1


@given(st.lists(st.integers(1, 40), min_size=5, max_size=5), st.integers(3, 5))
def test_fewest_bits_within_a_limit(counts, limit):
    """No code of five symbols within the limit takes fewer bits."""
    lengths = lengths_of(counts, limit).astype(int)
    assert lengths.max() <= limit
    assert int(np.dot(lengths, counts)) == fewest_bits(counts, limit)


def test_limit_holds_where_huffman_is_deep():
    """Fibonacci counts of 40 symbols, 39 bits deep, fit in 11 bits, and cost at most 1 % more."""
    counts = [1, 1]
    while len(counts) < 40:
        counts.append(counts[-1] + counts[-2])
    lengths = lengths_of(counts, 11).astype(np.int64)
    assert lengths.max() == 11
    assert (1 << (11 - lengths)).sum() == 1 << 11
    assert np.dot(lengths, np.array(counts)) <= 1.01 * huffman_bits(counts)


@given(COUNTS, st.integers(6, 32))
def test_codes_decode(counts, limit):
    """No code begins another, they rise as canonical codes do, and the ladder finds each."""
    lengths = lengths_of(counts, limit)
    codes, ladder = codes_of(lengths), ladder_of(lengths)
    used = [i for i in range(len(counts)) if lengths[i]]
    words = {i: f"{codes[i]:0{lengths[i]}b}" for i in used}
    assert all(len(words[i]) == lengths[i] for i in used)
    ordered = [words[i] for i in sorted(used, key=lambda i: (lengths[i], i))]
    assert ordered == sorted(ordered)
    assert not any(b.startswith(a) for a, b in itertools.pairwise(ordered))
    longest = int(lengths.max(initial=0))
    for i in used:
        window = int(words[i], 2) << (longest - len(words[i]))
        assert next_symbol(window, *ladder) == (i, lengths[i])


@given(COUNTS)
def test_tables_agree_with_codes(counts):
    """Every window of the table begins with the code of its symbol."""
    lengths = lengths_of(counts, 8)
    codes = codes_of(lengths)
    if not lengths.any():
        return
    for window, entry in enumerate(table_of(lengths, 8).tolist()):
        length, symbol = divmod(entry, 256)
        assert length == lengths[symbol]
        assert window >> (8 - length) == codes[symbol] or np.count_nonzero(lengths) == 1


# edges and refusals


def test_few_symbols():
    """None has no code, one has a code of one bit."""
    assert lengths_of([]).tolist() == []
    assert lengths_of([0, 0]).tolist() == [0, 0]
    assert lengths_of([0, 9]).tolist() == [0, 1]
    assert ladder_of(lengths_of([0, 0])).symbols.size == 0


def test_bad_counts_and_limits_are_named():
    """A count below 0, and a limit that cannot hold all symbols."""
    with pytest.raises(ValueError, match=r"^counts must be 0 or more, got -1$"):
        lengths_of([3, -1])
    with pytest.raises(ValueError, match=r"^limit must be enough for 5 symbols, got 2$"):
        lengths_of([1] * 5, 2)
    with pytest.raises(ValueError, match=r"^limit must be in 1\.\.32, got 33$"):
        lengths_of([1], 33)


@pytest.mark.parametrize("lengths", [[], [0, 0], [1], [2], [1, 2], [1, 1, 1], [9, 1], [255, 1]])
def test_lengths_of_a_file_are_checked(lengths):
    """What is no complete code within the limit is refused; one symbol alone has one bit."""
    found = np.array(lengths, np.uint8)
    if lengths == [1]:
        assert checked_lengths(found, 8) is found
        return
    with pytest.raises(FormatError, match=r"^code lengths must make a complete code, got \["):
        checked_lengths(found, 8)


def test_complete_codes_pass():
    """Lengths that come from counts are complete."""
    for counts in ([5, 1], [1, 2, 3, 4, 5], list(range(1, 200))):
        found = lengths_of(counts, 11)
        assert checked_lengths(found, 11) is found


def test_codes_do_not_move():
    """Golden: the canonical code of these lengths, which files depend on."""
    lengths = lengths_of([5, 9, 12, 13, 16, 45, 0, 1])
    assert lengths.tolist() == [5, 4, 3, 3, 3, 1, 0, 5]
    assert codes_of(lengths).tolist() == [30, 14, 4, 5, 6, 0, 0, 31]
