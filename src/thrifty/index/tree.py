"""Tree: the nearest vectors among the rows of the likeliest leaves of a tree of centres."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import FormatError, budget_for, method, one_of, taken, whole
from thrifty.core.kernels import njit
from thrifty.core.summary import Arrays
from thrifty.index._cells import EACH
from thrifty.index._checked import held_as
from thrifty.index._parts import Part, State, sampled, share_of
from thrifty.index._scan import fill_exactly
from thrifty.index._scoring import frozen, halves, insert, score_row
from thrifty.index._tree_centres import MOST, Level, Tree, branch_for, learned, nodes_for
from thrifty.index.vectors import Found, VectorIndex

__all__ = ["TreeIndex"]

DTYPES = ("float32", "float16")
DEEPEST = 8
GROWN = 4  # the tree is learned anew when there are so many times the rows
QUERIES = 512  # asked at once
EFFORT, PROBES = 0.01, 32  # where none is given


@method(
    source="a tree of centres: Nister and Stewenius 2006, doi:10.1109/CVPR.2006.264; a beam of "
    "nodes goes down it, and rows of the leaves are scored exactly",
    memory="(4 * dim + 8) bytes a row, 2 * dim + 8 with float16, and 4 * dim + 16 a node",
    time="dim * (branch * depth * beam + effort * rows) products a query, dim * branch * depth a "
    "row to add",
    error="measured recall; exact at effort 1",
    exact="FlatIndex",
    laws=("vectors", "mapped"),
    evidence=("tree",),
)
class TreeIndex(VectorIndex):
    """Find the nearest vectors among the rows of the likeliest leaves of a tree.

    Rows lie in the leaves of a tree of centres learned from a sample, in leaf order. A query keeps
    the best nodes of each level and looks at their children alone, so that it meets few of the
    centres; the rows of the leaves it ends in are scored exactly. So there may be many leaves of
    few rows each. All products are of floats: `IVFIndex`, which multiplies bytes, answers sooner
    for some 100,000 rows. The tree is learned anew whenever there are four times the rows it was
    learned from.

    Args:
        dim: numbers of a vector, 1..65536.
        metric: cosine, inner or l2.
        dtype: what vectors are held as, float32 or float16.
        branch: leaves are branch ** depth, at most 2**20; None for 1.5 * rows ** (1 / (depth + 1)).
        depth: levels of centres, 1..8.
        seed: what the first centres are drawn by, 0..2**64 - 1.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> rows = np.random.default_rng(0).standard_normal((5000, 16))
        >>> index = TreeIndex(16).add(rows)
        >>> some, all_rows = (index.search(rows[:100], 10, effort=e).ids for e in (0.2, 1.0))
        >>> bool((some[:, 0] == np.arange(100)).all())
        True
        >>> shared = sum(len(set(a) & set(b)) for a, b in zip(some.tolist(), all_rows.tolist()))
        >>> shared / 1000 > 0.5
        True
    """

    KIND = "tree-index"

    def __init__(
        self,
        dim: int,
        *,
        metric: str = "cosine",
        dtype: str = "float32",
        branch: int | None = None,
        depth: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, metric=metric)
        self.dtype = one_of("dtype", dtype, DTYPES)
        self.depth = whole("depth", depth, 1, DEEPEST)
        most = int(MOST ** (1 / self.depth) + 1e-9)
        self.branch = None if branch is None else whole("branch", branch, 1, most)
        self.seed = whole("seed", seed, 0, 2**64 - 1)

    @classmethod
    def within(cls, budget: int | str, dim: int, rows: int, *, metric: str = "cosine") -> Self:
        """The index that holds so many rows in a budget: as float32, or as float16.

        Raises:
            BudgetError: float16 does not fit.
        """
        count = whole("rows", rows, 0, 2**48)
        nodes = nodes_for(branch_for(count, None, 2), 2)
        tree = sum(nodes) * (4 * dim + 8) + 8 * (nodes[-1] + len(nodes) + 2)
        sizes = [count * (dim * np.dtype(dtype).itemsize + 8) + tree for dtype in DTYPES]
        nbytes = budget_for(f"{count} vectors of {dim} numbers", budget, sizes[1])
        return cls(dim, metric=metric, dtype=DTYPES[nbytes < sizes[0]])

    def spec(self) -> dict[str, Any]:
        """All arguments."""
        own = {name: getattr(self, name) for name in ("dtype", "branch", "depth", "seed")}
        return {**super().spec(), **own}

    def _learned(self, state: State, rows: NDArray[np.float32]) -> Tree:
        total, tree = len(state) + len(rows), state.model
        if tree and total < GROWN * tree.rows:
            return tree
        branch = branch_for(total, self.branch, self.depth)
        rng = np.random.default_rng([self.seed, total])
        sample = sampled(state, rows, min(total, EACH * branch**self.depth), rng)
        return learned(sample, branch, self.depth, rng, total, sphere=self.metric == "cosine")

    def _made(self, model: Tree, rows: NDArray[np.float32], ids: NDArray[np.int64]) -> Part:
        return _part(model, model.labels(rows), ids, held_as(rows, self.dtype))

    def _joined(self, model: Tree, parts: tuple[Part, ...]) -> Part:
        labels = np.concatenate([_labels(part)[part.stays] for part in parts])
        ids = np.concatenate([part.ids[part.stays] for part in parts])
        return _part(model, labels, ids, np.concatenate([p["vectors"][p.stays] for p in parts]))

    def _fill(
        self,
        state: State,
        queries: NDArray[np.float32],
        allowed: list[NDArray[np.bool_]],
        effort: float | None,
        found: Found,
    ) -> None:
        share, l2 = share_of(state, allowed), self.metric == "l2"
        if effort == 1 or share == 0:
            fill_exactly(state.parts, queries, allowed, self.metric, found.scores, found.ids)
            return
        leaves = state.model.leaves
        plain = max(PROBES, EFFORT * leaves) if effort is None else effort * leaves
        count = min(leaves, int(np.ceil(plain / share)))
        for start in range(0, len(queries), QUERIES):
            some = slice(start, start + QUERIES)
            likeliest = frozen(state.model.find(queries[some], count, l2=l2)[0])
            for part, mask in zip(state.parts, allowed, strict=True):
                held = halves(part["vectors"]), part.ids, part["starts"], mask
                _score_leaves(
                    queries[some], likeliest, *held, l2, found.scores[some], found.ids[some]
                )

    def _model_arrays(self, model: Tree) -> Arrays:
        held: dict[str, NDArray] = {"learned": np.array([model.rows], np.int64)}
        for at, level in enumerate(model.levels):
            held[f"centres{at}"], held[f"firsts{at}"] = level
        return held

    @classmethod
    def _restored_state(cls, index: Self, arrays: Arrays) -> State:
        n, rows, levels, above = arrays["ids"].size, taken(arrays, "learned", np.int64, (1,)), [], 1
        for at in range(index.depth):
            centres = taken(arrays, f"centres{at}", np.float32, (None, index.dim))
            if not np.isfinite(centres).all():
                raise FormatError(f"centres{at} must be finite")
            firsts = _ends(arrays, f"firsts{at}", above, len(centres))
            if (firsts[1:] == firsts[:-1]).any():
                raise FormatError(f"firsts{at} must give each node a child")
            levels.append(Level(frozen(centres), firsts))
            above = len(centres)
        vectors = taken(arrays, "vectors", index.dtype, (n, index.dim))
        part = Part.of(arrays["ids"], vectors=vectors, starts=_ends(arrays, "starts", above, n))
        return State(Tree(tuple(levels), int(rows[0])), (part,))


@njit(nogil=True, cache=True, error_model="numpy")
def _score_leaves(queries, leaves, vectors, keys, starts, allowed, l2, scores, ids):
    """Exact scores of the allowed rows of each query's leaves (-1 is none); the best go in."""
    for i in range(queries.shape[0]):
        query, best, mine = queries[i], scores[i], ids[i]
        for j in range(leaves.shape[1]):
            leaf = leaves[i, j]
            if leaf < 0:
                continue
            for row in range(starts[leaf], starts[leaf + 1]):
                if allowed.size == 0 or allowed[row]:
                    insert(score_row(query, vectors[row], l2), keys[row], best, mine)


def _ends(arrays: Arrays, name: str, count: int, total: int) -> NDArray[np.int64]:
    """Where each of so many runs begins and ends, from 0 to total, or refused."""
    ends = taken(arrays, name, np.int64, (count + 1,))
    if ends[0] != 0 or ends[-1] != total or (ends[1:] < ends[:-1]).any():
        raise FormatError(f"array {name!r} must rise from 0 to {total}")
    return frozen(ends)


def _labels(part: Part) -> NDArray[np.int64]:
    sizes = np.diff(part["starts"])
    return np.repeat(np.arange(sizes.size), sizes)


def _part(model: Tree, labels: NDArray, ids: NDArray, held: NDArray) -> Part:
    """A part of rows, leaf by leaf."""
    order = np.argsort(labels, kind="stable")
    starts = np.append(0, np.cumsum(np.bincount(labels, minlength=model.leaves)))
    return Part.of(ids[order], vectors=held[order], starts=starts)
