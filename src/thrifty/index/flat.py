"""Flat: the nearest vectors, exactly, by looking at all of them."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import budget_for, method, one_of, taken, whole
from thrifty.core.summary import Arrays
from thrifty.index._checked import held_as
from thrifty.index._parts import Part, State
from thrifty.index._scan import fill_exactly
from thrifty.index.vectors import Found, VectorIndex

__all__ = ["FlatIndex"]

DTYPES = ("float32", "float16")
EACH = {"float32": 4, "float16": 2}


@method(
    source="the scan of IndexFlat (Douze et al. 2024, arXiv:2401.08281): products of blocks, then "
    "exact scores of the best",
    memory="(4 * dim + 8) bytes a row; 2 * dim + 8 as float16",
    time="2 * dim operations a row and query",
    error="exact; vectors held as float16 are rounded to 11 bits",
    exact="sorting all rows by their score",
    laws=("vectors", "mapped"),
    evidence=("flat",),
)
class FlatIndex(VectorIndex):
    """Find the nearest vectors by looking at all of them.

    Blocks of rows that stay in cache are multiplied with many queries at once; the best of them are
    scored once more, each alone, so that an answer does not depend on the queries beside it.

    Args:
        dim: numbers of a vector, 1..65536.
        metric: cosine, inner or l2.
        dtype: what vectors are held as, float32 or float16.

    Raises:
        ValueError: dim outside the range, an unknown metric or dtype.

    Example:
        >>> rows = np.random.default_rng(0).standard_normal((1000, 16))
        >>> index = FlatIndex(16).add(rows)
        >>> ids, scores = index.search(rows[[7, 8]] * 3, 1)
        >>> ids.ravel().tolist(), bool((abs(scores - 1) < 1e-6).all())
        ([7, 8], True)
    """

    KIND = "flat-index"
    _PLAIN = ("vectors",)

    def __init__(self, dim: int, *, metric: str = "cosine", dtype: str = "float32") -> None:
        super().__init__(dim, metric=metric)
        self.dtype = one_of("dtype", dtype, DTYPES)

    @classmethod
    def within(cls, budget: int | str, dim: int, rows: int, *, metric: str = "cosine") -> Self:
        """The index that holds so many rows in a budget: as float32, or as float16.

        Raises:
            BudgetError: float16 does not fit.
        """
        count = whole("rows", rows, 0, 2**48)
        sizes = {dtype: count * (EACH[dtype] * dim + 8) for dtype in DTYPES}
        what = f"{count} vectors of {dim} numbers"
        nbytes = budget_for(what, budget, max(1, sizes["float16"]))
        return cls(dim, metric=metric, dtype=DTYPES[nbytes < sizes["float32"]])

    def spec(self) -> dict[str, Any]:
        """Width, metric and dtype."""
        return {**super().spec(), "dtype": self.dtype}

    def _made(self, model: Any, rows: NDArray[np.float32], ids: NDArray[np.int64]) -> Part:
        return Part.of(ids.copy(), vectors=held_as(rows, self.dtype))

    def _fill(
        self,
        state: State,
        queries: NDArray[np.float32],
        allowed: list[NDArray[np.bool_]],
        effort: float | None,
        found: Found,
    ) -> None:
        fill_exactly(state.parts, queries, allowed, self.metric, found.scores, found.ids)

    @classmethod
    def _restored_state(cls, index: Self, arrays: Arrays) -> State:
        shape = (arrays["ids"].size, index.dim)
        vectors = taken(arrays, "vectors", index.dtype, shape)
        return State(None, (Part.of(arrays["ids"], vectors=vectors),))
