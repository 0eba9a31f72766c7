"""IVF model: cells learned from a sample of rows, codes of what is left, and rows put into them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit
from thrifty.index._bytecodes import ByteCodes, Cells
from thrifty.index._cells import assigned, learned_centres
from thrifty.index._checked import held_as
from thrifty.index._int8 import LANES, dots
from thrifty.index._parts import Part
from thrifty.index._scoring import frozen, score_row

__all__ = ["Model", "heaps", "joined", "learned", "made"]

Rows = NDArray[np.float32]
BLOCK = 1 << 16  # rows encoded at once
HALVINGS = 24


@dataclass(frozen=True, eq=False)
class Model:
    """What is learned of the rows.

    Args:
        centres: (cells, d) float32. codes: of what is left beside them. rows: learned from.
    """

    centres: Rows
    codes: Any
    rows: int
    own: ByteCodes = field(init=False)  # the centres themselves are searched as rows of one cell
    blocks: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        rng, sizes = np.random.default_rng(0), np.array([len(self.centres)])
        own = ByteCodes.learned(self.centres, rng, l2=self.codes.l2)
        blocks = own.pack(own.encode(self.centres), sizes, np.zeros_like(self.centres[:1]))
        object.__setattr__(self, "own", own)
        object.__setattr__(self, "blocks", frozen(blocks))

    def probes(self, queries: Rows, count: int) -> tuple[NDArray[np.int32], Rows]:
        """The likeliest cells of each query (m, count), the best first, and their centres' scores.

        Which they are is told by codes, as of rows; the scores are exact.
        """
        m, own = len(queries), self.own
        asked, flat = own.asked(queries), frozen(self.blocks.reshape(-1))
        biases = flat.view(np.float32)[: flat.size // 4 * own.l2]
        spare = min(len(self.centres), count + count // 8 + 4)
        found, scores = np.zeros((m, spare), np.int32), np.empty((m, spare), np.float32)
        room = np.empty((2, len(self.blocks) * LANES), np.float32), np.empty(2 * LANES, np.int32)
        held = flat, biases, own.width, len(self.centres)
        _nearest_cells(*asked, *held, *room, found)
        _score_centres(queries, self.centres, self.codes.l2, count, found, scores)
        return np.ascontiguousarray(found[:, :count]), np.ascontiguousarray(scores[:, :count])


@njit(error_model="numpy")
def _cut(scores, count):
    """A score that at least so many are above, and hardly more: by halving, all at once each."""
    low, high = np.float32(np.inf), np.float32(-np.inf)
    for j in range(scores.size):
        low, high = min(low, scores[j]), max(high, scores[j])
    low -= abs(low) * np.float32(1e-6) + np.float32(1e-30)
    for _ in range(HALVINGS):
        middle, above = low + (high - low) * np.float32(0.5), 0
        for j in range(scores.size):
            above += scores[j] > middle
        if above >= count:
            low = middle
            if above == count:
                break
        else:
            high = middle
    return low


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _nearest_cells(words, groups, shifts, scales, codes, biases, width, cells, scores, out, found):
    """The cells of the largest products, of two queries at a time."""
    m, count = found.shape
    for i in range(0, m, 2):
        j = min(i + 1, m - 1)
        for block in range(scores.shape[1] // LANES):
            start, first = block * width, block * LANES
            dots(codes, start, words, i * groups, j * groups, groups, np.int32(0), np.int32(0), out)
            for t in range(LANES):
                scores[0, first + t] = scales[i] * np.float32(out[t] - shifts[i])
                scores[1, first + t] = scales[j] * np.float32(out[LANES + t] - shifts[j])
            if biases.size:
                bias = biases[(start + width) // 4 - LANES : (start + width) // 4]
                for t in range(LANES):
                    scores[0, first + t] += bias[t]
                    scores[1, first + t] += bias[t]
        for side in range(j - i + 1):
            mine, into = scores[side, :cells], found[i + side]
            least, held = _cut(mine, count), 0
            for cell in range(cells):
                if mine[cell] > least and held < count:
                    into[held] = cell
                    held += 1


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def _score_centres(queries, centres, l2, count, cells, scores):
    """Exact scores of centres, half of them for distances: the best of so many, the top one first.

    What comes after them is of no use.
    """
    for i in range(queries.shape[0]):
        query, mine, theirs, best, held = queries[i], scores[i], cells[i], 0, 0
        for j in range(mine.size):
            mine[j] = score_row(query, centres[theirs[j]], l2)
            if l2:
                mine[j] *= np.float32(0.5)
        least = _cut(mine, count)
        for j in range(mine.size):
            if mine[j] > least and held < count:
                mine[held], theirs[held] = mine[j], theirs[j]
                if mine[held] > mine[best]:
                    best = held
                held += 1
        mine[0], mine[best] = mine[best], mine[0]
        theirs[0], theirs[best] = theirs[best], theirs[0]


def heaps(m: int, size: int) -> tuple[Rows, NDArray[np.int64]]:
    """Scores and places of m queries, nothing in them."""
    return np.full((m, size), -np.inf, np.float32), np.full((m, size), -1, np.int64)


def learned(
    sample: Rows, count: int, kind: Any, metric: str, rng: np.random.Generator, total: int
) -> Model:
    """The model of a sample of rows.

    Args:
        sample: (n, d) float32, n at least count. count: cells. kind: of codes, as in _bytecodes.py.
        metric: cosine, inner or l2. rng: what cells begin by. total: rows it is of.
    """
    centres = learned_centres(sample, count, rng, sphere=metric == "cosine")
    rest = sample - centres[assigned(sample, centres)]
    codes = kind.learned(rest, rng, l2=kind.by_distance(metric))
    return Model(frozen(centres), codes, total)


def made(model: Model, rows: Rows, ids: NDArray[np.int64], dtype: str) -> Part:
    """A part of rows, cell by cell."""
    labels = assigned(rows, model.centres)
    order = np.argsort(labels, kind="stable")
    held, codes = np.empty(rows.shape, dtype), []
    for start in range(0, len(rows), BLOCK):
        some = order[start : start + BLOCK]
        block = rows[some]
        held[start : start + BLOCK] = held_as(block, dtype)
        codes.append(model.codes.encode(block - model.centres[labels[some]]))
    return _part(model, labels[order], ids[order], held, np.concatenate(codes))


def joined(model: Model, parts: Sequence[Part]) -> Part:
    """One part of the rows of many that are not gone, cell by cell."""
    labels = np.concatenate([_labels(part)[part.stays] for part in parts])
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


def _part(model: Model, labels: NDArray, ids: NDArray, held: NDArray, codes: NDArray) -> Part:
    sizes = np.bincount(labels, minlength=len(model.centres))
    blocks, cells = model.codes.pack(codes, sizes, model.centres), Cells.of(sizes)
    return Part.of(ids, vectors=held, codes=blocks, starts=cells.rows, firsts=cells.blocks)
