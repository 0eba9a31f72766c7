"""Fixed: products, sums and eigenvectors of matrices whose bits depend on the numbers alone.

BLAS and LAPACK add in an order of their own for every number of threads and kind of processor. Here
each number of a result is added up in one order, several numbers side by side, so that parts of a
stream which are summed up on other machines have the same bytes.
"""

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit

__all__ = ["eigen", "gram", "product", "sums_of"]

Reals = NDArray[np.float64]
SMALLEST, TINY, TURNS = 2.0**-52, 1e-200, 50
DEPTH, WIDTH = 64, 512


@njit(nogil=True, cache=True, error_model="numpy")
def sums_of(rows, weights, sums):
    """Add each row times its weight to sums; returns the weighted sum of squares of all numbers."""
    squares = np.zeros(sums.size)
    for i in range(rows.shape[0]):
        row, weight = rows[i], weights[i]
        for j in range(sums.size):
            sums[j] += weight * row[j]
            squares[j] += weight * row[j] * row[j]
    total = 0.0
    for j in range(sums.size):
        total += squares[j]
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _add_product(a, b, out, half):
    """Add a @ b to out, in blocks of b that stay in the cache; each number from first to last.

    Half of it, where it is symmetric: what is not above the diagonal, and a little more.
    """
    eights = b.shape[0] - b.shape[0] % 8
    for first in range(0, b.shape[0], DEPTH):
        last = min(first + DEPTH, b.shape[0])
        for start in range(0, b.shape[1], WIDTH):
            for i in range(start if half else 0, a.shape[0]):
                stop = min(start + WIDTH, min(b.shape[1], (i | 15) + 1) if half else b.shape[1])
                sums = out[i, start:stop]
                for k in range(first, min(last, eights), 8):
                    _add_eight(a[i, k : k + 8], b[k : k + 8], start, stop, sums)
                for k in range(max(first, eights), last):
                    weight, row = a[i, k], b[k, start:stop]
                    for j in range(sums.size):
                        sums[j] += weight * row[j]


@njit(nogil=True, error_model="numpy", forceinline=True)
def _add_eight(w, b, start, stop, sums):
    """Add eight rows times their weights, one after the other."""
    w0, w1, w2, w3, w4, w5, w6, w7 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
    r0, r1, r2, r3 = b[0, start:stop], b[1, start:stop], b[2, start:stop], b[3, start:stop]
    r4, r5, r6, r7 = b[4, start:stop], b[5, start:stop], b[6, start:stop], b[7, start:stop]
    for j in range(sums.size):
        x = sums[j] + w0 * r0[j] + w1 * r1[j] + w2 * r2[j] + w3 * r3[j]
        sums[j] = x + w4 * r4[j] + w5 * r5[j] + w6 * r6[j] + w7 * r7[j]


def product(a: Reals, b: Reals) -> Reals:
    """Matrix product of (n, m) and (m, d) reals."""
    out = np.zeros((len(a), b.shape[1]))
    _add_product(np.ascontiguousarray(a), np.ascontiguousarray(b), out, False)
    return out


def gram(rows: Reals) -> Reals:
    """Products of all rows with each other, (n, n)."""
    out = np.zeros((len(rows), len(rows)))
    _add_product(np.ascontiguousarray(rows), np.ascontiguousarray(rows.T), out, True)
    return np.tril(out) + np.tril(out, -1).T


@njit(nogil=True, error_model="numpy")
def _tridiagonal(a, diagonal, beside, turns, scales):
    """Householder's reflections that leave a symmetric matrix three diagonals; a is used up."""
    n = a.shape[0]
    moved = np.empty(n)
    for k in range(n - 1):
        diagonal[k] = a[k, k]
        v, size = turns[k], 0.0
        for j in range(k + 1, n):
            v[j] = a[k, j]
            size += v[j] * v[j]
        beside[k] = -np.sqrt(size) if v[k + 1] > 0.0 else np.sqrt(size)
        v[k + 1] -= beside[k]
        length = size - a[k, k + 1] * beside[k]
        if k == n - 2 or length < TINY:
            beside[k] = a[k, k + 1]
            continue
        scales[k] = 1.0 / length
        _reflect(a[k + 1 :, k + 1 :], v[k + 1 :], scales[k], moved[k + 1 :])
    diagonal[n - 1] = a[n - 1, n - 1]


