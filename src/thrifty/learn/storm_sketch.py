"""STORM sketch: the empirical risk of any linear model, from arrays of counters."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, LinearSummary, budget_for, in_range, method
from thrifty.hashing import SimHash
from thrifty.sketch import RACE

__all__ = ["StormSketch"]

MOST_TABLES = 65536


@method(
    source="Coleman, Gupta, Chen and Shrivastava 2020, STORM: foundations of end-to-end empirical "
    "risk minimization on the edge, arXiv:2006.14554",
    memory="8 * tables * 2**bits bytes",
    time="2 * (dim + 2) * bits * tables operations a row or a model",
    error="unbiased for the mean surrogate loss; standard error at most sqrt(mean loss / tables)",
    exact="mean of the surrogate over all rows",
    laws=("summary", "merge", "linear", "budget"),
    evidence=("storm_sketch",),
)
class StormSketch(LinearSummary):
    """Keep of a stream of rows only what it takes to train a linear model later.

    A row is scaled into the unit ball and hashed with a tail that makes it a unit vector (ALSH), a
    model with a tail of its own; they share a code of `bits` planes with probability
    (1 - acos(t) / pi)**bits, t their inner product. With `paired` the opposite of a row is counted
    too, at the complement of its code, so that the loss of a model is even in t, least at t = 0
    and a surrogate of the squared error; without, it falls as t falls, a surrogate of the margin.

    Args:
        dim: length of a row, 1..100,000; a target counts as a column.
        radius: norm that becomes 1, above 0; longer rows are shortened to it.
        tables: arrays of counters, 1..65,536.
        bits: planes in a code, 1..16; 2 or more where paired.
        paired: count the opposite of each row too.
        seed: of the planes.

    Raises:
        ValueError: an argument outside its range.
        IncompatibleError: rows of another length.

    Example:
        >>> x = np.random.default_rng(0).standard_normal((2000, 3)) / 4
        >>> sketch = StormSketch(3, radius=1.0, tables=500).add(x)
        >>> model = np.array([0.6, 0.0, -0.3])
        >>> exact = sketch.surrogate(x @ model).mean()
        >>> bool(abs(sketch.risk(model[None])[0] - exact) < 4 * np.sqrt(exact / 500))
        True
    """

    KIND = "storm-sketch"

    def __init__(
        self,
        dim: int,
        *,
        radius: float,
        tables: int = 1000,
        bits: int = 4,
        paired: bool = True,
        seed: int = 0,
    ) -> None:
        self.dim = int(in_range("dim", dim, 1, 100_000))
        self.radius = float(in_range("radius", radius, 1e-30, 1e30))
        self.bits = int(in_range("bits", bits, 2 if paired else 1, 16))
        self.tables, self.paired, self.seed = int(tables), bool(paired), seed
        self._race = RACE(SimHash(self.dim + 2, self.bits, self.tables, seed=seed))

    @classmethod
    def within(
        cls,
        budget: int | str,
        dim: int,
        *,
        radius: float,
        bits: int = 4,
        paired: bool = True,
        seed: int = 0,
    ) -> Self:
        """The most tables that fit, counters and planes together.

        Args:
            budget: bytes.
            dim, radius, bits, paired, seed: as of the class.

        Raises:
            BudgetError: the budget is below one table.
            ValueError: an argument is out of range.
        """
        one = cls(dim, radius=radius, tables=1, bits=bits, paired=paired, seed=seed)
        table = one.nbytes + 4 * one.bits * (one.dim + 2)
        nbytes = budget_for(f"a STORM sketch of {dim} columns", budget, table)
        tables = min(nbytes // table, MOST_TABLES)
        return cls(dim, radius=radius, tables=tables, bits=bits, paired=paired, seed=seed)

    def add(self, rows: ArrayLike, weights: ArrayLike | None = None) -> Self:
        """Add rows; those with values that are not finite are left out.

        Args:
            rows: (n, dim) float32.
            weights: (n,) integers of any sign; None for 1 each.

        Raises:
            IncompatibleError: rows of another length, or weights of another number.
            ValueError: weights that are not integers.
        """
        inside = self._inside(rows, self.radius)
        tail = np.sqrt(np.maximum(0, 1 - (inside**2).sum(axis=1, keepdims=True)))
        wide = np.hstack([inside, np.zeros_like(tail), tail])
        self._race.add(wide, weights)
        if self.paired:
            self._race.add(-wide, weights)
        return self

    def risk(self, models: ArrayLike) -> NDArray[np.float64]:
        """Mean surrogate loss of models over the rows.

        Args:
            models: (k, dim) in the unit ball, longer ones are shortened; the inner product with a
                row over the radius is what the surrogate is of.

        Returns:
            (k,) float64; NaN where nothing was added.

        Raises:
            IncompatibleError: models of another length.
        """
        inside = self._inside(models, 1.0)
        tail = np.sqrt(np.maximum(0, 1 - (inside**2).sum(axis=1, keepdims=True)))
        found = self._race.density(np.hstack([inside, tail, np.zeros_like(tail)]))
        return found * (2 if self.paired else 1)

    def surrogate(self, products: ArrayLike) -> NDArray[np.float64]:
        """Loss of a row whose inner product with the model, over the radius, is this."""
        angle = np.arccos(np.clip(np.asarray(products, np.float64), -1, 1)) / np.pi
        one_side = (1 - angle) ** self.bits
        return one_side + angle**self.bits if self.paired else one_side

    @property
    def rows(self) -> int:
        """Sum of the weights of the rows."""
        return self._race.total // (2 if self.paired else 1)

    def copy(self) -> Self:
        """A sketch with counters of its own."""
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__, _race=self._race.copy())
        return twin

    def _inside(self, rows: ArrayLike, radius: float) -> NDArray[np.float32]:
        """Rows over the radius, shortened to length 1; what is not finite stays so."""
        given = np.asarray(rows, np.float32)
        if given.size == 0 and given.ndim < 2:
            given = np.zeros((0, self.dim), np.float32)
        if given.ndim != 2 or given.shape[1] != self.dim:
            raise IncompatibleError(f"rows of shape {given.shape} must be (n, {self.dim})")
        scaled = given.astype(np.float64) / radius
        with np.errstate(invalid="ignore"):
            norms = np.linalg.norm(scaled, axis=1, keepdims=True)
            scaled /= np.maximum(1, norms)
        return scaled.astype(np.float32)

    def spec(self) -> dict[str, Any]:
        """All arguments."""
        names = ("dim", "radius", "tables", "bits", "paired", "seed")
        return {name: getattr(self, name) for name in names}

    def arrays(self) -> dict[str, np.ndarray]:
        """The counters."""
        return self._race.arrays()

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The sketch of this spec and these counters."""
        shape = [int(spec["dim"]) + 2, int(spec["bits"]), int(spec["tables"])]
        family = {"name": "simhash", "shape": shape, "density": None, "seed": spec["seed"]}
        race = RACE.restore({"family": family, "width": None}, arrays)
        given: dict[str, Any] = {**spec, "tables": 1}
        made = cls(**given)
        made.tables, made._race = race.family.tables, race
        return made
