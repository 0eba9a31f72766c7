"""K-means of codebooks: the best k values of each row, exactly; the nearest of words to parts."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, whole
from thrifty.core.kernels import njit

__all__ = ["kmeans_1d", "kmeans_words", "nearest_words", "word_sums"]

MOST_VALUES = 1 << 16


@njit(error_model="numpy")
def _cost(sums, first, last):
    """Weighted squared distances of values first..last to their mean."""
    weight = sums[0, last + 1] - sums[0, first]
    mean = sums[1, last + 1] - sums[1, first]
    return max(sums[2, last + 1] - sums[2, first] - mean * mean / weight, 0.0)


@njit(error_model="numpy")
def _best_split(sums, before, last, low, high):
    """Where the last cluster of values 0..last begins, if between low and high; and the cost."""
    best, place = np.inf, low
    for first in range(low, high + 1):
        cost = before[first - 1] + _cost(sums, first, last)
        if cost < best:
            best, place = cost, first
    return best, place


@njit(error_model="numpy")
def _layer(sums, clusters, before, after, splits):
    """Costs of one cluster more: a split never moves left as values are added on the right."""
    n = before.size
    stride = 1
    while stride < n:
        stride *= 2
    while stride > 0:
        for last in range(stride - 1, n, 2 * stride):
            if last < clusters:
                after[last], splits[last] = 0.0, last
                continue
            low = max(clusters, splits[last - stride] if last >= stride else clusters)
            high = min(last, splits[last + stride] if last + stride < n else last)
            after[last], splits[last] = _best_split(sums, before, last, low, high)
        stride //= 2


@njit(error_model="numpy")
def _mean(values, weights, first, stop):
    """The weighted mean of values."""
    total = weight = 0.0
    for i in range(first, stop):
        total += weights[i] * values[i]
        weight += weights[i]
    return total / weight


@njit(nogil=True, cache=True, error_model="numpy")
def _best_means(values, weights, means):
    """The k means of each sorted row that leave the least weighted squared distance."""
    rows, n = values.shape
    k = min(means.shape[1], n)
    sums = np.zeros((3, n + 1))
    before, after = np.empty(n), np.empty(n)
    splits = np.zeros((k, n), np.int64)
    for r in range(rows):
        row, weight = values[r], weights[r]
        middle = row[n // 2]
        for i in range(n):
            value = row[i] - middle
            sums[0, i + 1] = sums[0, i] + weight[i]
            sums[1, i + 1] = sums[1, i] + weight[i] * value
            sums[2, i + 1] = sums[2, i] + weight[i] * value * value
            before[i] = _cost(sums, 0, i)
        for clusters in range(1, k):
            _layer(sums, clusters, before, after, splits[clusters])
            before, after = after, before
        stop = n
        for cluster in range(k - 1, -1, -1):
            first = splits[cluster, stop - 1] if cluster else 0
            means[r, cluster] = _mean(row, weight, first, stop)
            stop = first
        means[r, k:] = means[r, k - 1]


def kmeans_1d(values: ArrayLike, k: int, weights: ArrayLike | None = None) -> NDArray[np.float64]:
    """The k means of each row that are nearest to its values: the best there are, not a local best.

    Values are sorted, so that clusters are runs; the best cut into runs is found by dynamic
    programming over sums of prefixes, with splits that only move right (Wu 1991,
    doi:10.1016/0196-6774(91)90039-2; Wang and Song 2011, doi:10.32614/RJ-2011-015): k n log n a
    row.

    Args:
        values: (rows, n) finite floats, n >= 1.
        k: means of a row, 1..65536; where a row has fewer values the last mean is repeated.
        weights: (n,) or (rows, n) of at least 0; 1 each if None. They count in proportion to the
            largest of a row; what is below 1e-12 of it counts as that.

    Returns:
        (rows, k) means, ascending.

    Raises:
        ValueError: k is out of its range, values or weights are not finite, a weight is negative.
        IncompatibleError: the shapes do not fit.

    Example:
        >>> kmeans_1d([[0.0, 9, 1, 8, 30]], 3).tolist()
        [[0.5, 8.5, 30.0]]
        >>> kmeans_1d([[0.0, 9, 1, 8, 30]], 2, weights=[1, 1, 1, 1, 0]).round(9).tolist()
        [[0.5, 8.5]]
    """
    whole("k", k, 1, MOST_VALUES)
    found = np.asarray(values, np.float64)
    if found.ndim != 2 or not found.shape[1]:
        raise IncompatibleError(f"values must be (rows, n >= 1), got shape {found.shape}")
    shares = _shares(found, weights)
    order = np.argsort(found, axis=1, kind="stable")
    means = np.empty((len(found), k))
    _best_means(
        np.take_along_axis(found, order, 1), np.take_along_axis(shares, order, 1), means
    )  # fmt: skip
    return means


def _shares(values: NDArray[np.float64], weights: ArrayLike | None) -> NDArray[np.float64]:
    """Weights of all values, as shares of the largest of their row."""
    if not np.isfinite(values).all():
        raise ValueError("values must be finite, got inf or NaN")
    if weights is None:
        return np.ones_like(values)
    found = np.asarray(weights, np.float64)
    if found.shape not in (values.shape, values.shape[1:]):
        raise IncompatibleError(f"weights of shape {found.shape} do not fit {values.shape}")
    if not (np.isfinite(found).all() and (found >= 0).all()):
        raise ValueError("weights must be finite and at least 0, got others")
    top = found.max(axis=-1, keepdims=True)
    shares = np.maximum(np.where(top > 0, found / np.where(top > 0, top, 1), 1), 1e-12)
    return np.broadcast_to(shares, values.shape)


@njit(nogil=True, cache=True, error_model="numpy")
def nearest_words(parts, weights, words, codes):
    """Of each part the nearest word of its own place, the first of equals.

    Args:
        parts: (n, places, each) float32.
        weights: of the squared gaps, of the same shape; or (0, 0, 0) if all count alike.
        words: (places, each, k) float32: words of a place lie beside each other, as one register.
        codes: (n, places) of an unsigned dtype that holds k - 1, written.
    """
    gaps = np.empty(words.shape[2], np.float32)
    for i in range(parts.shape[0]):
        for m in range(parts.shape[1]):
            part, mine = parts[i, m], words[m]
            gaps[:] = np.float32(0)
            for t in range(part.size):
                number, column = part[t], mine[t]
                weight = weights[i, m, t] if weights.size else np.float32(1)
                for c in range(gaps.size):
                    gap = number - column[c]
                    gaps[c] += weight * gap * gap
            codes[i, m] = gaps.argmin()


@njit(nogil=True, cache=True, error_model="numpy")
def word_sums(parts, weights, codes, sums, totals):
    """Add weighted parts, and their weights, to those of the words they are nearest to.

    Args:
        parts, weights, codes: as of `nearest_words`.
        sums, totals: (places, each, k) float64; both change.
    """
    for i in range(parts.shape[0]):
        for m in range(parts.shape[1]):
            code = codes[i, m]
            for t in range(parts.shape[2]):
                weight = weights[i, m, t] if weights.size else np.float32(1)
                sums[m, t, code] += np.float64(weight) * parts[i, m, t]
                totals[m, t, code] += weight


def kmeans_words(
    parts: NDArray[np.float32],
    k: int,
    weights: NDArray[np.float32] | None = None,
    *,
    rounds: int = 20,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Words of each place by Lloyd's rounds; of parts of one number, the best there are.

    Args:
        parts: (n, places, each), n at least 1, finite.
        k: words of a place.
        weights: (n, places, each) of at least 0; 1 each if None.
        rounds: of Lloyd's.
        seed: what first words are drawn by, and those that begin anew when no part is near.

    Returns:
        (places, each, k), within the least and largest number of each place.
    """
    n, places, each = parts.shape
    if each == 1:
        rows = None if weights is None else weights[:, :, 0].T
        return kmeans_1d(parts[:, :, 0].T, k, rows).astype(np.float32)[:, None]
    rng = np.random.default_rng(seed)
    drawn = parts[rng.choice(n, k, replace=n < k)]
    words = np.ascontiguousarray(drawn.transpose(1, 2, 0))
    codes = np.empty((n, places), np.uint16)
    shares = np.empty((0, 0, 0), np.float32) if weights is None else weights
    for _ in range(rounds):
        nearest_words(parts, shares, words, codes)
        sums, totals = np.zeros(words.shape), np.zeros(words.shape)
        word_sums(parts, shares, codes, sums, totals)
        anew = parts[rng.integers(0, n, k)].transpose(1, 2, 0)
        words = np.where(totals > 0, sums / np.where(totals > 0, totals, 1), anew)
        words = words.astype(np.float32)
    return words
