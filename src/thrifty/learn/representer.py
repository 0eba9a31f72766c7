"""Representer sketch: a trained network as arrays of counters, asked by hashing and adding."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import (
    FormatError,
    IncompatibleError,
    Summary,
    budget_for,
    in_range,
    method,
    taken,
    whole,
)
from thrifty.hashing import PStable
from thrifty.learn._cells import refitted, sketched
from thrifty.learn._kernel_student import mixed, trained
from thrifty.sketch._lsh import cells_of

__all__ = ["RepresenterSketch"]

BLOCK = 4096
Floats = NDArray[np.float32]


@method(
    source="Coleman, Wang, Liu, Sheldon and Shrivastava 2021, Efficient inference via universal "
    "LSH kernel, arXiv:2106.11426",
    memory="2 * inputs * dim + tables * width * outputs bytes; 4 * dim * hashes * tables more "
    "while it is in use, made of the seed",
    time="inputs * dim + dim * hashes * tables multiplications and tables * outputs additions",
    error="as of a RACE array of the student's weights before they are refitted; measured after",
    exact="predict(x)",
    laws=("export",),
    evidence=("representer",),
)
class RepresenterSketch(Summary):
    """Answer as a trained network does, from counters, its inputs projected and hashed.

    A student is trained on what the network says: a weighted sum of collision kernels at learnt
    points. Every point adds its weights to one cell of each table; an input reads one cell of each
    and takes their mean. The counters are then fitted once more to what the network says, and kept
    as bytes. Make one by `from_predictor` or `within`.

    Args:
        projection: (inputs, dim) float16.
        shift: (dim,) float32, taken from what was projected.
        counters: (tables, width, outputs) int8.
        scales: (outputs,) float32, by which counters are multiplied.
        hashes: slices of width 1 in a code.
        groups: of tables; the answer is the median of their means.
        seed: of the slices.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal((2000, 5)).astype(np.float32)
        >>> def teacher(x):
        ...     return np.tanh(2 * x[:, :1]) * np.cos(x[:, 1:2])
        >>> small = RepresenterSketch.from_predictor(teacher, x, dim=3, tables=100)
        >>> error = small.predict(x) - teacher(x)
        >>> bool(np.mean(error**2) < 0.15 * np.var(teacher(x)))
        True
    """

    KIND = "representer-sketch"

    def __init__(
        self,
        projection: NDArray[np.float16],
        shift: Floats,
        counters: NDArray[np.int8],
        scales: Floats,
        *,
        hashes: int = 1,
        groups: int = 1,
        seed: int = 0,
    ) -> None:
        self.projection, self.shift, self.counters, self.scales = (
            projection, shift, counters, scales,
        )  # fmt: skip
        tables, self.width, self.outputs = counters.shape
        self.hashes, self.seed = whole("hashes", hashes, 1, 64), whole("seed", seed, 0, 2**63)
        self.groups = whole("groups", groups, 1, tables)
        self._family = PStable(projection.shape[1], self.hashes, tables, seed=self.seed)

    @classmethod
    def from_predictor(
        cls,
        predict: Callable[[Floats], ArrayLike],
        x: ArrayLike,
        *,
        dim: int | None = None,
        tables: int = 200,
        width: int = 16,
        hashes: int = 1,
        anchors: int = 256,
        rows: int = 20_000,
        epochs: int = 10,
        rate: float = 0.01,
        ridge: float = 1e-3,
        refit: bool = True,
        seed: int = 0,
    ) -> Self:
        """Export what `predict` says about rows like those of x.

        Args:
            predict: gives (n,) or (n, outputs) numbers, as logits, for (n, inputs) float32.
            x: (n, inputs) rows, at least 2; labels are not needed.
            dim: columns of the projection, 1..1024, at most those of x; None for 8, or fewer.
            tables: of counters, 1..65,536.
            width: cells of a table, 2..65,536.
            hashes: slices in a code, 1..64: the more, the narrower the kernel.
            anchors: points of the student, 1..65,536.
            rows: that the network is asked about; mixtures of two rows where x has fewer.
            epochs, rate: of the student's training; 0 epochs leave its projection random.
            ridge: that holds the student's weights small, 0..1.
            refit: fit the counters to the answers once more. Without, they are the sums of the
                student's weights and the answer is the median of the means of groups.
            seed: of all that is drawn.

        Raises:
            ValueError: an argument outside its range, or answers of another number or not finite.
        """
        given, rng = _rows(x), np.random.default_rng([whole("seed", seed, 0, 2**63), 0x4E5])
        dim = _dim(dim, given.shape[1])
        whole("tables", tables, 1, 65_536)
        whole("width", width, 2, 65_536)
        shape = (whole("anchors", anchors, 1, 65_536), dim)
        whole("epochs", epochs, 0, 10_000)
        in_range("ridge", ridge, 0, 1)
        asked = mixed(given, whole("rows", rows, 2, 2**31), rng)
        answers = _answers(predict(asked), len(asked))
        mean, scale = given.mean(axis=0), given.std(axis=0)
        scale[scale == 0] = 1
        middle, spread = answers.mean(axis=0), np.maximum(answers.std(axis=0), 1e-12)
        inside, wanted = (asked - mean) / scale, (answers - middle) / spread
        student = trained(
            inside, wanted, shape=shape, hashes=whole("hashes", hashes, 1, 64), epochs=epochs,
            rate=in_range("rate", rate, 0, 1), ridge=ridge, rng=rng,
        )  # fmt: skip
        projection = (student.projection / scale[:, None]).astype(np.float16)
        shift = mean @ projection.astype(np.float32)
        family = PStable(dim, hashes, tables, seed=seed)
        counters = sketched(cells_of(family, student.anchors, width), student.weights, width)
        if refit:
            points = asked @ projection.astype(np.float32) - shift
            counters = refitted(counters, cells_of(family, points, width), wanted, rng)
        counters = counters * spread + middle
        scales = np.maximum(np.abs(counters).max(axis=(0, 1)) / 127, 1e-30).astype(np.float32)
        kept = np.rint(counters / scales).astype(np.int8)
        groups = 1 if refit else max(1, round(np.sqrt(tables)))
        return cls(projection, shift, kept, scales, hashes=hashes, groups=groups, seed=seed)

    @classmethod
    def within(
        cls,
        budget: int | str,
        predict: Callable[[Floats], ArrayLike],
        x: ArrayLike,
        *,
        dim: int | None = None,
        width: int = 16,
        **how: Any,
    ) -> Self:
        """The one with the most tables that fit the budget.

        Args:
            budget: bytes.
            predict, x, dim, width, how: as of `from_predictor`.

        Raises:
            BudgetError: the budget is below one table.
            ValueError: an argument is out of range.
        """
        given = _rows(x)
        dim, outputs = _dim(dim, given.shape[1]), _answers(predict(given[:2]), 2).shape[1]
        fixed = 2 * given.shape[1] * dim + 4 * dim + 4 * outputs
        nbytes = budget_for("a representer sketch", budget, fixed + width * outputs)
        tables = min((nbytes - fixed) // (width * outputs), 65_536)
        return cls.from_predictor(predict, x, dim=dim, width=width, tables=tables, **how)

    def predict(self, x: ArrayLike) -> NDArray[np.float64]:
        """What the network would say, nearly.

        Args:
            x: (n, inputs) float32.

        Returns:
            (n, outputs) float64; what is not finite is hashed like any other.

        Raises:
            IncompatibleError: rows of another width.
        """
        rows = np.asarray(x, np.float32)
        if rows.ndim != 2 or rows.shape[1] != len(self.projection):
            wanted = f"(n, {len(self.projection)})"
            raise IncompatibleError(f"rows of shape {rows.shape} must be {wanted}")
        plain, parts = self.projection.astype(np.float32), []
        for start in range(0, len(rows), BLOCK):
            with np.errstate(invalid="ignore", over="ignore"):
                points = rows[start : start + BLOCK] @ plain - self.shift
            parts.append(self._mean(cells_of(self._family, points, self.width)))
        found = np.concatenate([np.zeros((0, self.outputs)), *parts])
        return found * self.scales.astype(np.float64)

    def _mean(self, cells: NDArray[np.int64]) -> NDArray[np.float64]:
        """Median of the means of groups of tables, (n, outputs)."""
        found = []
        for tables in np.array_split(np.arange(cells.shape[1]), self.groups):
            total = np.zeros((len(cells), self.outputs), np.int64)
            for table in tables:
                total += self.counters[table, cells[:, table]]
            found.append(total / len(tables))
        return found[0] if self.groups == 1 else np.median(found, axis=0)

    @property
    def multiplications(self) -> int:
        """Multiplications a row takes: to project it and to hash it."""
        inputs, dim = self.projection.shape
        return inputs * dim + dim * self.hashes * len(self.counters)

    def spec(self) -> dict[str, Any]:
        """The hashes, the groups and the seed."""
        return {"hashes": self.hashes, "groups": self.groups, "seed": self.seed}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Projection, shift, counters and scales."""
        names = ("projection", "shift", "counters", "scales")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The sketch of a spec and arrays, checked."""
        projection = taken(arrays, "projection", np.float16, (None, None))
        counters = taken(arrays, "counters", np.int8, (None, None, None))
        if 0 in projection.shape or 0 in counters.shape or counters.shape[1] < 2:
            raise FormatError(f"counters must be of tables and cells, got {counters.shape}")
        shift = taken(arrays, "shift", np.float32, projection.shape[1:])
        scales = taken(arrays, "scales", np.float32, counters.shape[2:])
        return cls(projection, shift, counters, scales, **spec)

    def __repr__(self) -> str:
        shape = f"inputs={len(self.projection)}, dim={len(self.shift)}"
        told = f"tables={len(self.counters)}, width={self.width}, outputs={self.outputs}"
        return f"{type(self).__name__}({shape}, {told}, hashes={self.hashes}, seed={self.seed})"


def _rows(x: ArrayLike) -> Floats:
    rows = np.asarray(x, np.float32)
    if rows.ndim != 2 or len(rows) < 2 or not np.isfinite(rows).all():
        raise ValueError(f"x must be two finite rows or more, got {rows.shape}")
    return rows


def _answers(found: ArrayLike, rows: int) -> Floats:
    answers = np.asarray(found, np.float32)
    answers = answers[:, None] if answers.ndim == 1 else answers
    if answers.ndim != 2 or len(answers) != rows or not np.isfinite(answers).all():
        raise ValueError(f"predict must give {rows} finite rows, got {answers.shape}")
    return answers


def _dim(dim: int | None, inputs: int) -> int:
    return whole("dim", min(8, inputs) if dim is None else dim, 1, min(1024, inputs))
