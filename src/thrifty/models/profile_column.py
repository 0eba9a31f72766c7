"""Profile column: what one column of a stream looks like, as one summary."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thrifty.core import Summary, in_range, one_of, packed, taken, unpacked
from thrifty.sketch import KLL, HeavyHitters, HyperLogLog

__all__ = ["LONGEST", "ColumnProfile"]

KINDS = ("text", "category", "number", "date", "list")
MEMBERS = {kind.KIND: kind for kind in (HyperLogLog, HeavyHitters, KLL)}
COUNTS = ("rows", "missing", "unreadable", "zeros", "negative")
MOMENTS = ("count", "mean", "scatter")
ENDS = 8
LONGEST = 64


class ColumnProfile(Summary):
    """Distinct and frequent values, quantiles, moments and ends of a column, in one pass.

    Numbers and dates have quantiles of their values (dates as seconds since 1970), texts and
    categories of their lengths in characters, lists of their lengths in items; the distinct and
    frequent values of lists are those of their items.

    Args:
        kind: text, category, number, date or list.
        p: of the HyperLogLog.
        slots: of the HeavyHitters.
        k: of the KLL.
        seed: of all of them.

    Raises:
        ValueError: the kind is none of these, or an argument is out of range.

    Example:
        >>> ages = ColumnProfile("number").add(pa.array([1.0, 2.0, 2.0, None]))
        >>> ages.counts["missing"], ages.distinct.count(), ages.frequent(1)[0].value, ages.mean
        (1, 2.0, 2.0, 1.6666666666666667)
    """

    KIND = "column-profile"

    def __init__(
        self, kind: str, *, p: int = 14, slots: int = 1024, k: int = 256, seed: int = 0
    ) -> None:
        self.kind = one_of("kind", kind, KINDS)
        self.distinct = HyperLogLog(p, seed=seed)
        self._hitters = HeavyHitters(slots, longest=LONGEST, seed=seed)
        self.values = KLL(k, seed=seed)
        self._counts = np.zeros(len(COUNTS), np.int64)
        self._moments = np.zeros(len(MOMENTS))
        self._lowest = self._highest = np.zeros(0)

    def spec(self) -> dict[str, Any]:
        """Kind and the specs of the sketches."""
        return {"kind": self.kind, "members": packed(self._members)[0]}

    def arrays(self) -> dict[str, NDArray]:
        """Those of the sketches, and the counts, moments and ends."""
        own = {
            "counts": self._counts, "moments": self._moments,
            "lowest": self._lowest, "highest": self._highest,
        }  # fmt: skip
        return packed(self._members)[1] | own

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, NDArray]) -> Self:
        """From the kind and its sketches."""
        members = unpacked(spec["members"], arrays, MEMBERS)
        made = cls(spec["kind"], p=4, slots=1, k=8)
        made.distinct, made._hitters = members["distinct"], members["frequent"]
        made.values = members["values"]
        if [type(part) for part in members.values()] != [HyperLogLog, HeavyHitters, KLL]:
            raise TypeError(f"sketches of another kind: {', '.join(members)}")
        made._counts = taken(arrays, "counts", np.int64, (len(COUNTS),))
        made._moments = taken(arrays, "moments", np.float64, (len(MOMENTS),))
        made._lowest = taken(arrays, "lowest", np.float64, (None,))[:ENDS]
        made._highest = taken(arrays, "highest", np.float64, (None,))[:ENDS]
        return made

    @property
    def _members(self) -> dict[str, Summary]:
        return {"distinct": self.distinct, "frequent": self._hitters, "values": self.values}

    def add(self, column: Any, unreadable: int = 0) -> Self:
        """Add values in the canonical type of the kind; see `data.Schema.cast`.

        Args:
            column: an Arrow array: string, float64, timestamp or list.
            unreadable: how many of its nulls are values that could not be read.
        """
        column = _array(column, self.kind)
        self._counts[:3] += len(column), column.null_count, unreadable
        present = column.drop_null()
        items = present.flatten().drop_null() if self.kind == "list" else present
        self.distinct.add(items)
        self._hitters.add(items)
        self._measure(_measured(present, self.kind))
        return self

    def _measure(self, values: NDArray[np.float64]) -> None:
        if not values.size:
            return
        self.values.add(values)
        self._counts[3:] += np.count_nonzero(values == 0), np.count_nonzero(values < 0)
        mean = values.mean()
        self._join(np.array([values.size, mean, ((values - mean) ** 2).sum()]))
        self._reach(values)

    def _join(self, more: NDArray[np.float64]) -> None:
        """Moments of both parts together."""
        (n, mean, scatter), (m, other, spread) = self._moments, more
        if n == 0 or m == 0:
            self._moments = (self._moments if m == 0 else more).copy()
            return
        apart = other - mean
        joined = (n + m, mean + apart * m / (n + m), scatter + spread + apart**2 * n * m / (n + m))
        self._moments = np.array(joined)

    def _reach(self, values: NDArray[np.float64]) -> None:
        """Keep the smallest and the largest distinct values."""
        if self._lowest.size == ENDS:
            values = values[(values < self._lowest[-1]) | (values > self._highest[0])]
        else:
            values = values[~np.isin(values, self._lowest)]
        if values.size:
            self._lowest = np.unique(np.append(self._lowest, values))[:ENDS]
            self._highest = np.unique(np.append(self._highest, values))[-ENDS:]

    def _absorb(self, other: Self) -> None:
        for mine, theirs in zip(self._members.values(), other._members.values(), strict=True):
            mine.absorb(theirs)
        self._counts = self._counts + other._counts
        self._join(other._moments)
        self._reach(other._lowest)
        self._reach(other._highest)

    @property
    def nbytes(self) -> int:
        """Bytes of the sketches and of what is counted."""
        own = self._counts.nbytes + self._moments.nbytes + self._lowest.nbytes
        return own + self._highest.nbytes + sum(part.nbytes for part in self._members.values())

    @property
    def counts(self) -> dict[str, int]:
        """Rows, and how many are missing, unreadable, zero and negative."""
        return dict(zip(COUNTS, self._counts.tolist(), strict=True))

    @property
    def mean(self) -> float:
        """Mean of the numbers or lengths; NaN if there are none."""
        return float(self._moments[1]) if self._moments[0] else float("nan")

    @property
    def deviation(self) -> float:
        """Standard deviation of the numbers or lengths; NaN if there are fewer than two."""
        count, _, scatter = self._moments
        return float(np.sqrt(scatter / (count - 1))) if count > 1 else float("nan")

    @property
    def ends(self) -> tuple[list[float], list[float]]:
        """Up to 8 of the smallest and of the largest distinct values, both growing."""
        return self._lowest.tolist(), self._highest.tolist()

    def frequent(self, k: int = 10) -> list[Any]:
        """The most frequent values with bounds; see `HeavyHitters.frequent`.

        Raises:
            ValueError: k is out of range.
        """
        return self._hitters.frequent(in_range("k", k, 1, 2**26))

    @property
    def total(self) -> int:
        """How many values, or items of lists, were counted."""
        return self._hitters.total

    @property
    def overlooked(self) -> int:
        """The most that a value which is not among the frequent ones was there."""
        return self._hitters.error_bound()

    def bounds(self, values: list[Any]) -> NDArray[np.int64]:
        """(2, n) the least and the most that each of these values was there."""
        _, low, high = self._hitters.estimate(_array(values, self.kind_of_items))
        return np.array([low, high])

    @property
    def kind_of_items(self) -> str:
        """The kind of what is counted: of a list, its items are categories."""
        return "category" if self.kind == "list" else self.kind


def _array(column: Any, kind: str) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.Array):
        return array
    types = {"number": pa.float64(), "date": pa.timestamp("us"), "list": pa.list_(pa.string())}
    return pa.array(array, types.get(kind, pa.string()))


def _measured(present: pa.Array, kind: str) -> NDArray[np.float64]:
    """What quantiles are taken of: values, moments in seconds, or lengths."""
    if kind == "number":
        values = present.cast(pa.float64()).to_numpy()
        return values[np.isfinite(values)]
    if kind == "date":
        return present.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() / 1e6
    sizes = pc.list_value_length(present) if kind == "list" else pc.utf8_length(present)
    return sizes.cast(pa.float64()).to_numpy()