@njit(nogil=True, error_model="numpy")
def _reflect(a, v, scale, moved):
    """H a H for the reflection H of v."""
    moved[:] = 0.0
    for i in range(v.size):
        row, x = a[i], v[i] * scale
        for j in range(v.size):
            moved[j] += x * row[j]
    half = 0.0
    for j in range(v.size):
        half += v[j] * moved[j]
    half *= 0.5 * scale
    for j in range(v.size):
        moved[j] -= half * v[j]
    for i in range(v.size):
        row, x, y = a[i], v[i], moved[i]
        for j in range(v.size):
            row[j] -= x * moved[j] + y * v[j]


@njit(nogil=True, error_model="numpy")
def _basis(turns, scales):
    """The product of all reflections."""
    n = turns.shape[0]
    q, along = np.eye(n), np.empty(n)
    for k in range(n - 2, -1, -1):
        if scales[k] == 0.0:
            continue
        v = turns[k]
        along[:] = 0.0
        for i in range(k + 1, n):
            row, x = q[i], v[i] * scales[k]
            for j in range(n):
                along[j] += x * row[j]
        for i in range(k + 1, n):
            row, x = q[i], v[i]
            for j in range(n):
                row[j] -= x * along[j]
    return q


@njit(nogil=True, error_model="numpy")
def _turn(upper, lower, c, s):
    """Rotate two rows."""
    for j in range(upper.size):
        x, y = upper[j], lower[j]
        upper[j], lower[j] = c * x - s * y, s * x + c * y


@njit(nogil=True, error_model="numpy")
def _end_of_block(diagonal, beside, start, least):
    """The first place from start on after which nothing stands beside the diagonal."""
    for m in range(start, diagonal.size - 1):
        if abs(beside[m]) <= least:
            return m
    return diagonal.size - 1


@njit(nogil=True, error_model="numpy")
def _sweep(diagonal, beside, start, m, rows):
    """One implicit QL step, with Wilkinson's shift, on the block start..m."""
    g = (diagonal[start + 1] - diagonal[start]) / (2.0 * beside[start])
    r = np.sqrt(g * g + 1.0)
    g = diagonal[m] - diagonal[start] + beside[start] / (g + (r if g >= 0.0 else -r))
    s, c, p = 1.0, 1.0, 0.0
    for i in range(m - 1, start - 1, -1):
        f, b = s * beside[i], c * beside[i]
        r = np.sqrt(f * f + g * g)
        beside[i + 1] = r
        if r == 0.0:
            diagonal[i + 1] -= p
            beside[m] = 0.0
            return
        s, c = f / r, g / r
        g = diagonal[i + 1] - p
        r = (diagonal[i] - g) * s + 2.0 * c * b
        p = s * r
        diagonal[i + 1] = g + p
        g = c * r - b
        _turn(rows[i], rows[i + 1], c, s)
    diagonal[start] -= p
    beside[start], beside[m] = g, 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def _solve(a, rows_of):
    """Eigenvalues of a symmetric matrix, which is used up; rows_of gets the eigenvectors."""
    n = a.shape[0]
    diagonal, beside = np.empty(n), np.zeros(n)
    turns, scales = np.zeros((n, n)), np.zeros(n)
    _tridiagonal(a, diagonal, beside, turns, scales)
    rows_of[:] = _basis(turns, scales).T
    least = SMALLEST * (np.abs(diagonal).max() + np.abs(beside).max())
    for start in range(n):
        for turn in range(TURNS):
            m = _end_of_block(diagonal, beside, start, least)
            if m == start:
                break
            if turn == TURNS - 1:
                return diagonal[:0]
            _sweep(diagonal, beside, start, m, rows_of)
    return diagonal


def eigen(symmetric: Reals) -> tuple[Reals, Reals]:
    """Eigenvalues, falling, and eigenvectors of a symmetric matrix, as rows.

    Householder's tridiagonal form and QL steps with implicit shifts, as in Bowdler, Martin,
    Reinsch and Wilkinson 1968, The QR and QL algorithms for symmetric matrices.

    Args:
        symmetric: (n, n) finite reals; what is below 1e-100 counts as 0.

    Raises:
        ArithmeticError: an eigenvalue was not found in 50 steps.
    """
    rows = np.empty(symmetric.shape)
    values = _solve(np.array(symmetric, order="C"), rows)
    if not len(values):
        raise ArithmeticError("eigenvalues were not found in 50 steps each")
    order = np.argsort(-values, kind="stable")
    return values[order], rows[order]
