"""Binary: the nearest vectors among those whose sign codes differ least, then exactly."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import FormatError, budget_for, method, one_of, taken, whole
from thrifty.core.summary import Arrays
from thrifty.index._binary_signs import Signs
from thrifty.index._checked import held_as
from thrifty.index._code_bits import BLOCK, blocks_of, scan_far, words_of
from thrifty.index._parts import Part, State
from thrifty.index._scan import fill_exactly
from thrifty.index._scoring import frozen, halves, score_places
from thrifty.index.vectors import Found, VectorIndex

__all__ = ["BinaryIndex"]

DTYPES = ("float32", "float16")
PLANES = ("turned", "random")
MOST = 1 << 16
SAMPLE = 10_000  # rows that planes are turned by
GROWN = 4  # planes are made anew when there are so many times the rows
RERANKED = 20  # candidates for each answer where no effort is given
HELD = 1 << 22  # candidates held at once


@method(
    source="signs of planes: Charikar 2002; turned as in Gong and Lazebnik 2011, "
    "doi:10.1109/CVPR.2011.5995432; lifted as in Neyshabur and Srebro 2015",
    memory="4 * dim + bits / 8 + 8 bytes a row, 2 * dim with float16, and 4 * (dim + 1) * bits",
    time="bits / 64 words a row and query, and 2 * dim * effort * rows",
    error="measured recall; exact at effort 1",
    exact="FlatIndex",
    laws=("vectors", "mapped"),
    evidence=("binary",),
)
class BinaryIndex(VectorIndex):
    """Find the nearest vectors by a bit for each of some planes.

    The code of a vector says on which side of each plane it lies. All codes are compared with that
    of a query, and those that differ in the fewest bits are scored from their vectors, which may
    lie on disk (`open`); codes of 256 bits are a twelfth of 96 numbers. Planes are made anew
    whenever there are four times the rows they were made from.

    Args:
        dim: numbers of a vector, 1..65536.
        metric: cosine, inner or l2.
        dtype: what vectors are held as for exact scores, float32 or float16.
        bits: of a code, a multiple of 64 up to 65536; None for about 2 * dim.
        planes: turned to suit the rows, or random, which is as good where bits exceed dim; None
            for the one that pays.
        seed: what planes are drawn by, 0..2**64 - 1.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> rows = np.random.default_rng(0).standard_normal((5000, 16))
        >>> index = BinaryIndex(16, bits=64).add(rows)
        >>> some, all_rows = (index.search(rows[:100], 10, effort=e).ids for e in (0.05, 1.0))
        >>> shared = sum(len(set(a) & set(b)) for a, b in zip(some.tolist(), all_rows.tolist()))
        >>> shared / 1000 > 0.8
        True
    """

    KIND = "binary-index"

    def __init__(
        self,
        dim: int,
        *,
        metric: str = "cosine",
        dtype: str = "float32",
        bits: int | None = None,
        planes: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, metric=metric)
        self.dtype = one_of("dtype", dtype, DTYPES)
        self.bits = _bits_for(self.dim) if bits is None else whole("bits", bits, 64, MOST)
        if self.bits % 64:
            raise ValueError(f"bits must be a multiple of 64, got {bits!r}")
        planes = PLANES[self.bits > self.dim] if planes is None else planes
        self.planes = one_of("planes", planes, PLANES)
        self.seed = whole("seed", seed, 0, 2**64 - 1)

    @classmethod
    def within(cls, budget: int | str, dim: int, rows: int, *, metric: str = "cosine") -> Self:
        """The index that holds so many rows in a budget: float32 or float16, then fewer bits.

        Raises:
            BudgetError: float16 and 64 bits do not fit.
        """
        count, bits = whole("rows", rows, 0, 2**48), _bits_for(dim)
        least = cls._nbytes_of(dim, count, "float16", 64)
        nbytes = budget_for(f"{count} vectors of {dim} numbers", budget, least)
        for dtype, many in (*((dtype, bits) for dtype in DTYPES), ("float16", 64)):
            if cls._nbytes_of(dim, count, dtype, many) <= nbytes:
                break
        return cls(dim, metric=metric, dtype=dtype, bits=many)

    @classmethod
    def _nbytes_of(cls, dim: int, rows: int, dtype: str, bits: int) -> int:
        codes = -(-rows // BLOCK) * BLOCK * bits // 8
        model = 4 * (dim + 1) * bits + 4 * dim + 16
        return rows * (dim * np.dtype(dtype).itemsize + 8) + codes + model

    def spec(self) -> dict[str, Any]:
        """All arguments."""
        own = {name: getattr(self, name) for name in ("dtype", "bits", "planes", "seed")}
        return {**super().spec(), **own}

    def _learned(self, state: State, rows: NDArray[np.float32]) -> Signs:
        total, model = len(state) + len(rows), state.model
        if model and total < GROWN * model.rows:
            return model
        rng = np.random.default_rng([self.seed, total])
        held = [self._rows_of(part) for part in state.parts]
        chosen = np.sort(rng.choice(total, min(total, SAMPLE), replace=False))
        sample = np.concatenate([*held, rows])[chosen]
        how = {"metric": self.metric, "turned": self.planes == "turned", "seed": self.seed}
        return Signs.learned(sample, self.bits, rows=total, **how)

    def _made(self, model: Signs, rows: NDArray[np.float32], ids: NDArray[np.int64]) -> Part:
        blocks = blocks_of(model.of_rows(rows))
        return Part.of(ids.copy(), vectors=held_as(rows, self.dtype), blocks=blocks)

    def _joined(self, model: Signs, parts: tuple[Part, ...]) -> Part:
        ids = np.concatenate([part.ids[part.stays] for part in parts])
        vectors = np.concatenate([part["vectors"][part.stays] for part in parts])
        words = [words_of(part["blocks"], part.ids.size)[part.stays] for part in parts]
        return Part.of(ids, vectors=vectors, blocks=blocks_of(np.concatenate(words)))

    def _fill(
        self,
        state: State,
        queries: NDArray[np.float32],
        allowed: list[NDArray[np.bool_]],
        effort: float | None,
        found: Found,
    ) -> None:
        if effort == 1:
            fill_exactly(state.parts, queries, allowed, self.metric, found.scores, found.ids)
            return
        k, total = found.ids.shape[1], len(state)
        depth = max(k, RERANKED * k if effort is None else int(np.ceil(effort * total)))
        codes = frozen(state.model.of_queries(queries))
        for part, mask in zip(state.parts, allowed, strict=True):
            many = min(part.ids.size, max(k, -(-depth * len(part) // total)))
            step = max(1, HELD // many)
            for start in range(0, len(queries), step):
                some = slice(start, start + step)
                places = _nearest(part, mask, codes[some], many, self.bits)
                self._score(part, queries[some], places, found.scores[some], found.ids[some])

    def _score(
        self,
        part: Part,
        queries: NDArray[np.float32],
        places: NDArray[np.int64],
        scores: NDArray[np.float32],
        ids: NDArray[np.int64],
    ) -> None:
        l2, vectors = self.metric == "l2", halves(part["vectors"])
        score_places(frozen(queries), vectors, part.ids, places, l2, scores, ids)

    def _model_arrays(self, model: Signs) -> Arrays:
        numbers = np.array([model.length, model.rows])
        return {"mean": model.mean, "planes": model.planes, "learned": numbers}

    @classmethod
    def _restored_state(cls, index: Self, arrays: Arrays) -> State:
        n, dim, bits = arrays["ids"].size, index.dim, index.bits
        vectors = taken(arrays, "vectors", index.dtype, (n, dim))
        blocks = taken(arrays, "blocks", np.uint64, (-(-n // BLOCK), bits // 64, BLOCK))
        mean = taken(arrays, "mean", np.float32, (dim,))
        planes = taken(arrays, "planes", np.float32, (dim + 1, bits))
        length, rows = taken(arrays, "learned", np.float64, (2,)).tolist()
        if not (np.isfinite(planes).all() and np.isfinite(mean).all() and np.isfinite(length)):
            raise FormatError("planes must be finite")
        if not 0 <= rows < 2**53:
            raise FormatError(f"rows must be a number of rows, got {rows}")
        model = Signs(frozen(mean), frozen(planes), length, index.metric, int(rows))
        return State(model, (Part.of(arrays["ids"], vectors=vectors, blocks=blocks),))


def _bits_for(dim: int) -> int:
    """About two bits for each number, 64 or more."""
    return min(MOST, 64 * max(1, round(2 * dim / 64)))


def _nearest(
    part: Part, allowed: NDArray[np.bool_], codes: NDArray[np.uint64], many: int, bits: int
) -> NDArray[np.int64]:
    """Places of the rows whose codes differ least from each query's, in no order, -1 for none."""
    distances = np.full((len(codes), many), bits + 1, np.uint64)
    places, blocks = np.full(distances.shape, -1, np.int64), part["blocks"]
    step = max(1, (1 << 24) // (len(codes) + 1) // blocks.shape[1] // BLOCK)  # heeds Ctrl-C
    for b in range(0, len(blocks), step):
        some = blocks[b : b + step]
        scan_far(some, b * BLOCK, part.ids.size, allowed, frozen(codes), distances, places)
    return places
