"""Density sketch: how dense rows are at a point, and new rows like them, from a small table."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import Summary, budget_for, in_range, method, taken, whole
from thrifty.core.kernels import njit
from thrifty.hashing.keys import join, key_of, seed_key
from thrifty.sketch._lsh import finite_rows
from thrifty.sketch.countsketch import CountSketch

__all__ = ["DensitySketch"]

BLOCK = 8192
FARTHEST = 2.0**52
GRID = 0x67726964
COUNTER, BESIDE = 40, 8  # bytes: a column of the count-sketch, the number of rows


@njit(nogil=True, cache=True, error_model="numpy")
def _cells(rows, shifts, width, keys, codes, words):
    """Cell of each row in each shifted grid, and its 64-bit key."""
    for i in range(rows.shape[0]):
        for grid in range(shifts.shape[0]):
            word = keys[grid]
            for j in range(rows.shape[1]):
                place = np.floor(np.float64(rows[i, j]) / width + shifts[grid, j])
                cell = np.int64(min(max(place, -FARTHEST), FARTHEST))
                codes[i, grid, j] = cell
                word = join(word, np.uint64(cell))
            words[i, grid] = word


@method(
    source="Coleman and Shrivastava 2022, Density sketches for sampling and estimation, "
    "arXiv:2102.12301 (average of shifted histograms: Scott 1985, doi:10.1214/aos/1176349654)",
    memory="8 * 5 * counters + (8 * (dim + 1) + 8) * heavy bytes",
    time="grids cells a row, and a look at the heaviest cells a block",
    error="a histogram of cells of that width, averaged over shifts; the count of a cell is off by "
    "about sqrt(second moment of cells / counters)",
    exact="average of shifted histograms",
    laws=("summary", "budget"),
    evidence=("densitysketch",),
)
class DensitySketch(Summary):
    """Estimate densities of a stream of rows, and draw new rows from them.

    Space is cut into cells by several grids of one width, each shifted at random. The counts of
    cells are kept in a count-sketch, the heaviest cells beside it by place, so that rows can be
    drawn inside them. It suits few columns (up to ten or so): project others first. Rows with
    values that are not finite are left out.

    Args:
        dim: columns of a row, 1..1000.
        width: of a cell, in the unit of the columns, above 0; shrink it as n**(-1 / (dim + 2)).
        grids: shifted grids, 1..256.
        counters: of the count-sketch a row, 1..2**28.
        heavy: cells kept by place, 1..2**24.
        seed: of the shifts, 0..2**64 - 1.

    Raises:
        ValueError: an argument outside its range.
        IncompatibleError: rows of another width.

    Example:
        >>> x = np.random.default_rng(0).random((20_000, 2))
        >>> sketch = DensitySketch(2, width=0.25, seed=1).add(x)
        >>> bool(abs(sketch.density([[0.5, 0.5]])[0] - 1) < 0.2)
        True
        >>> bool(abs(sketch.sample(1000, seed=2).mean() - 0.5) < 0.05)
        True
    """

    KIND = "density-sketch"

    def __init__(
        self,
        dim: int,
        *,
        width: float,
        grids: int = 8,
        counters: int = 65_536,
        heavy: int = 4096,
        seed: int = 0,
    ) -> None:
        self.dim = int(in_range("dim", dim, 1, 1000))
        self.width = float(in_range("width", width, 1e-30, 1e30))
        self.grids = int(in_range("grids", grids, 1, 256))
        self.counters = int(in_range("counters", counters, 1, 2**28))
        self.heavy, self.seed = int(in_range("heavy", heavy, 1, 2**24)), seed
        self._counts = CountSketch(5, self.counters, seed=seed)
        self._place()
        self._words = np.zeros(0, np.uint64)
        self._codes = np.zeros((0, self.dim + 1), np.int64)
        self._rows = np.zeros(1, np.int64)

    @classmethod
    def within(
        cls, budget: int | str, dim: int, *, width: float, grids: int = 8, seed: int = 0
    ) -> Self:
        """A quarter of the budget for heavy cells, the rest for counters.

        Args:
            budget: bytes.
            dim, width, grids, seed: as of the class.

        Raises:
            BudgetError: the budget is below one counter and one heavy cell.
            ValueError: an argument is out of range.
        """
        cell = 8 * (whole("dim", dim, 1, 1000) + 2)
        least = COUNTER + cell + BESIDE
        nbytes = budget_for(f"densities of {dim} columns", budget, least) - BESIDE
        heavy = min(max(1, nbytes // 4 // cell), 2**24)
        counters = min((nbytes - heavy * cell) // COUNTER, 2**28)
        sizes = {"counters": counters, "heavy": heavy}
        return cls(dim, width=width, grids=grids, seed=seed, **sizes)

    def _place(self) -> None:
        """Shifts and keys of the grids."""
        self._shifts = np.random.default_rng([self.seed, GRID]).random((self.grids, self.dim))
        base = int(seed_key(self.seed, GRID))
        keys = [key_of(np.uint64((base + grid) % 2**64)) for grid in range(self.grids)]
        self._keys = np.array(keys, np.uint64)

    @property
    def rows(self) -> int:
        """Rows that were added."""
        return int(self._rows[0])

    @property
    def covered(self) -> float:
        """Share of the rows' mass that lies in the cells kept by place; samples come from these."""
        if self.rows == 0:
            return float("nan")
        kept = np.maximum(self._counts.estimate(self._words), 0).sum()
        return float(min(1.0, kept / (self.rows * self.grids)))

    def add(self, x: ArrayLike) -> Self:
        """Add rows.

        Args:
            x: (n, dim) float32.

        Raises:
            IncompatibleError: rows of another width.
        """
        rows, good = finite_rows(x, self.dim)
        rows = rows[good]
        for start in range(0, len(rows), BLOCK):
            codes, words = self._found(rows[start : start + BLOCK])
            self._counts.add(words.ravel())
            grid = np.tile(np.arange(self.grids), len(words))
            flat = np.column_stack([grid, codes.reshape(-1, self.dim)])
            self._keep(words.ravel(), flat)
        self._rows += len(rows)
        return self

    def density(self, x: ArrayLike) -> NDArray[np.float64]:
        """Estimated density at points: mean over grids of count / (rows * volume of a cell).

        Args:
            x: (n, dim) float32.

        Returns:
            (n,) float64, 0 or more; NaN where nothing was added or a point is not finite.

        Raises:
            IncompatibleError: points of another width.
        """
        points, good = finite_rows(x, self.dim)
        found = np.full(len(points), np.nan)
        if self.rows and good.any():
            _, words = self._found(points[good])
            counts = self._counts.estimate(words.ravel()).reshape(words.shape)
            volume = self.width**self.dim
            found[good] = np.maximum(0, counts.mean(axis=1)) / (self.rows * volume)
        return found

    def sample(self, n: int, *, seed: int = 0) -> NDArray[np.float64]:
        """New rows: a heavy cell by its count, and a point in it at random.

        Args:
            n: rows, 0 or more.
            seed: of the draws.

        Returns:
            (n, dim) float64.

        Raises:
            ValueError: nothing was added.
        """
        counts = np.maximum(self._counts.estimate(self._words), 0).astype(np.float64)
        if counts.sum() == 0:
            raise ValueError("rows must be added before some are drawn, got none")
        rng = np.random.default_rng([seed, GRID])
        picks = rng.choice(counts.size, in_range("n", n, 0, 2**40), p=counts / counts.sum())
        inside = rng.random((len(picks), self.dim))
        cells = self._codes[picks]
        return (cells[:, 1:] + inside - self._shifts[cells[:, 0]]) * self.width

    def _found(self, rows: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        codes = np.empty((len(rows), self.grids, self.dim), np.int64)
        words = np.empty((len(rows), self.grids), np.uint64)
        _cells(rows, self._shifts, self.width, self._keys, codes, words)
        return codes, words

    def _keep(self, words: NDArray[np.uint64], codes: NDArray[np.int64]) -> None:
        """Of the cells kept and these, keep the heaviest; in the order of their keys."""
        both, first = np.unique(np.concatenate([self._words, words]), return_index=True)
        places = np.concatenate([self._codes, codes])[first]
        if both.size > self.heavy:
            counts = self._counts.estimate(both)
            best = np.sort(np.argsort(-counts, kind="stable")[: self.heavy])
            both, places = both[best], places[best]
        self._words, self._codes = both, places

    def spec(self) -> dict[str, Any]:
        """All arguments."""
        names = ("dim", "width", "grids", "counters", "heavy", "seed")
        return {name: getattr(self, name) for name in names}

    def arrays(self) -> dict[str, np.ndarray]:
        """Counters, heavy cells and the number of rows."""
        table = self._counts.arrays()["table"]
        held = {"words": self._words, "codes": self._codes, "rows": self._rows}
        return {"table": table, **held}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The sketch of this spec and these arrays."""
        given: dict[str, Any] = {**spec, "counters": 1}
        made = cls(**given)
        told = {"rows": 5, "width": spec["counters"], "seed": spec["seed"]}
        made._counts = CountSketch.restore(told, {"table": arrays["table"]})
        made.counters = made._counts.width
        made._words = taken(arrays, "words", np.uint64, (None,))
        made._codes = taken(arrays, "codes", np.int64, (made._words.size, made.dim + 1))
        made._rows = taken(arrays, "rows", np.int64, (1,))
        grid = made._codes[:, 0]
        if made._words.size > made.heavy or (made._words[1:] <= made._words[:-1]).any():
            raise ValueError(f"words must be at most {made.heavy} in rising order")
        if ((grid < 0) | (grid >= made.grids)).any():
            raise ValueError(f"codes must be of grids 0..{made.grids - 1}")
        return made

    def _absorb(self, other: Self) -> None:
        self._counts.absorb(other._counts)
        self._rows += other._rows
        self._keep(other._words, other._codes)
