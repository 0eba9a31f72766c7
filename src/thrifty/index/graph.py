"""Graph: the nearest vectors by walking along links from near rows to nearer ones."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import budget_for, method, one_of, taken, whole
from thrifty.core.summary import Arrays
from thrifty.index._checked import held_as
from thrifty.index._graph_build import linked, near_neighbours, tree_order
from thrifty.index._graph_walk import choose_starts, walk
from thrifty.index._parts import Part, State
from thrifty.index._scan import fill_exactly
from thrifty.index._scoring import frozen, halves
from thrifty.index.vectors import Found, VectorIndex

__all__ = ["GraphIndex"]

DTYPES = ("float32", "float16")
QUERIES = 256  # asked at once
WIDTH = 48  # of the beam, where no effort is given
EACH = 16  # rows scored for a place in the beam, about
STARTS = 8
MOST = 64  # rows scored for a place in the beam, at most


def _heads(rows: int) -> slice:
    """Which rows a search may begin at: about 2 * sqrt(rows), one of each region."""
    return slice(None, None, max(1, round(rows**0.5 / 2)))


@method(
    source="greedy search on approximate near-neighbour graphs: Prokhorenkova and Shekhovtsov "
    "2020, arXiv:1907.00845; links that part directions: Malkov and Yashunin 2018, "
    "arXiv:1603.09320; trees: Dasgupta and Freund 2008, doi:10.1145/1374376.1374452",
    memory="(4 * dim + 4 * degree + 8) bytes a row, 2 * dim fewer with float16; 8 * dim * "
    "sqrt(rows) of heads",
    time="trees * (256 + log2(rows)) * dim products a row to build; some tens of rows scored for "
    "each place in the beam",
    error="measured recall; exact at effort 1",
    exact="FlatIndex",
    laws=("vectors", "mapped"),
    evidence=("graph",),
)
class GraphIndex(VectorIndex):
    """Find the nearest vectors by walking a graph, a beam of the best at a time.

    Neighbours are looked for among the rows that share a leaf with a row in one of a few random
    trees, never among all; who has a row for a neighbour is a candidate too. Of these, links go to
    the nearest that lie in different directions, and lead back where there is room. A search begins
    at the best few of about 2 * sqrt(rows) heads. Rows that are added make a graph of their own,
    joined with others as these grow many; rows that are removed stay as stepping stones until
    half are gone.

    Args:
        dim: numbers of a vector, 1..65536.
        metric: cosine, inner or l2.
        dtype: what vectors are held as, float32 or float16.
        degree: links of a row at most, 2..1024.
        trees: that neighbours are looked for in, 1..256.
        seed: what trees are drawn by, 0..2**64 - 1.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> rows = np.random.default_rng(0).standard_normal((5000, 8))
        >>> index = GraphIndex(8).add(rows)
        >>> bool((index.search(rows[:100], 1, effort=0.05).ids[:, 0] == np.arange(100)).all())
        True
    """

    KIND = "graph-index"

    def __init__(
        self,
        dim: int,
        *,
        metric: str = "cosine",
        dtype: str = "float32",
        degree: int = 32,
        trees: int = 12,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, metric=metric)
        self.dtype = one_of("dtype", dtype, DTYPES)
        self.degree = whole("degree", degree, 2, 1024)
        self.trees = whole("trees", trees, 1, 256)
        self.seed = whole("seed", seed, 0, 2**64 - 1)

    @classmethod
    def within(cls, budget: int | str, dim: int, rows: int, *, metric: str = "cosine") -> Self:
        """The index that holds so many rows in a budget.

        32 links a row and vectors as float32, or as float16, or these with 16 links: the first that
        fits.

        Raises:
            BudgetError: the last does not fit.
        """
        count = whole("rows", rows, 0, 2**48)
        kinds = [("float32", 32), ("float16", 32), ("float16", 16)]
        heads = 4 * dim * len(range(count)[_heads(count)])
        sizes = [count * (dim * np.dtype(d).itemsize + 4 * n + 8) + heads for d, n in kinds]
        nbytes = budget_for(f"{count} vectors of {dim} numbers", budget, max(1, min(sizes)))
        fits = [kind for kind, size in zip(kinds, sizes, strict=True) if size <= nbytes]
        return cls(dim, metric=metric, dtype=fits[0][0], degree=fits[0][1])

    def spec(self) -> dict[str, Any]:
        """All arguments."""
        own = {name: getattr(self, name) for name in ("dtype", "degree", "trees", "seed")}
        return {**super().spec(), **own}

    def _made(self, model: Any, rows: NDArray[np.float32], ids: NDArray[np.int64]) -> Part:
        space = _as_distances(rows) if self.metric == "inner" else rows
        rng = np.random.default_rng([self.seed, len(rows)])
        order, _ = tree_order(frozen(space), rng)  # near rows stand near each other
        space, held = frozen(space[order]), held_as(rows[order], self.dtype)
        near, gaps = near_neighbours(space, self.degree, self.trees, rng)
        links = linked(space, near, gaps, self.degree)
        heads = held[_heads(len(rows))].astype(np.float32)
        return Part.of(ids[order], vectors=held, links=links, heads=heads)

    def _joined(self, model: Any, parts: tuple[Part, ...]) -> Part:
        rows = np.concatenate([self._rows_of(part) for part in parts])
        return self._made(model, rows, np.concatenate([part.ids[part.stays] for part in parts]))

    def _fill(
        self,
        state: State,
        queries: NDArray[np.float32],
        allowed: list[NDArray[np.bool_]],
        effort: float | None,
        found: Found,
    ) -> None:
        k = found.ids.shape[1]
        pairs = list(zip(state.parts, allowed, strict=True))
        asked = [(part, mask, self._width(part, mask, effort, k)) for part, mask in pairs]
        small = [(part, mask) for part, mask, width in asked if not width]
        if small:
            parts, masks = zip(*small, strict=True)
            fill_exactly(parts, queries, masks, self.metric, found.scores, found.ids)
        for part, mask, width in asked:
            for start in range(0, len(queries) if width else 0, QUERIES):
                some = slice(start, start + QUERIES)
                self._walk(part, mask, queries[some], width, found.scores[some], found.ids[some])

    def _width(self, part: Part, mask: NDArray[np.bool_], effort: float | None, k: int) -> int:
        """Of the beam; 0 where a look at all rows is no more work."""
        rows, may = part.ids.size, int(np.count_nonzero(mask)) if mask.size else part.ids.size
        plain = WIDTH if effort is None else effort * rows / EACH
        width = max(plain, k) * rows / max(may, 1)
        return 0 if effort == 1 or EACH * width >= rows else int(np.ceil(width))

    def _walk(
        self,
        part: Part,
        mask: NDArray[np.bool_],
        queries: NDArray[np.float32],
        width: int,
        scores: NDArray[np.float32],
        ids: NDArray[np.int64],
    ) -> None:
        heads, l2, rows = part["heads"], self.metric == "l2", part.ids.size
        starts = np.full((len(queries), min(STARTS, len(heads))), -1, np.int32)
        with np.errstate(invalid="ignore", over="ignore"):  # of a damaged file
            half = np.einsum("ij,ij->i", heads, heads) * np.float32(0.5 if l2 else 0)
            choose_starts(queries @ heads.T, half, _heads(rows).step, starts)
        counts, most = np.empty((len(queries), 2), np.int64), min(rows, MOST * width)
        vectors = halves(part["vectors"])
        given = (
            part["links"],
            frozen(starts),
            width,
            most,
            l2,
            mask,
            part.ids,
            scores,
            ids,
            counts,
        )
        walk(queries, vectors, *given)

    @classmethod
    def _restored_state(cls, index: Self, arrays: Arrays) -> State:
        n = arrays["ids"].size
        heads = len(range(n)[_heads(n)])
        held = {
            "vectors": taken(arrays, "vectors", index.dtype, (n, index.dim)),
            "links": taken(arrays, "links", np.int32, (n, index.degree)),
            "heads": taken(arrays, "heads", np.float32, (heads, index.dim)),
        }
        return State(None, (Part.of(arrays["ids"], **held),))


def _as_distances(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows with one number more, so that all are of one length and products order as distances."""
    squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    last = np.sqrt(squares.max(initial=0) - squares)
    return np.column_stack([rows, last]).astype(np.float32)
