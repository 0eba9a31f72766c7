"""IVF model: cells learned from a sample of rows, codes of what is left, and rows put into them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.index._bytecodes import ByteCodes, Cells
from thrifty.index._cells import assigned, learned_centres
from thrifty.index._checked import held_as
from thrifty.index._parts import EVERY, Part
from thrifty.index._scoring import frozen, score_places

__all__ = ["Model", "heaps", "joined", "learned", "made"]

Rows = NDArray[np.float32]
BLOCK = 1 << 16  # rows encoded at once


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
        """The likeliest cells of each query, (m, count), and the scores of their centres."""
        cells, m = len(self.centres), len(queries)
        rough, places = heaps(m, min(cells, count + count // 8 + 4))
        zeros, whole = np.zeros((m, 1), np.int32), Cells.of(np.array([cells]))
        nothing = zeros.view(np.float32)
        self.own.look(queries, self.blocks, whole, zeros, nothing, EVERY, rough, places)
        scores, found = heaps(m, count)
        keys, l2 = frozen(np.arange(cells)), self.codes.l2
        score_places(queries, self.centres, keys, places, l2, scores, found)
        if l2:
            scores *= np.float32(0.5)
        return np.maximum(found, 0).astype(np.int32), scores


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
