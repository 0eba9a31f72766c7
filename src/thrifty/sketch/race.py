"""RACE: how dense a stream of vectors is around a point, from small arrays of counters."""

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import (
    IncompatibleError,
    Interval,
    LinearSummary,
    budget_for,
    in_range,
    method,
    taken,
    whole,
)
from thrifty.core.kernels import njit
from thrifty.hashing import SimHash
from thrifty.sketch._lsh import (
    Family,
    cells_of,
    described,
    finite_rows,
    mean_of_tables,
    remade,
    restored,
)

__all__ = ["RACE"]

WIDEST, MOST_TABLES = 1 << 20, 65536
BLOCK = 4096


@njit(nogil=True, cache=True, error_model="numpy")
def _insert(counts, cells, weights):
    for i in range(cells.shape[0]):
        for row in range(cells.shape[1]):
            counts[row, cells[i, row]] += weights[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _look_up(counts, cells, out):
    for i in range(cells.shape[0]):
        for row in range(cells.shape[1]):
            out[i, row] = counts[row, cells[i, row]]


@method(
    source="Coleman and Shrivastava 2020, Sub-linear RACE sketches for approximate kernel density "
    "estimation on streaming data, doi:10.1145/3366423.3380244",
    memory="8 * tables * width bytes, tables being those of the family",
    time="the codes of a row, and one counter a table",
    error="unbiased for the sum of weights times collision probability; variance at most "
    "(sum of abs(weight) * sqrt(collision))**2 / tables",
    exact="kernel density with the collision probability as kernel",
    laws=("summary", "merge", "linear", "budget"),
    evidence=("race",),
)
class RACE(LinearSummary):
    """Estimate kernel densities of a stream of vectors in fixed memory.

    Each table of an LSH family has a row of counters; a vector adds its weight to the counter of
    its code in every row. The counter of a query's code holds, on average, the weights of all
    vectors times the probability that they share the query's code, which is the kernel. Rows with
    values that are not finite are left out.

    Args:
        family: `SimHash` (angles) or `PStable` (distances), made from a seed.
        width: counters a row, 2..2**20; codes are hashed into them, and what that adds on average
            is taken off again. None for one counter a code, at most 2**20 codes.

    Raises:
        ValueError: width is out of range, or None with too many codes.
        IncompatibleError: the family has planes that were given; rows of another width.

    Example:
        >>> from thrifty.hashing import SimHash
        >>> x = np.random.default_rng(0).standard_normal((500, 10))
        >>> family = SimHash(10, 2, 400, seed=1)
        >>> race = RACE(family).add(x)
        >>> cosines = (x @ x[0]) / np.linalg.norm(x, axis=1) / np.linalg.norm(x[0])
        >>> exact = family.collision(cosines)
        >>> bool(abs(race.estimate(x[:1])[0] - exact.sum()) < 4 * np.sqrt(exact).sum() / 20)
        True
    """

    KIND = "race"

    def __init__(self, family: Family, width: int | None = None) -> None:
        self.family = remade(family)
        if width is None and family.num_codes > WIDEST:
            raise ValueError(f"width must be given for {family.num_codes} codes, got None")
        self.width = None if width is None else int(in_range("width", width, 2, WIDEST))
        cells = family.num_codes if self.width is None else self.width
        self.counts = np.zeros((family.tables, cells), np.int64)

    @classmethod
    def within(cls, budget: int | str, dim: int, *, bits: int = 4, seed: int = 0) -> Self:
        """By angles, with the most tables that fit, counters and planes together.

        Args:
            budget: bytes.
            dim: length of a vector, 1..2**20.
            bits: planes a table, 1..16; the more, the narrower the kernel.
            seed: of the planes.

        Raises:
            BudgetError: the budget is below one table.
            ValueError: dim or bits is out of range.
        """
        planes, codes = whole("bits", bits, 1, 16), 2**bits
        table = 8 * codes + 4 * planes * whole("dim", dim, 1, WIDEST)
        nbytes = budget_for(f"a RACE sketch of {dim} columns", budget, table)
        return cls(SimHash(dim, planes, min(nbytes // table, MOST_TABLES), seed=seed))

    @classmethod
    def for_error(cls, error: float, dim: int, *, bits: int = 4, seed: int = 0) -> Self:
        """By angles, with the fewest tables whose densities have at most this standard error.

        Args:
            error: of a density, which is in 0..1; 1/256..0.5.
            dim, bits, seed: as for `within`.

        Raises:
            ValueError: an argument is out of range.
        """
        tables = math.ceil(1 / in_range("error", error, 2**-8, 0.5) ** 2)
        return cls(
            SimHash(whole("dim", dim, 1, WIDEST), whole("bits", bits, 1, 16), tables, seed=seed)
        )

    def add(self, x: ArrayLike, weights: ArrayLike | None = None) -> Self:
        """Add rows of vectors.

        Args:
            x: (n, dim) float32.
            weights: (n,) integers of any sign; None for 1 each.

        Raises:
            IncompatibleError: rows of another width, or weights of another number.
            ValueError: weights that are not integers.
        """
        rows, good = finite_rows(x, self.family.dim)
        each = _weights(weights, len(rows))
        rows, each = rows[good], each[good]
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            _insert(self.counts, cells_of(self.family, rows[part], self.width), each[part])
        return self

    @property
    def total(self) -> int:
        """Sum of all weights: every row of counters has it."""
        return int(self.counts[0].sum())

    def estimate(self, x: ArrayLike, *, groups: int = 1) -> NDArray[np.float64]:
        """Sum of weights times the kernel between each query and the vectors of the stream.

        Args:
            x: (n, dim) float32.
            groups: of tables; the answer is the median of their means. 1 is the mean of all;
                about sqrt(tables) resists outliers.

        Returns:
            (n,) float64; NaN where a query is not finite.

        Raises:
            IncompatibleError: rows of another width.
            ValueError: more groups than tables.
        """
        in_range("groups", groups, 1, self.family.tables)
        found = self.each_table(x)
        parts = np.array_split(found, groups, axis=1)
        return np.median([part.mean(axis=1) for part in parts], axis=0)

    def density(self, x: ArrayLike, *, groups: int = 1) -> NDArray[np.float64]:
        """Mean of the kernel over the stream: the estimate over the sum of weights.

        Returns:
            (n,) float64; NaN where nothing was added.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.estimate(x, groups=groups) / np.float64(self.total)

    def interval(self, x: ArrayLike, confidence: float = 0.95) -> Interval:
        """Estimates, and for each the ends that the spread between tables gives.

        Args:
            x: (n, dim) float32.
            confidence: 0.5..0.9999; kept on average over queries, where tables are 30 or more.

        Returns:
            An `Interval` of three (n,) arrays.

        Raises:
            IncompatibleError: rows of another width.
            ValueError: confidence is out of range.
        """
        return mean_of_tables(self.each_table(x), confidence)

    def each_table(self, x: ArrayLike) -> NDArray[np.float64]:
        """What each table alone would answer, without what other codes add by their hashes.

        Returns:
            (n, tables) float64; NaN where a query is not finite.
        """
        rows, good = finite_rows(x, self.family.dim)
        out = np.empty((len(rows), self.family.tables), np.float64)
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            _look_up(self.counts, cells_of(self.family, rows[part], self.width), out[part])
        out[~good] = np.nan
        if self.width is None:
            return out
        return (out - self.total / self.width) / (1 - 1 / self.width)

    def copy(self) -> Self:
        """A sketch with counters of its own; the family, which never changes, is shared."""
        twin = type(self).__new__(type(self))
        twin.family, twin.width, twin.counts = self.family, self.width, self.counts.copy()
        return twin

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.family!r}, width={self.width})"

    def spec(self) -> dict[str, Any]:
        """The family and the width."""
        return {"family": described(self.family), "width": self.width}

    def arrays(self) -> dict[str, np.ndarray]:
        """The counters."""
        return {"counts": self.counts}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The sketch of this spec and these counters."""
        race = cls.restored(spec, arrays)
        if (race.counts.sum(axis=1) != race.total).any():
            raise ValueError("rows of counters must have one sum")
        return race

    @classmethod
    def restored(cls, spec: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """As `restore`, where noise may have given each row of counters a sum of its own."""
        race = cls.__new__(cls)
        race.family, race.width = restored(spec["family"]), spec["width"]
        cells = race.family.num_codes
        if race.width is not None:
            cells = race.width = int(in_range("width", race.width, 2, WIDEST))
        race.counts = taken(arrays, "counts", np.int64, (race.family.tables, cells))
        return race


def _weights(weights: ArrayLike | None, rows: int) -> NDArray[np.int64]:
    if weights is None:
        return np.ones(rows, np.int64)
    given = np.asarray(weights)
    if given.size and given.dtype.kind not in "iub":
        raise ValueError(f"weights must be integers, got {given.dtype}")
    if given.ndim > 1 or given.size not in (1, rows):
        raise IncompatibleError(f"weights of shape {given.shape} must be ({rows},)")
    return np.ascontiguousarray(np.broadcast_to(given.astype(np.int64), (rows,)))
