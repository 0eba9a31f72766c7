"""Cells: a category, a number or a date as a few features: codes, values, and words for people."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thrifty.hashing import code_of, hash_column, mix64
from thrifty.models._sparse import between

__all__ = ["Category", "Date", "Numeric", "column_seed", "own_codes"]

VALUES, KNOTS, BINS = 128, 64, 16
DAY = 86_400e6
Cells = tuple[NDArray[np.int32], NDArray[np.float32]]


@functools.lru_cache(maxsize=4096)
def own_codes(name: str, what: str, number: int) -> NDArray[np.int32]:
    """Codes of `number` features that belong to a column alone, (number,) int32.

    Example:
        >>> len(set(own_codes("age", "bin", 32)) | set(own_codes("pay", "bin", 32)))
        64
    """
    return code_of(mix64(np.arange(number), column_seed(name, what)))


@functools.lru_cache(maxsize=4096)
def column_seed(name: str, what: str = "") -> int:
    """The hash seed of a column, and of what is hashed of it.

    Example:
        >>> column_seed("age") != column_seed("pay") != column_seed("pay", "last")
        True
    """
    return int(hash_column(pa.array([f"{name}\0{what}"]))[0])


@dataclass(frozen=True)
class Category:
    """A category: one feature a value, a missing one too.

    Example:
        >>> codes, values = Category("job").cells(pa.array(["nurse", None, "nurse"]))
        >>> bool(codes[0, 0] == codes[2, 0] != codes[1, 0]), values.tolist()
        (True, [[1.0], [1.0], [1.0]])
    """

    name: str
    distinct: int = 0

    @classmethod
    def fit(cls, name: str, array: pa.Array) -> "Category":
        """Note how many values a sample has."""
        return cls(name, len(pc.unique(array)))

    def coarse(self, array: pa.Array) -> NDArray[np.int32]:
        """(n,) int32, the one code of each value, to be crossed with other columns."""
        return code_of(hash_column(array, column_seed(self.name)))

    def cells(self, array: pa.Array) -> Cells:
        """Codes and values, both (n, features a row)."""
        codes = self.coarse(array)[:, None]
        return codes, np.ones(codes.shape, np.float32)

    def coarse_name(self, value: str | None) -> str:
        """What `coarse` says of a value, for people."""
        return f"{self.name} is missing" if value is None else f"{self.name} = {value}"

    def names(self, value: str | None) -> list[str]:
        """What each of `cells` says of a value, for people."""
        return [self.coarse_name(value)]


@dataclass(frozen=True)
class Numeric:
    """A number: where it lies between knots, its size, its bin, and whether it is missing.

    Two neighbouring knots share the weight 1, so the learner fits a line from knot to knot. Knots
    are quantiles of a sample, or the values themselves where there are few.

    Args:
        name: of the column.
        knots: ascending.
        edges: of the bins that are crossed with other columns, ascending.
        middle: median of the sample.
        spread: distance of its quartiles, or another measure of spread where that is 0.

    Example:
        >>> age = Numeric("age", knots=(0.0, 10.0), edges=(5.0,), middle=5.0, spread=1.0)
        >>> age.cells(pa.array([2.5]))[1][0, :2].tolist()
        [0.75, 0.25]
    """

    name: str
    knots: tuple[float, ...]
    edges: tuple[float, ...]
    middle: float
    spread: float

    @classmethod
    def fit(cls, name: str, array: pa.Array) -> "Numeric":
        """Place knots and edges by a sample, float64 with nulls."""
        x = array.drop_null().to_numpy()
        x = x if len(x) else np.zeros(1)
        distinct = np.unique(x)
        few = len(distinct) <= VALUES
        knots = distinct if few else np.unique(np.quantile(x, np.linspace(0, 1, KNOTS)))
        cuts = np.unique(np.quantile(x, np.linspace(0, 1, BINS + 1)[1:-1]))
        edges = (distinct[1:] + distinct[:-1]) / 2 if len(distinct) <= BINS else cuts
        low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
        spread = float(high - low or np.std(x) or 1.0)
        return cls(name, tuple(knots.tolist()), tuple(edges.tolist()), float(middle), spread)

    def coarse(self, array: pa.Array) -> NDArray[np.int32]:
        """(n,) int32, the code of each value's bin, to be crossed with other columns."""
        bins = np.searchsorted(self.edges, _floats(array), side="right")
        bins[_missing(array)] = len(self.edges) + 1
        return own_codes(self.name, "bin", len(self.edges) + 2)[bins]

    def cells(self, array: pa.Array) -> Cells:
        """Codes and values, both (n, 4): two knots, the scaled size, the missing mark."""
        codes, values = np.empty((len(array), 4), np.int32), np.empty((len(array), 4), np.float32)
        knots = np.array(self.knots)
        table = own_codes(self.name, "knot", len(knots) + 2)
        how = (knots, table, self.middle, self.spread)
        between(_floats(array), _missing(array), *how, codes, values)
        return codes, values

    def coarse_name(self, value: float | None) -> str:
        """What `coarse` says of a value, for people."""
        if value is None:
            return f"{self.name} is missing"
        ends = (float("-inf"), *self.edges, float("inf"))
        at = int(np.searchsorted(self.edges, value, side="right"))
        return f"{self.name} in {ends[at]:.6g}..{ends[at + 1]:.6g}"

    def names(self, value: float | None) -> list[str]:
        """What each of `cells` says of a value, for people."""
        if value is None:
            return ["", "", "", f"{self.name} is missing"]
        most = len(self.knots) - 1
        left = min(max(int(np.searchsorted(self.knots, value, "right")) - 1, 0), max(most - 1, 0))
        near = (self.knots[left], self.knots[min(left + 1, most)])
        return [*(f"{self.name} near {knot:.6g}" for knot in near), f"size of {self.name}", ""]


