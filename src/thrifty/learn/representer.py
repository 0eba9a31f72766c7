"""Representer sketch: a trained network as arrays of counters, asked by hashing and adding."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.codec.packing import packed_size
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
from thrifty.learn._few_bits import coded, packed, unpacked
from thrifty.learn._kernel_student import mixed, trained
from thrifty.sketch._lsh import cells_of

__all__ = ["RepresenterSketch"]

BLOCK = 4096
Floats = NDArray[np.float32]


@method(
    source="Coleman, Wang, Liu, Sheldon and Shrivastava 2021, Efficient inference via universal "
    "LSH kernel, arXiv:2106.11426",
    memory="2 * inputs * dim + tables * width * outputs * bits / 8 bytes; 4 * dim * hashes * "
    "tables more while it is in use, made of the seed",
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
    in a few bits. Make one by `from_predictor` or `within`.

    Args:
        projection: (inputs, dim) float16.
        shift: (dim,) float32, taken from what was projected.
        counters: (tables, width, outputs) int8, below 2**(bits - 1) in magnitude.
        scales: (outputs,) float32, by which counters are multiplied.
        middles: (outputs,) float32, added then; None for none, where `bits` is 8.
        bits: in which a counter is kept, 2..8.
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
        middles: Floats | None = None,
        bits: int = 8,
        hashes: int = 1,
        groups: int = 1,
        seed: int = 0,
    ) -> None:
        self.projection, self.shift, self.scales = projection, shift, scales
        tables, self.width, self.outputs = self._shape = counters.shape
        self.bits, self.middles = whole("bits", bits, 2, 8), middles
        self._kept: NDArray[Any] = counters if bits == 8 else packed(counters, bits)
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
        bits: int = 8,
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
            bits: of a counter, 2..8; with fewer, more tables fit.
            seed: of all that is drawn.

        Raises:
            ValueError: an argument outside its range, or answers of another number or not finite.
        """
        given, rng = _rows(x), np.random.default_rng([whole("seed", seed, 0, 2**63), 0x4E5])
        dim = _dim(dim, given.shape[1])
        whole("tables", tables, 1, 65_536), whole("width", width, 2, 65_536)
        shape = (whole("anchors", anchors, 1, 65_536), dim)
        whole("epochs", epochs, 0, 10_000)
        in_range("ridge", ridge, 0, 1), whole("bits", bits, 2, 8)
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
        groups = 1 if refit else max(1, round(np.sqrt(tables)))
        how: dict[str, Any] = {"hashes": hashes, "groups": groups}
        if bits < 8:
            kept, scales, middles = coded(counters, bits)
            how |= {"bits": bits, "middles": middles}
        else:
            scales = np.maximum(np.abs(counters).max(axis=(0, 1)) / 127, 1e-30).astype(np.float32)
            kept = np.rint(counters / scales).astype(np.int8)
        return cls(projection, shift, kept, scales, seed=seed, **how)

    @classmethod
    def within(
        cls,
        budget: int | str,
        predict: Callable[[Floats], ArrayLike],
        x: ArrayLike,
        *,
        dim: int | None = None,
        width: int = 16,
        bits: int = 8,
        **how: Any,
    ) -> Self:
        """The one with the most tables that fit the budget.

        Args:
            budget: bytes.
            predict, x, dim, width, bits, how: as of `from_predictor`.

        Raises:
            BudgetError: the budget is below one table.
            ValueError: an argument is out of range.
        """
        given = _rows(x)
        dim, outputs = _dim(dim, given.shape[1]), _answers(predict(given[:2]), 2).shape[1]
        fixed = 2 * given.shape[1] * dim + 4 * dim + (4 if bits == 8 else 8) * outputs
        each = packed_size(width * outputs, whole("bits", bits, 2, 8))
        nbytes = budget_for("a representer sketch", budget, fixed + each)
        how |= {"tables": min((nbytes - fixed) // each, 65_536), "bits": bits}
        return cls.from_predictor(predict, x, dim=dim, width=width, **how)

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
        plain, counters, parts = self.projection.astype(np.float32), self.counters, []
        for start in range(0, len(rows), BLOCK):
            with np.errstate(invalid="ignore", over="ignore"):
                points = rows[start : start + BLOCK] @ plain - self.shift
            parts.append(self._mean(cells_of(self._family, points, self.width), counters))
        found = np.concatenate([np.zeros((0, self.outputs)), *parts])
        found = found * self.scales.astype(np.float64)
        return found if self.middles is None else found + self.middles

    @property
    def counters(self) -> NDArray[np.int8]:
        """What the tables hold, (tables, width, outputs)."""
        return self._kept if self.bits == 8 else unpacked(self._kept, self.bits, self._shape)

    def _mean(self, cells: NDArray[np.int64], counters: NDArray[np.int8]) -> NDArray[np.float64]:
        """Median of the means of groups of tables, (n, outputs)."""
        found = []
        for tables in np.array_split(np.arange(cells.shape[1]), self.groups):
            total = np.zeros((len(cells), self.outputs), np.int64)
            for table in tables:
                total += counters[table, cells[:, table]]
            found.append(total / len(tables))
        return found[0] if self.groups == 1 else np.median(found, axis=0)

    @property
    def multiplications(self) -> int:
        """Multiplications a row takes: to project it and to hash it."""
        inputs, dim = self.projection.shape
        return inputs * dim + dim * self.hashes * self._shape[0]

    def spec(self) -> dict[str, Any]:
        """The hashes, the groups and the seed, and of fewer bits than 8 these and the width."""
        few = {} if self.bits == 8 else {"bits": self.bits, "width": self.width}
        return {"hashes": self.hashes, "groups": self.groups, "seed": self.seed, **few}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Projection, shift, counters and scales, and middles where there are any."""
        held = {"projection": self.projection, "shift": self.shift, "counters": self._kept}
        few = {} if self.middles is None else {"middles": self.middles}
        return {**held, "scales": self.scales, **few}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The sketch of a spec and arrays, checked."""
        projection, how = taken(arrays, "projection", np.float16, (None, None)), dict(spec)
        scales = taken(arrays, "scales", np.float32, (None,))
        if (bits := whole("bits", how.get("bits", 8), 2, 8)) == 8:
            counters = taken(arrays, "counters", np.int8, (None, None, len(scales)))
        else:
            width = whole("width", how.pop("width"), 2, 65_536)
            room = packed_size(width * len(scales), bits)
            kept = taken(arrays, "counters", np.uint8, (None, room))
            counters = unpacked(kept, bits, (len(kept), width, len(scales)))
            how["middles"] = taken(arrays, "middles", np.float32, scales.shape)
        shift = taken(arrays, "shift", np.float32, projection.shape[1:])
        if 0 in projection.shape or 0 in counters.shape or counters.shape[1] < 2:
            raise FormatError(f"counters must be of tables and cells, got {counters.shape}")
        return cls(projection, shift, counters, scales, **how)

    def __repr__(self) -> str:
        shape = f"inputs={len(self.projection)}, dim={len(self.shift)}"
        told = f"tables={self._shape[0]}, width={self.width}, outputs={self.outputs}"
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
