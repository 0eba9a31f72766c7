"""IVF model: cells learned from a sample of rows, codes of what is left, and rows put into them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit
from thrifty.index._cells import assigned, learned_centres
from thrifty.index._checked import held_as
from thrifty.index._ivf_bytes import ByteCodes, Cells
from thrifty.index._ivf_int8 import LANES, dots
from thrifty.index._ivf_lengths import Lengths
from thrifty.index._ivf_pool import cut, keep_best
from thrifty.index._parts import Part
from thrifty.index._scoring import frozen, score_row

__all__ = ["Model", "cells_of", "joined", "learned", "made"]

Rows = NDArray[np.float32]
BLOCK = 1 << 16  # rows encoded at once
LEAST, STRIP = np.int32(-(2**31)), 16
NO_REACH = frozen(np.zeros(0, np.float32))


@dataclass(frozen=True, eq=False)
class Model:
    """What is learned of the rows.

    Args:
        centres: (cells, d) float32. codes: of what is left beside them. rows: learned from.
        lengths: of these rows, where products count: there rows are of any length, the longest
            matter most, and what is left is divided by the reach of its cell.
    """

    centres: Rows
    codes: Any
    rows: int
    lengths: Lengths | None
    own: ByteCodes = field(init=False)  # the centres themselves are searched as rows of one cell
    blocks: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        rng, sizes = np.random.default_rng(0), np.array([len(self.centres)])
        own = ByteCodes.learned(self.centres, rng, l2=self.codes.l2)
        blocks = own.pack(own.encode(self.centres), sizes, np.zeros_like(self.centres[:1]))
        object.__setattr__(self, "own", own)
        object.__setattr__(self, "blocks", frozen(blocks))

    @property
    def scaled(self) -> bool:
        """Whether what is left is divided by the reach of its cell."""
        return self.lengths is not None

    def probes(
        self, queries: Rows, count: int, reach: Rows = NO_REACH
    ) -> tuple[NDArray[np.int32], Rows]:
        """The likeliest cells of each query (m, count), the best first, and their centres' scores.

        Which they are is told by codes, as of rows; the scores are exact. With the reach of cells
        a cell is the likelier, and its score the larger, by the product of a query with a row
        that far from the centre, at a deviation of that of random directions.
        """
        m, own, lifts = len(queries), self.own, _lifts(queries) if reach.size else NO_REACH
        asked, flat = own.asked(queries), frozen(self.blocks.reshape(-1))
        biases = flat.view(np.float32)[: flat.size // 4 * own.l2]
        spare = min(len(self.centres), count + count // 8 + 4)
        found, scores = np.zeros((m, spare), np.int32), np.empty((m, spare), np.float32)
        every = len(self.blocks) * LANES
        room = np.empty((2, every), np.float32), np.empty(2 * every + 1, np.float32)
        room = *room, np.empty(every + 1, np.int32), np.empty(2 * LANES, np.int32)
        held = flat, biases, own.width, len(self.centres), reach, lifts
        _nearest_cells(*asked, *held, *room, found)
        _score_centres(queries, self.centres, self.codes.l2, reach, lifts, count, found, scores)
        return np.ascontiguousarray(found[:, :count]), np.ascontiguousarray(scores[:, :count])

    def probes_of_share(
        self, queries: Rows, share: float, cells: Sequence[Cells]
    ) -> tuple[NDArray[np.int32], Rows]:
        """The likeliest cells of each query that hold a share of the rows, and centres' scores.

        Where rows are of any length their cells hold very different numbers of them. What is
        beyond the share is -1.

        Args:
            queries: (m, d) float32. share: of all rows, above 0. cells: of each part.
        """
        reach = frozen(np.max([mine.reach for mine in cells], axis=0))
        sizes = np.sum([np.diff(mine.rows) for mine in cells], axis=0)
        room = share * sizes.sum()
        count = int(np.searchsorted(np.cumsum(np.sort(sizes)), room)) + 1
        found, likely = self.probes(queries, min(count, sizes.size), reach)
        order = np.argsort(-likely, axis=1, kind="stable")
        found, likely = (np.take_along_axis(mine, order, axis=1) for mine in (found, likely))
        held = sizes[found]
        with np.errstate(invalid="ignore", over="ignore"):  # of a damaged file
            bases = likely - _lifts(queries)[:, None] * reach[found]
        return np.where(np.cumsum(held, axis=1) - held < room, found, np.int32(-1)), bases


def _lifts(queries: Rows) -> Rows:
    """A deviation of products of queries with random directions."""
    return frozen(_lengths(queries) / np.float32(queries.shape[1] ** 0.5))


def _lengths(rows: Rows) -> Rows:
    return np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64)).astype(np.float32)


@njit(error_model="numpy")
def _likeliest(scores, tops, chosen, into):
    """The cells of the largest scores: only strips whose top is among the largest are looked at."""
    count, some = into.size, -(-scores.size // STRIP)
    for strip in range(some):
        top = np.float32(-np.inf)
        for score in scores[strip * STRIP : (strip + 1) * STRIP]:
            top = max(top, score)
        tops[strip] = top
    least = cut(tops[:some], count)[0] if some >= count else np.float32(-np.inf)
    near = 0
    for strip in range(some):
        if tops[strip] > least:
            for cell in range(strip * STRIP, min((strip + 1) * STRIP, scores.size)):
                tops[some + near], chosen[near] = scores[cell], cell
                near += scores[cell] > least
    keep_best(tops[some : some + near], chosen[:near], count)
    for j in range(count):
        into[j] = chosen[j]


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _nearest_cells(
    words, groups, shifts, scales, codes, biases, width, cells, reach, lifts, scores, tops, chosen,
    out, found,
):  # fmt: skip
    """The cells of the largest products, of two queries at a time."""
    m = found.shape[0]
    for i in range(0, m, 2):
        j = min(i + 1, m - 1)
        for block in range(scores.shape[1] // LANES):
            start, first = block * width, block * LANES
            dots(codes, start, words, i * groups, j * groups, groups, LEAST, LEAST, out)
            for t in range(LANES):
                scores[0, first + t] = scales[i] * np.float32(out[t] - shifts[i])
                scores[1, first + t] = scales[j] * np.float32(out[LANES + t] - shifts[j])
            if biases.size:
                bias = biases[(start + width) // 4 - LANES : (start + width) // 4]
                for t in range(LANES):
                    scores[0, first + t] += bias[t]
                    scores[1, first + t] += bias[t]
        for side in range(j - i + 1):
            mine = scores[side, :cells]
            for cell in range(reach.size):
                mine[cell] += lifts[i + side] * reach[cell]
            _likeliest(mine, tops, chosen, found[i + side])


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _score_centres(queries, centres, l2, reach, lifts, count, cells, scores):
    """Exact scores of centres, half of them for distances: the best of so many, the top one first.

    What comes after them is of no use.
    """
    for i in range(queries.shape[0]):
        query, mine, theirs, best = queries[i], scores[i], cells[i], 0
        for j in range(mine.size):
            mine[j] = score_row(query, centres[theirs[j]], l2)
            if l2:
                mine[j] *= np.float32(0.5)
            if reach.size:
                mine[j] += lifts[i] * reach[theirs[j]]
        keep_best(mine, theirs, count)
        for j in range(count):
            best = j if mine[j] > mine[best] else best
        mine[0], mine[best] = mine[best], mine[0]
        theirs[0], theirs[best] = theirs[best], theirs[0]


def learned(
    sample: Rows,
    count: int,
    kind: Any,
    metric: str,
    rng: np.random.Generator,
    total: int,
    lengths: Lengths | None,
) -> Model:
    """The model of a sample of rows.

    Args:
        sample: (n, d) float32, n at least count. count: cells. kind: of codes, as in _ivf_bytes.py.
        metric: cosine, inner or l2. rng: what cells begin by. total: rows it is of.
        lengths: of these, where products count.
    """
    centres = learned_centres(sample, count, rng, sphere=metric == "cosine")
    labels = assigned(sample, centres)
    rest = sample - centres[labels]
    if lengths:
        rest = _shrunk(rest, labels, _reach(sample, labels, centres))
    codes = kind.learned(rest, rng, l2=kind.by_distance(metric))
    return Model(frozen(centres), codes, total, lengths)


def made(model: Model, rows: Rows, ids: NDArray[np.int64], dtype: str) -> Part:
    """A part of rows, cell by cell."""
    return _laid(model, rows, ids, assigned(rows, model.centres), dtype)


def _reach(rows: Rows, labels: NDArray, centres: Rows) -> Rows:
    """How far from its centre the farthest row of each cell is."""
    reach = np.zeros(len(centres), np.float32)
    for start in range(0, len(rows), BLOCK):
        mine = labels[start : start + BLOCK]
        rest = rows[start : start + BLOCK] - centres[mine]
        np.maximum.at(reach, mine, _lengths(rest))
    return reach


def _shrunk(rest: Rows, labels: NDArray, reach: Rows) -> Rows:
    """What is left of rows, in parts of the reach of their cells."""
    parts = np.where(reach > 0, reach, 1).astype(np.float32)
    return (rest / parts[labels, None]).astype(np.float32, copy=False)


def _laid(model: Model, rows: Rows, ids: NDArray, labels: NDArray, dtype: str) -> Part:
    """A part of rows of these cells."""
    reach = _reach(rows, labels, model.centres) if model.scaled else None
    order = np.argsort(labels, kind="stable")
    held, codes = np.empty(rows.shape, dtype), []
    for start in range(0, len(rows), BLOCK):
        some = order[start : start + BLOCK]
        block = rows[some]
        held[start : start + BLOCK] = held_as(block, dtype)
        rest = block - model.centres[labels[some]]
        rest = rest if reach is None else _shrunk(rest, labels[some], reach)
        codes.append(model.codes.encode(rest))
    more = {"squares": np.array([model.lengths.sum(rows)])} if model.lengths else {}
    return _part(model, labels[order], ids[order], held, np.concatenate(codes), reach, **more)


def joined(model: Model, parts: Sequence[Part]) -> Part:
    """One part of the rows of many that are not gone, cell by cell."""
    labels = np.concatenate([_labels(part)[part.stays] for part in parts])
    if model.scaled:  # each part by a reach of its own
        rows = np.concatenate([part["vectors"][part.stays] for part in parts])
        ids = np.concatenate([part.ids[part.stays] for part in parts])
        return _laid(model, rows.astype(np.float32), ids, labels, rows.dtype.name)
    order = np.argsort(labels, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(order.size)
    columns = [[part.ids, part["vectors"], _codes(model, part)] for part in parts]
    ids, held, codes = (
        np.empty((order.size, *column.shape[1:]), column.dtype) for column in columns[0]
    )
    start = 0
    for part, column in zip(parts, columns, strict=True):
        mine = places[start : start + len(part)]
        for into, given in zip((ids, held, codes), column, strict=True):
            into[mine] = given[part.stays]
        start += len(part)
    return _part(model, labels[order], ids, held, codes)


def _labels(part: Part) -> NDArray[np.int64]:
    sizes = np.diff(part["starts"])
    return np.repeat(np.arange(sizes.size), sizes)


def _codes(model: Model, part: Part) -> NDArray[np.uint8]:
    return model.codes.unpack(part["codes"], np.diff(part["starts"]))


def _part(
    model: Model,
    labels: NDArray,
    ids: NDArray,
    held: NDArray,
    codes: NDArray,
    reach: Rows | None = None,
    **more: NDArray,
) -> Part:
    sizes = np.bincount(labels, minlength=len(model.centres))
    blocks, cells = model.codes.pack(codes, sizes, model.centres), Cells.of(sizes, reach)
    where = {"starts": cells.rows, "firsts": cells.blocks, "reach": cells.reach}
    return Part.of(ids, vectors=held, codes=blocks, **where, **more)


def cells_of(part: Part) -> Cells:
    """The cells of a part."""
    return Cells(part["starts"], part["firsts"], part["reach"])
