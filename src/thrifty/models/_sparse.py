"""Sparse: the kernels between encoded rows and the learner's: place, merge, count, rank, weigh.

A *slot* is the low bits of a code; there are a power of two of them. Pass one counts in how many
rows each slot occurs. `rank` then gives the most frequent slots a row of the table each.
"""

import numpy as np

from thrifty.core.kernels import njit
from thrifty.hashing.keys import join, key_of, mix

__all__ = [
    "CROSSED", "FLAT", "LIST", "SPARSE", "TEXT", "between", "count", "merge", "place", "rank",
    "shared_rows", "weigh",
]  # fmt: skip

CROSSED, FLAT, TEXT, LIST, SPARSE = range(5)
NUM_CODES = np.uint64(2**31 - 1)
CAP = 1 << 16


@njit(forceinline=True, error_model="numpy")
def _cross(a, b, key):
    """As `hashing.cross`, for one pair."""
    h = join(key_of(np.uint64(a) + key), key_of(np.uint64(b) ^ key))
    return np.int64(((h >> np.uint64(32)) * NUM_CODES) >> np.uint64(32))


@njit(nogil=True, cache=True, error_model="numpy")
def place(dense, codes, weights, starts, ends, out_codes, out_values):
    """Append one block to every row; starts is moved behind it.

    Args:
        dense: entries a row where all rows have equally many (then weight 0 is left out), else 0.
        codes: (m,) int32.
        weights: (m,) float32.
        starts: (n,) int64, where each row's next entry goes.
        ends: (n + 1,) int64, the block's rows; not read where dense.
        out_codes: int32, all rows with room for all blocks.
        out_values: float32.
    """
    for row in range(starts.size):
        first = row * dense if dense else ends[row]
        last = first + dense if dense else ends[row + 1]
        at = starts[row]
        for i in range(first, last):
            if weights[i] != 0 or not dense:
                out_codes[at], out_values[at] = codes[i], weights[i]
                at += 1
        starts[row] = at


@njit(nogil=True, cache=True, error_model="numpy")
def between(x, missing, knots, table, middle, spread, codes, values):
    """The four features of each number; see `cells.Numeric`.

    Args:
        x: (n,) float64. missing: (n,) bool. knots: (k,) float64, ascending.
        table: (k + 2,) int32, the codes of the knots, of the size and of the missing mark.
        codes: (n, 4) int32 to fill. values: (n, 4) float32 to fill.
    """
    last = knots.size - 1
    for i in range(x.size):
        left = np.searchsorted(knots, x[i], side="right") - 1
        left = min(max(left, 0), max(last - 1, 0))
        right = min(left + 1, last)
        step = knots[right] - knots[left]
        share = min(max((x[i] - knots[left]) / (step if step > 0 else 1.0), 0.0), 1.0)
        codes[i, 0], codes[i, 1] = table[left], table[right]
        codes[i, 2], codes[i, 3] = table[last + 1], table[last + 2]
        if missing[i]:
            values[i, 0], values[i, 1], values[i, 2], values[i, 3] = 0, 0, 0, 1
        else:
            size = min(max(np.arcsinh((x[i] - middle) / spread), -5.0), 5.0)
            values[i, 0], values[i, 1], values[i, 2], values[i, 3] = 1 - share, share, size, 0


@njit(nogil=True, cache=True, error_model="numpy")
def merge(offsets, codes, decay, most, out_ends, out_codes, out_values):
    """Distinct items of each list, latest first, each the sum of decay(places from the end).

    Args:
        offsets: (n + 1,) int32.
        codes: (m,) int32.
        decay: the weight of the item j places from the end is 1 / sqrt(1 + decay * j).
        most: only that many items, the last ones, are read.

    Returns:
        Entries written to out_codes (int32) and out_values (float32), rows at out_ends (int64).
    """
    table = np.zeros(4, np.int64)
    used = np.int64(0)
    for row in range(offsets.size - 1):
        last = offsets[row + 1]
        first = max(offsets[row], last - most)
        if table.size < 2 * (last - first):
            size = table.size
            while size < 2 * (last - first):
                size *= 2
            table = np.zeros(size, np.int64)
        base, mask = used, np.int64(table.size - 1)
        for j in range(last - first):
            code = codes[last - 1 - j]
            value = np.float32(1 / np.sqrt(1 + decay * j))
            slot = np.int64(code) & mask
            while table[slot] > base and out_codes[table[slot] - 1] != code:
                slot = (slot + 1) & mask
            if table[slot] > base:
                out_values[table[slot] - 1] += value
            else:
                out_codes[used], out_values[used] = code, value
                used += 1
                table[slot] = used
        out_ends[row + 1] = used
    return used


