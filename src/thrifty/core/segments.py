"""Segments: sums, means, maxima and softmax over ragged groups of rows, without a loop.

The room's `__init__` leaves this file out, so that errors and budgets load without Numba: import
from `thrifty.core.segments`.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core.errors import IncompatibleError
from thrifty.core.kernels import njit
from thrifty.core.method import method

__all__ = [
    "Segments",
    "segment_argmax",
    "segment_count",
    "segment_max",
    "segment_mean",
    "segment_softmax",
    "segment_sum",
]


@njit(nogil=True, cache=True, error_model="numpy")
def _add(values, labels, total):
    for i in range(labels.size):
        row, into = values[i], total[labels[i]]
        for j in range(row.size):
            into[j] += row[j]


@njit(nogil=True, cache=True, error_model="numpy")
def _climb(values, labels, best, place):
    for i in range(labels.size):
        row, top, at = values[i], best[labels[i]], place[labels[i]]
        for j in range(row.size):
            x = row[j]
            if at[j] < 0 or x > top[j] or (x != x and top[j] == top[j]):
                top[j], at[j] = x, i


@method(
    source="the numpy gems 'vectorising ragged arrays' and 'VLAD'; Blelloch 1990, "
    "CMU-CS-90-190, for segmented operations",
    memory="8 * n bytes for labels, 8 * k * d for a result",
    time="O(n * d) one pass, whatever the number of segments k",
    error="sums of floats are made in float64 and rounded once: at most count * 2**-53 of the sum "
    "of magnitudes, and 2**-24 of the result where that is float32",
    exact="a loop over segments of values[labels == s].sum(axis=0)",
    laws=("segments",),
    evidence=("segments",),
)
class Segments:
    """Reduce rows that belong to numbered segments, in one pass, empty segments included.

    Every method takes values of shape (n,) or (n, d), floats, ints of up to 64 bits with a sign, or
    bools; and returns one row a segment, except softmax, which returns one a value.

    Args:
        labels: (n,) ints in 0..num_segments - 1, in any order.
        num_segments: how many segments there are; 1 + the largest label if None.

    Raises:
        TypeError: labels are not integers.
        ValueError: labels are not 1-D, or one is out of range.

    Example:
        >>> groups = Segments([2, 0, 2, 0, 2], num_segments=4)
        >>> groups.sum([1, 2, 3, 4, 5]).tolist(), groups.count().tolist()
        ([6, 0, 9, 0], [2, 0, 3, 0])
        >>> bool(groups.sum(groups.softmax([1.0, 2.0, 3.0, 4.0, 1000.0])).sum() == 2)
        True
    """

    def __init__(self, labels: ArrayLike, num_segments: int | None = None) -> None:
        self.labels = _integers("labels", labels)
        low, high = (self.labels.min(), self.labels.max()) if self.labels.size else (0, -1)
        self.num_segments = int(high) + 1 if num_segments is None else int(num_segments)
        if low < 0 or high >= self.num_segments:
            bad = int(low if low < 0 else high)
            raise ValueError(f"labels must be in 0..{self.num_segments - 1}, got {bad}")

    @classmethod
    def from_offsets(cls, offsets: ArrayLike) -> "Segments":
        """Segments that lie one after another: s is rows offsets[s]..offsets[s + 1].

        Args:
            offsets: (num_segments + 1,) ints from 0, never falling.

        Raises:
            TypeError: offsets are not integers.
            ValueError: offsets do not begin at 0, or fall.

        Example:
            >>> Segments.from_offsets([0, 2, 2, 5]).labels.tolist()
            [0, 0, 2, 2, 2]
        """
        ends = _integers("offsets", offsets)
        lengths = np.diff(ends)
        if ends.size == 0 or ends[0] != 0 or (lengths < 0).any():
            raise ValueError(f"offsets must be rising from 0, got {ends.tolist()[:10]}")
        return cls(np.repeat(np.arange(lengths.size), lengths), lengths.size)

    def __repr__(self) -> str:
        return f"Segments({self.labels.size} rows in {self.num_segments} segments)"

    def count(self) -> NDArray[np.int64]:
        """Rows of each segment, (num_segments,)."""
        return np.bincount(self.labels, minlength=self.num_segments)

    def sum(self, values: ArrayLike) -> NDArray[Any]:
        """Sum of each segment, 0 if empty; floats keep their dtype, ints and bools give int64."""
        array = self._rows(values)
        total = self._sum(array)
        return total.astype(array.dtype) if array.dtype.kind == "f" else total

    def mean(self, values: ArrayLike, *, empty: float = np.nan) -> NDArray[Any]:
        """Mean of each segment, `empty` where there is none; ints and bools give float64."""
        array = self._rows(values)
        total, count = self._sum(array).astype(np.float64, copy=False), self.count()
        total /= np.maximum(count, 1).reshape(-1, *[1] * (array.ndim - 1))
        total[count == 0] = empty
        return total.astype(array.dtype) if array.dtype.kind == "f" else total

    def max(self, values: ArrayLike, *, empty: float | None = None) -> NDArray[Any]:
        """Maximum of each segment; NaN wins; `empty` is the lowest value of the dtype if None."""
        array = self._rows(values)
        best, place = self._top(array)
        if empty is None:
            empty = -np.inf if array.dtype.kind == "f" else np.iinfo(best.dtype).min
        return np.where(place < 0, np.array(empty, best.dtype), best).astype(array.dtype)

    def argmax(self, values: ArrayLike) -> NDArray[np.int64]:
        """Row of the first maximum of each segment, counted in values; -1 if empty."""
        return self._top(self._rows(values))[1]

    def softmax(self, values: ArrayLike) -> NDArray[Any]:
        """Exponentials over their sum in the segment, column by column, of the shape of values.

        Large values do not overflow; a segment whose maximum is infinite or NaN gives NaN.
        """
        array = self._rows(values)
        kind = array.dtype if array.dtype.kind == "f" else np.float64
        with np.errstate(invalid="ignore"):
            power = np.exp(array.astype(np.float64) - self.max(array)[self.labels])
        return (power / self._sum(power)[self.labels]).astype(kind)

    def _rows(self, values: ArrayLike) -> np.ndarray:
        array = np.asarray(values)
        if array.dtype.kind == "b" or array.size == 0:
            array = array.astype(array.dtype if array.dtype.kind == "f" else np.int64)
        if array.dtype.kind not in "fiu" or array.dtype in (np.uint64, np.longdouble):
            raise TypeError(f"values must be floats, signed ints or bools, got {array.dtype}")
        if array.ndim not in (1, 2) or len(array) != self.labels.size:
            raise IncompatibleError(f"values of shape {array.shape} do not fit {self!r}")
        return array

    def _sum(self, array: np.ndarray) -> np.ndarray:
        whole = array.dtype.kind != "f"
        if array.ndim == 1 and not whole:
            return np.bincount(self.labels, array, self.num_segments)
        shape = (self.num_segments, *array.shape[1:])
        total = np.zeros(shape, np.int64 if whole else np.float64)
        rows = _matrix(array)
        _add(rows, self.labels, total.reshape(self.num_segments, rows.shape[1]))
        return total

    def _top(self, array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = _matrix(array)
        best = np.zeros((self.num_segments, rows.shape[1]), rows.dtype)
        place = np.full(best.shape, -1)
        _climb(rows, self.labels, best, place)
        shape = (self.num_segments, *array.shape[1:])
        return best.reshape(shape), place.reshape(shape)


def segment_count(labels: ArrayLike, num_segments: int | None = None) -> NDArray[np.int64]:
    """Rows of each segment; see `Segments.count`."""
    return Segments(labels, num_segments).count()


def segment_sum(
    values: ArrayLike, labels: ArrayLike, num_segments: int | None = None
) -> NDArray[Any]:
    """Sum of each segment; see `Segments.sum`.

    Example:
        >>> segment_sum([[1, 2], [3, 4], [5, 6]], [1, 1, 0]).tolist()
        [[5, 6], [4, 6]]
    """
    return Segments(labels, num_segments).sum(values)


def segment_mean(
    values: ArrayLike, labels: ArrayLike, num_segments: int | None = None
) -> NDArray[Any]:
    """Mean of each segment, NaN if empty; see `Segments.mean`."""
    return Segments(labels, num_segments).mean(values)


def segment_max(
    values: ArrayLike, labels: ArrayLike, num_segments: int | None = None
) -> NDArray[Any]:
    """Maximum of each segment; see `Segments.max`."""
    return Segments(labels, num_segments).max(values)


def segment_argmax(
    values: ArrayLike, labels: ArrayLike, num_segments: int | None = None
) -> NDArray[np.int64]:
    """Row of the first maximum of each segment; see `Segments.argmax`."""
    return Segments(labels, num_segments).argmax(values)


def segment_softmax(
    values: ArrayLike, labels: ArrayLike, num_segments: int | None = None
) -> NDArray[Any]:
    """Softmax within each segment; see `Segments.softmax`."""
    return Segments(labels, num_segments).softmax(values)


def _integers(name: str, values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got {array.dtype}")
    if array.ndim != 1:
        raise ValueError(f"{name} must be 1-D, got shape {array.shape}")
    return np.ascontiguousarray(array, dtype=np.int64)


def _matrix(array: np.ndarray) -> np.ndarray:
    """The values as (n, d) float32, float64 or int64, so that few kernels are compiled."""
    kind = np.int64 if array.dtype.kind in "iu" else max(array.dtype, np.dtype(np.float32))
    columns = array.shape[1] if array.ndim == 2 else 1
    rows = np.ascontiguousarray(array, dtype=kind).reshape(len(array), columns).view()
    rows.flags.writeable = False
    return rows
