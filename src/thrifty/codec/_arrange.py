"""Arrange: rows whose order does not count, so turned that equal values share columns."""

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit

__all__ = ["arranged", "covered"]

ROUNDS = 5
SWEEPS, COLD, HEAT, STRIDES = 40, 8, 2.0, 4
NOISES = 1 << 14
Rows = NDArray[np.int64]


def arranged(rows: Rows, values: int, rounds: int = ROUNDS) -> Rows:
    """Rows by how frequent their values are, then by rounds in which columns attract values.

    In a round a value is drawn to a column by the logarithm of how often it stands there; in each
    row the pair of value and free column with the largest pull is taken first. Last, values of a
    row exchange their columns where that saves bits, or by chance, less and less of it.

    Args:
        rows: (n, m) numbers of values, not changed; short rows end in -1.
        values: how many there are.
        rounds: at least 0.
    """
    counts = np.bincount(rows[rows >= 0], minlength=values)
    place = np.full(values + 1, values)
    place[np.argsort(-counts, kind="stable")] = np.arange(values)
    turned = np.take_along_axis(rows, np.argsort(place[rows], axis=1, kind="stable"), axis=1)
    for _ in range(rounds if rows.shape[1] > 1 else 0):
        pulls = np.zeros((values, rows.shape[1]), np.float32)
        for column in range(rows.shape[1]):
            held = turned[:, column]
            pulls[:, column] = np.log1p(np.bincount(held[held >= 0], minlength=values))
        _draw(turned, pulls)
    return _cooled(turned, values) if rounds and rows.shape[1] > 1 else turned


def _cooled(turned: Rows, values: int) -> Rows:
    """Rows after sweeps of exchanges, by bits that the counts before each sweep tell."""
    rng, width = np.random.default_rng(0), turned.shape[1]
    noise = rng.logistic(size=NOISES).astype(np.float32)
    for sweep in range(SWEEPS + COLD):
        bits = np.empty((values, width), np.float32)
        for column in range(width):
            held = turned[:, column]
            bits[:, column] = -np.log2(np.bincount(held[held >= 0], minlength=values) + 0.5)
        heat = np.float32(HEAT * max(0.0, 1 - sweep / SWEEPS))
        strides = 1 + rng.permutation(width // 2)[:STRIDES]
        _exchange(turned, bits, noise * heat, strides, int(rng.integers(NOISES)))
    return turned


@njit(forceinline=True, error_model="numpy")
def _sum_of(row):
    """How many values a row has, and a number that tells sets of values apart, in any order."""
    m, total = 0, 0
    while m < row.size and row[m] >= 0:
        word = (row[m] + 1) * 0x9E3779B1
        word = (word ^ (word >> 15)) * 0x85EBCA77
        total += word ^ (word >> 13)
        m += 1
    return m, total


@njit(nogil=True, cache=True, error_model="numpy")
def _exchange(rows, bits, noise, strides, offset):
    """Exchange two values of a row, so many columns apart, that save more bits than the noise.

    Equal sets have equal noise, so that the order of rows does not count.
    """
    least, last = np.float32(1e-6), noise.size - 1
    for i in range(rows.shape[0]):
        row = rows[i]
        m, k = _sum_of(row)
        k += offset
        for stride in strides:
            for a in range(m):
                b = (a + stride) % m
                u, v = row[a], row[b]
                k = (k + 1) & last
                if bits[u, a] + bits[v, b] - bits[v, a] - bits[u, b] > noise[k] + least:
                    row[a], row[b] = v, u


@njit(nogil=True, cache=True, error_model="numpy")
def _draw(rows, pulls):
    """Assign the values of every row to columns, the largest pull first, in place."""
    n, widest = rows.shape
    held, free = np.empty(widest, np.int64), np.empty(widest, np.bool_)
    best, column = np.empty(widest, np.float32), np.empty(widest, np.int64)
    for i in range(n):
        m = 0
        while m < widest and rows[i, m] >= 0:
            held[m], free[m], column[m] = rows[i, m], True, -1
            m += 1
        for _ in range(m):
            chosen = -1
            for j in range(m):
                if held[j] < 0:
                    continue
                if column[j] < 0 or not free[column[j]]:
                    best[j], column[j] = -1, -1
                    for c in range(m):
                        if free[c] and pulls[held[j], c] > best[j]:
                            best[j], column[j] = pulls[held[j], c], c
                if chosen < 0 or best[j] > best[chosen]:
                    chosen = j
            rows[i, column[chosen]] = held[chosen]
            free[column[chosen]], held[chosen] = False, -1


def covered(rows: Rows, values: int) -> Rows:
    """Rows by repeatedly taking the value and column that cover most rows still free there.

    As many steps as there are pairs of value and column that come to stand: for few values.

    Args:
        rows: (n, m) numbers of values, not changed; short rows end in -1.
        values: how many there are.
    """
    turned, there = np.where(rows < 0, -2, -1), rows >= 0
    order = np.argsort(rows[there], kind="stable")
    starts = np.append(0, np.cumsum(np.bincount(rows[there], minlength=values)))
    counts = np.zeros((values, rows.shape[1]), np.int64)
    _count(rows, counts)
    _cover(rows.copy(), turned, counts.reshape(-1), np.nonzero(there)[0][order], starts)
    return np.where(turned == -2, -1, turned)


@njit(nogil=True, cache=True, error_model="numpy")
def _count(rows, counts):
    """For each value and column the rows that have the value, once each, and the column."""
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            again = rows[i, j] < 0
            for k in range(j):
                again |= rows[i, k] == rows[i, j]
            if again:
                continue
            for c in range(rows.shape[1]):
                counts[rows[i, j], c] += rows[i, c] >= 0


@njit(nogil=True, cache=True, error_model="numpy")
def _cover(left, turned, counts, order, starts):
    """Take pairs until all are placed; a row counts once for a value it still has to place."""
    m = left.shape[1]
    while True:
        pair = np.argmax(counts)
        if counts[pair] <= 0:
            return
        value, column, last = pair // m, pair % m, -1
        for i in order[starts[value] : starts[value + 1]]:
            if i != last and turned[i, column] == -1:
                _place(left[i], turned[i], counts, value, column)
            last = i


@njit(error_model="numpy")
def _place(left, turned, counts, value, column):
    """Place a value of one row, if it is still there, and mend the counts."""
    m, taken, more = left.size, -1, False
    for j in range(m):
        if left[j] == value:
            more = taken >= 0
            taken = j
    if taken < 0:
        return
    turned[column], left[taken] = value, -1
    for c in range(m):
        if turned[c] == -1 and not more:
            counts[value * m + c] -= 1
    for j in range(m):
        seen = left[j] < 0
        for k in range(j):
            seen |= left[k] == left[j]
        if not seen:
            counts[left[j] * m + column] -= 1
    if not more:
        counts[value * m + column] -= 1
