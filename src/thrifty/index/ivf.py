"""IVF: the nearest vectors among the rows of the likeliest cells, by codes, then exactly."""

from collections.abc import Mapping
from itertools import chain
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import FormatError, budget_for, method, one_of, taken, whole
from thrifty.core.summary import Arrays
from thrifty.index._cells import EACH, cells_for
from thrifty.index._ivf_bytes import ByteCodes, Cells, at_a_line
from thrifty.index._ivf_lengths import Lengths
from thrifty.index._ivf_model import Model, cells_of, joined, learned, made
from thrifty.index._ivf_pool import Pool
from thrifty.index._ivf_product import ProductCodes
from thrifty.index._parts import Part, State, sampled, share_of
from thrifty.index._scan import fill_exactly
from thrifty.index._scoring import frozen, halves, score_places
from thrifty.index.vectors import Found, VectorIndex

__all__ = ["IVFIndex"]

DTYPES = ("float32", "float16")
GROWN = 4  # cells are learned anew when there are so many times the rows
QUERIES = 2048  # asked at once: the codes of all cells are read from memory for so many
EFFORT, PROBES = 0.01, 8  # where none is given
MOST = 1 << 20


@method(
    source="inverted lists: Jegou, Douze and Schmid 2011, doi:10.1109/TPAMI.2010.57; bytes of what "
    "is left beside the centre, multiplied by VNNI, and exact scores of the best",
    memory="(5 * dim + 8) bytes a row, 3 * dim + 8 with float16, and 4 * dim a cell; product codes "
    "take dim / 4 + 1.25 bytes in place of dim; vectors may stay in a file",
    time="dim * (cells + effort * rows) byte products a query, 4 * dim * cells a row to add",
    error="measured recall; exact at effort 1",
    exact="FlatIndex",
    laws=("vectors", "mapped"),
    evidence=("ivf", "ivf_inner", "opening", "productcodes", "ivf_graphs"),
)
class IVFIndex(VectorIndex):
    """Find the nearest vectors among those of the likeliest cells.

    Rows lie in cells around centres learned from a sample. A query looks at the codes of the cells
    whose centres are nearest to it (for inner products: that reach farthest towards it, until they
    hold the share of rows that effort is), and scores the best few from their vectors, which may
    lie on disk (`open`). Cells are learned anew whenever there are four times the rows they were
    learned from, or, for inner products, the mean squared length is twice theirs.

    Args:
        dim: numbers of a vector, 1..65536.
        metric: cosine, inner or l2.
        dtype: what vectors are held as for exact scores, float32 or float16.
        codes: of rows in their cells: int8, a byte a number; or product, a quarter of that, of
            which more candidates are scored exactly.
        cells: how many, 1..2**20; None for 4 * sqrt(rows), of a hundred rows or more.
        seed: what the first centres are drawn by, 0..2**64 - 1.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> rows = np.random.default_rng(0).standard_normal((5000, 16))
        >>> index = IVFIndex(16).add(rows)
        >>> some, all_rows = (index.search(rows[:100], 10, effort=e).ids for e in (0.2, 1.0))
        >>> bool((some[:, 0] == np.arange(100)).all())
        True
        >>> shared = sum(len(set(a) & set(b)) for a, b in zip(some.tolist(), all_rows.tolist()))
        >>> shared / 1000 > 0.5
        True
    """

    KIND = "ivf-index"
    VERSION = 3  # 2 had no lengths, 1 no reach
    CODES: ClassVar[Mapping[str, Any]] = {"int8": ByteCodes, "product": ProductCodes}

    def __init__(
        self,
        dim: int,
        *,
        metric: str = "cosine",
        dtype: str = "float32",
        codes: str = "int8",
        cells: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, metric=metric)
        self.dtype = one_of("dtype", dtype, DTYPES)
        self.codes = one_of("codes", codes, tuple(self.CODES))
        self.cells = None if cells is None else whole("cells", cells, 1, MOST)
        self.seed = whole("seed", seed, 0, 2**64 - 1)

    @classmethod
    def within(cls, budget: int | str, dim: int, rows: int, *, metric: str = "cosine") -> Self:
        """The index that holds so many rows in a budget.

        Vectors as float32, or as float16, or these with product codes: the first that fits.

        Raises:
            BudgetError: the last does not fit.
        """
        count = whole("rows", rows, 0, 2**48)
        kinds = [("float32", "int8"), ("float16", "int8"), ("float16", "product")]
        sizes = [cls._nbytes_of(dim, count, *kind, metric) for kind in kinds]
        nbytes = budget_for(f"{count} vectors of {dim} numbers", budget, min(sizes))
        fits = [kind for kind, size in zip(kinds, sizes, strict=True) if size <= nbytes]
        return cls(dim, metric=metric, dtype=fits[0][0], codes=fits[0][1])

    @classmethod
    def _nbytes_of(cls, dim: int, rows: int, dtype: str, codes: str, metric: str) -> int:
        """Bytes of so many rows at most: every cell may have a block that is nearly empty."""
        cells, width = cells_for(rows), cls.CODES[codes].width_for(dim, metric)
        a_row, blocks = dim * np.dtype(dtype).itemsize + 8, (rows + cells) // 32 + cells + 2
        return rows * a_row + blocks * width + (cells + 1) * (4 * dim + 20) + 8

    def spec(self) -> dict[str, Any]:
        """All arguments."""
        own = {name: getattr(self, name) for name in ("dtype", "codes", "cells", "seed")}
        return {**super().spec(), **own}

    def _cells_of(self, rows: int) -> int:
        return cells_for(rows) if self.cells is None else min(self.cells, rows)

    def _learned(self, state: State, rows: NDArray[np.float32]) -> Model:
        total, model = len(state) + len(rows), state.model
        count = cells_for(total) if self.cells is None else min(self.cells, total)
        same = model and (total < GROWN * model.rows or count == len(model.centres))
        if same and not _longer(state, rows):
            return model
        rng, lengths = np.random.default_rng([self.seed, total]), None
        sample = sampled(state, rows, min(total, EACH * count), rng)
        if self.metric == "inner":
            lengths = Lengths.learned(sample, chain(map(self._rows_of, state.parts), [rows]))
        return learned(sample, count, self.CODES[self.codes], self.metric, rng, total, lengths)

    def _made(self, model: Model, rows: NDArray[np.float32], ids: NDArray[np.int64]) -> Part:
        return made(model, rows, ids, self.dtype)

    def _joined(self, model: Model, parts: tuple[Part, ...]) -> Part:
        return joined(model, parts)

    def _fill(
        self,
        state: State,
        queries: NDArray[np.float32],
        allowed: list[NDArray[np.bool_]],
        effort: float | None,
        found: Found,
    ) -> None:
        count = len(state.model.centres)
        probes = self._probes(count, effort, share_of(state, allowed))
        if probes > count:
            fill_exactly(state.parts, queries, allowed, self.metric, found.scores, found.ids)
            return
        for start in range(0, len(queries), QUERIES):
            some = slice(start, start + QUERIES)
            asked, scores, ids = queries[some], found.scores[some], found.ids[some]
            if state.model.scaled:
                cells = [cells_of(part) for part in state.parts]
                likeliest, bases = state.model.probes_of_share(asked, probes / count, cells)
            else:
                likeliest, bases = state.model.probes(asked, probes)
            for part, mask in zip(state.parts, allowed, strict=True):
                self._look(state.model, part, mask, asked, likeliest, bases, scores, ids)

    def _probes(self, cells: int, effort: float | None, share: float) -> int:
        """How many cells to look at; more than there are to score all rows."""
        if effort == 1 or share == 0:
            return cells + 1
        plain = max(PROBES, EFFORT * cells) if effort is None else effort * cells
        return min(cells, int(np.ceil(plain / share)))

    def _look(
        self,
        model: Model,
        part: Part,
        mask: NDArray[np.bool_],
        queries: NDArray[np.float32],
        probes: NDArray[np.int32],
        bases: NDArray[np.float32],
        scores: NDArray[np.float32],
        ids: NDArray[np.int64],
    ) -> None:
        """Candidates by their codes, then exact scores of these."""
        wanted = int(model.codes.TIMES * ids.shape[1]) + model.codes.SPARE
        pool, l2 = Pool.of(len(queries), min(wanted, part.ids.size)), self.metric == "l2"
        model.codes.look(queries, part["codes"], cells_of(part), probes, bases, mask, pool)
        score_places(queries, halves(part["vectors"]), part.ids, pool.best(), l2, scores, ids)

    def _model_arrays(self, model: Model) -> Arrays:
        rows = np.array([model.rows], np.int64)
        more = model.lengths.arrays() if model.lengths else {}
        return {"centres": model.centres, "learned": rows, **model.codes.arrays(), **more}

    @property
    def nbytes(self) -> int:
        """Bytes of all that is held; what is in a file opened counts too."""
        model = self._state.model
        return super().nbytes + (model.blocks.nbytes if model else 0)

    @classmethod
    def _restored_state(cls, index: Self, arrays: Arrays) -> State:
        n, kind = arrays["ids"].size, cls.CODES[index.codes]
        centres = taken(arrays, "centres", np.float32, (None, index.dim))
        rows = taken(arrays, "learned", np.int64, (1,))
        codes = kind.restored(arrays, index.dim, l2=kind.by_distance(index.metric))
        if not (len(centres) and np.isfinite(centres).all()):
            raise FormatError("centres must be there and finite")
        ends = [taken(arrays, name, np.int64, (len(centres) + 1,)) for name in ("starts", "firsts")]
        sizes = np.diff(ends[0])
        if ends[0][0] != 0 or ends[0][-1] != n or (sizes < 0).any() or (sizes > n).any():
            raise FormatError(f"cells must hold {n} rows")
        far = np.ones(len(centres), np.float32)  # as it was before there was a reach
        far = taken({"reach": far, **arrays}, "reach", np.float32, (len(centres),))
        if not (np.isfinite(far).all() and (far >= 0).all()):
            raise FormatError("reach must be finite and at least 0")
        cells = Cells.of(sizes, far)
        if not np.array_equal(cells.blocks, ends[1]):
            raise FormatError("blocks must be those of the cells")
        blocks = taken(arrays, "codes", np.uint8, (int(cells.blocks[-1]), codes.width))
        if blocks.flags.writeable:  # what was read into memory; what is opened stays in its file
            blocks = at_a_line(blocks)
        vectors = taken(arrays, "vectors", index.dtype, (n, index.dim))
        held = {"starts": cells.rows, "firsts": cells.blocks, "reach": cells.reach}
        lengths = None
        if index.metric == "inner":
            lengths, total = Lengths.restored(arrays, vectors)
            held["squares"] = np.array([total])
        model = Model(frozen(centres), codes, int(rows[0]), lengths)
        return State(model, (Part.of(arrays["ids"], vectors=vectors, codes=blocks, **held),))


def _longer(state: State, rows: NDArray[np.float32]) -> bool:
    """Whether with these rows all are much longer than those that cells were learned from."""
    lengths = state.model.lengths
    if lengths is None:
        return False
    total = sum(float(part["squares"][0]) for part in state.parts) + lengths.sum(rows)
    return lengths.outgrown(total, sum(part.ids.size for part in state.parts) + len(rows))