@dataclass(frozen=True)
class Date:
    """A date: its year, month, weekday and hour, how long before the latest, or missing.

    Example:
        >>> from datetime import datetime
        >>> day = Date("day", latest=0.0, days=10.0)
        >>> day.names(datetime(2001, 2, 3, 4))[:4]
        ['day in year 2001', 'day in month 2', 'day on weekday 6', 'day at hour 4']
    """

    name: str
    latest: float
    days: float

    @classmethod
    def fit(cls, name: str, array: pa.Array) -> "Date":
        """Note the span of a sample, timestamp[us] with nulls."""
        x = array.drop_null().cast(pa.int64()).to_numpy()
        x = x if len(x) else np.zeros(1)
        return cls(name, float(x.max()), max(float(np.ptp(x)) / DAY, 1.0))

    def cells(self, array: pa.Array) -> Cells:
        """Codes and values, both (n, 6)."""
        missing = _missing(array)
        filled = array.fill_null(0) if array.null_count else array
        table = own_codes(self.name, "part", 3 + 12 + 7 + 24)
        size, mark = np.zeros(len(array), np.int64), np.ones(len(array), np.int64)
        month = 2 + pc.month(filled).to_numpy()
        weekday = 15 + pc.day_of_week(filled).to_numpy()
        hour = 22 + pc.hour(filled).to_numpy()
        parts = table[np.stack([month, weekday, hour, size, mark], axis=1)]
        year = code_of(mix64(pc.year(filled).to_numpy(), column_seed(self.name, "year")))
        age = (filled.cast(pa.int64()).to_numpy() - self.latest) / (DAY * self.days)
        values = np.ones((len(array), 6), np.float32)
        values[:, 4], values[:, 5] = np.clip(age, -5, 5), missing
        values[missing, :5] = 0
        return np.column_stack([year, parts]), values

    def names(self, value: Any) -> list[str]:
        """What each of `cells` says of a datetime, for people."""
        if value is None:
            return ["", "", "", "", "", f"{self.name} is missing"]
        parts = (f"in year {value.year}", f"in month {value.month}")
        times = (f"on weekday {value.isoweekday()}", f"at hour {value.hour}")
        return [*(f"{self.name} {part}" for part in parts + times), f"age of {self.name}", ""]


def _floats(array: pa.Array) -> NDArray[np.float64]:
    x = (array.fill_null(0.0) if array.null_count else array).to_numpy()
    return np.ascontiguousarray(x)


def _missing(array: pa.Array) -> NDArray[np.bool_]:
    if array.null_count == 0:
        return np.zeros(len(array), bool)
    return pc.is_null(array).to_numpy(zero_copy_only=False)
