"""Cells: centres of clusters learned from a sample, and of each row the nearest of them."""

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit

__all__ = ["assigned", "cells_for", "learned_centres", "means", "of_length_1"]

Rows = NDArray[np.float32]
EACH = 32  # sampled rows a cell
ROUNDS = 8
BLOCK = 1 << 21  # products at once, which stay in cache
STRIP = 64


def cells_for(rows: int) -> int:
    """How many cells so many rows are cut into: 4 * sqrt(rows), a hundred rows or more each."""
    return max(1, min(round(4 * rows**0.5), rows // 100))


@njit(nogil=True, cache=True, error_model="numpy")
def _choose(products, half, labels):
    """Of each row the cell of the largest product less half its squared length, first of equals."""
    best = np.empty(half.size // STRIP, np.float32)
    for i in range(labels.size):
        mine = products[i]
        for strip in range(best.size):
            part, less = mine[strip * STRIP :], half[strip * STRIP :]
            top = np.float32(-np.inf)
            for j in range(STRIP):
                top = max(top, part[j] - less[j])
            best[strip] = top
        place, score = 0, np.float32(-np.inf)
        for strip in range(best.size):
            if best[strip] > score:
                place, score = strip, best[strip]
        for j in range(place * STRIP, place * STRIP + STRIP):
            if mine[j] - half[j] == score:
                labels[i] = j
                break
        else:
            labels[i] = 0


@njit(nogil=True, cache=True, error_model="numpy")
def _gather(rows, labels, sums, counts):
    for i in range(labels.size):
        row, into = rows[i], sums[labels[i]]
        counts[labels[i]] += 1
        for t in range(row.size):
            into[t] += row[t]


def assigned(rows: Rows, centres: Rows) -> NDArray[np.int32]:
    """The nearest centre of each row.

    Args:
        rows: (n, d) float32. centres: (c, d) float32.
    """
    count, dim = centres.shape
    padded = np.zeros((-(-count // STRIP) * STRIP, dim), np.float32)
    padded[:count] = centres
    half = np.full(len(padded), np.inf, np.float32)
    half[:count] = 0.5 * np.einsum("ij,ij->i", centres, centres)
    labels, step = np.empty(len(rows), np.int32), max(64, BLOCK // len(padded))
    for start in range(0, len(rows), step):
        products = np.asarray(rows[start : start + step], dtype=np.float32) @ padded.T
        _choose(products, half, labels[start : start + step])
    return labels


def learned_centres(
    sample: Rows, count: int, rng: np.random.Generator, *, sphere: bool = False
) -> Rows:
    """Centres of so many cells by Lloyd's rounds, begun at rows of the sample.

    A cell that has no rows begins again beside the largest ones.

    Args:
        sample: (n, d) float32, n at least count.
        count: cells.
        rng: what the first centres are drawn by.
        sphere: rows are of length 1, and so shall centres be.
    """
    centres = sample[rng.choice(len(sample), count, replace=False)].copy()
    for _ in range(ROUNDS if count > 1 else 1):
        centres, counts = means(sample, assigned(sample, centres), count)
        empty = np.flatnonzero(counts == 0)
        large = np.argsort(-counts, kind="stable")[: empty.size]
        centres[empty] = centres[large] * np.float32(1 + 1e-3)
        centres = of_length_1(centres) if sphere else centres
    return centres


def means(rows: Rows, labels: NDArray, count: int) -> tuple[Rows, NDArray[np.int64]]:
    """The mean of the rows of each label below count, 0 where there is none, and how many."""
    sums, counts = np.zeros((count, rows.shape[1])), np.zeros(count, np.int64)
    _gather(rows, labels, sums, counts)
    return (sums / np.maximum(counts, 1)[:, None]).astype(np.float32), counts


def of_length_1(centres: Rows) -> Rows:
    """Centres divided by their lengths, but for those of length 0."""
    lengths = np.sqrt(np.einsum("ij,ij->i", centres, centres))
    return (centres / np.where(lengths > 0, lengths, 1)[:, None]).astype(np.float32, copy=False)