@njit(nogil=True, cache=True, error_model="numpy")
def count(offsets, codes, lengths, kinds, key, frequencies):
    """Add one to the slot of every feature of every row, crosses too.

    Returns:
        The entries that `weigh` may give for these rows, the crosses with them.
    """
    mask, width, entries = np.int64(frequencies.size - 1), kinds.size, np.int64(0)
    for row in range(offsets.size - 1):
        first, last = offsets[row], offsets[row + 1]
        for i in range(first, last):
            frequencies[np.int64(codes[i]) & mask] += 1
        entries += last - first
        if width and kinds[0] == CROSSED:
            end = first + lengths[row * width]
            for i in range(first, end):
                for j in range(i + 1, end):
                    frequencies[_cross(codes[i], codes[j], key) & mask] += 1
                    entries += 1
    return entries


@njit(error_model="numpy")
def _share(slot, shared):
    return np.int64(mix(np.uint64(slot)) % np.uint64(shared))


@njit(nogil=True, cache=True, error_model="numpy")
def shared_rows(slots, own, shared):
    """The rows that `rank` gives to slots (int64) that share: the same for the same slot."""
    rows = np.empty(slots.size, np.int32)
    for i in range(slots.size):
        rows[i] = own + _share(slots[i], shared)
    return rows


@njit(nogil=True, cache=True, error_model="numpy")
def rank(slots, own, shared, counts):
    """Turn counts of slots into rows of the table, in place: the most frequent slots come first.

    Args:
        slots: (S,) int32: in how many rows each slot occurs; becomes its row, -1 for a slot that
            never occurs.
        own: the rows that belong to one slot each.
        shared: the rows that all other slots share.
        counts: (own + shared,) int64: becomes in how many rows the slots of a row occur.

    Returns:
        The largest count among the slots that share (0 if none do).
    """
    starts = np.zeros(CAP + 1, np.int64)
    for slot in range(slots.size):
        starts[min(slots[slot], CAP)] += 1
    above = np.int64(0)
    for number in range(CAP, -1, -1):
        above, starts[number] = above + starts[number], above
    least = np.int64(0)
    for slot in range(slots.size):
        seen = np.int64(slots[slot])
        if seen == 0:
            slots[slot] = -1
            continue
        row = starts[min(seen, CAP)]
        starts[min(seen, CAP)] += 1
        if row >= own:
            row = own + _share(slot, shared)
            least = max(least, seen)
        slots[slot] = row
        counts[row] += seen
    return least


@njit(forceinline=True, error_model="numpy")
def _stretch(data, first, last, scale):
    for i in range(first, last):
        data[i] *= scale


@njit(nogil=True, cache=True, error_model="numpy")
def weigh(offsets, codes, values, lengths, kinds, shares, key, rows, idf, ends, columns, data):
    """Encoded rows as the learner reads them: table rows and weights.

    Args:
        offsets: (n + 1,) int32 into codes (int32) and values (float32).
        lengths: (n * blocks,) int32, the entries of each block of each row.
        kinds: (blocks,) int64: CROSSED and FLAT keep their values, TEXT is (1 + log count) * idf,
            LIST is value * idf; TEXT, LIST, SPARSE and the crosses (but not the values of CROSSED)
            are brought to the length of their share, then all TEXT of a row together to length 1.
        shares: (blocks,) float32.
        key: uint64 of the crosses.
        rows: (S,) int32, the table row of each slot or -1.
        idf: (R,) float32.
        ends: (n + 1,) int64 to fill, columns int32 and data float32 too.
    """
    mask, width, used = np.int64(rows.size - 1), kinds.size, np.int64(0)
    for row in range(offsets.size - 1):
        at = np.int64(offsets[row])
        texts, first_text, last_text = np.float32(0), used, used
        for block in range(width):
            kind, last, begin = kinds[block], at + lengths[row * width + block], used
            total = np.float32(0)
            for i in range(at, last):
                column = rows[np.int64(codes[i]) & mask]
                if column >= 0:
                    value = values[i]
                    if kind == TEXT and value != 1:
                        value = np.float32(1 + np.log(value))
                    if TEXT <= kind <= LIST:
                        value *= idf[column]
                    columns[used], data[used] = column, value
                    total += value * value
                    used += 1
            if kind >= TEXT and total > 0:
                scale = np.float32(shares[block] / np.sqrt(total))
                _stretch(data, begin, used, scale)
                if kind == TEXT:
                    first_text = begin if texts == 0 else first_text
                    texts, last_text = texts + shares[block] * shares[block], used
            if kind == CROSSED:
                pairs = (last - at) * (last - at - 1) // 2
                share = np.float32(shares[block] / np.sqrt(max(1, pairs)))
                for i in range(at, last):
                    for j in range(i + 1, last):
                        column = rows[_cross(codes[i], codes[j], key) & mask]
                        if column >= 0:
                            columns[used], data[used] = column, share
                            used += 1
            at = last
        if texts > 0:
            _stretch(data, first_text, last_text, np.float32(1) / np.sqrt(texts))
        ends[row + 1] = used
    return used
