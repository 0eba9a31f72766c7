"""Learned index: planes learned for the output rows of a trained network, and tables under them."""

from math import ceil, log2

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from thrifty.core import BudgetError, format_bytes, parse_bytes
from thrifty.hashing import SimHash
from thrifty.index import MaxIPIndex
from thrifty.learn.hidden_path import HiddenPath
from thrifty.learn.lss import learn_planes
from thrifty.learn.network import Wide
from thrifty.learn.tile import Labels, cut

__all__ = ["index_under", "learned_planes", "learning_nbytes"]

A_BUCKET, ROOM, TABLES = 128, 3, 32  # outputs a bucket by the mean, room for times as many
PAIRS, OTHERS = 8192, 30_000  # of row and label, and outputs that are nobody's label
Floats = NDArray[np.float32]


def learned_planes(
    wide: Wide, rows: csr_array, labels: Labels, *, tables: int = TABLES, seed: int = 0
) -> Floats:
    """Planes under which hidden values share buckets with the output rows of their labels.

    Args:
        wide: a trained network with a hidden path.
        rows: (n, columns), best such that the network was not trained on.
        labels: (offsets, ids) of the rows; the first 8,192 pairs of row and label are learned from.
        tables: how many tables there may be.
        seed: of planes and batches.

    Returns:
        (hidden + 1, tables * bits) float32, for `index_under`.

    Raises:
        ValueError: fewer than 10 pairs, or no hidden path.
    """
    path, (offsets, ids) = _path(wide), labels
    row_of = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))[:PAIRS]
    ids = ids[:PAIRS]
    last = int(row_of[-1]) + 1 if row_of.size else 0
    tiles = cut(rows[:last], None, wide.settings.tile)
    hidden = [path.activate(tile, wide.scratch)[0] for tile in tiles]
    queries = np.concatenate([np.empty((0, path.output.shape[1]), np.float32), *hidden])[row_of]
    outputs = wide.settings.num_outputs
    others = np.random.default_rng([seed, 31]).integers(0, outputs, OTHERS)
    some = np.union1d(ids, others).astype(np.int32)
    bits, _ = _shape(outputs)
    own = np.searchsorted(some, ids)
    return learn_planes(
        queries, own, path.rows(some), path.bias[some], bits, tables, rounds=3, seed=seed
    )


def index_under(wide: Wide, planes: Floats, *, memory: int | str) -> MaxIPIndex:
    """The index over a network's output rows under learned planes.

    Args:
        wide: the network.
        planes: of `learned_planes`.
        memory: bytes it may hold; the first tables that fit are made.

    Raises:
        BudgetError: not even one table fits.
        ValueError: no hidden path.
    """
    path, outputs = _path(wide), wide.settings.num_outputs
    bits, capacity = _shape(outputs)
    table = (1 << bits) * (4 * capacity + 8) + 4 * outputs + 4 * len(planes) * bits
    tables = min(planes.shape[1] // bits, parse_bytes(memory, "memory") // table)
    if tables < 1:
        needs = f"an index over {outputs} outputs needs {format_bytes(table)}"
        raise BudgetError(f"{needs}, got {memory!r}", table)
    kept = np.ascontiguousarray(planes[:, : tables * bits])
    family = SimHash(len(planes), bits, tables, planes=kept)
    return MaxIPIndex(family, capacity=capacity).build(path.output_float32(), path.bias)


def learning_nbytes(outputs: int, hidden: int) -> int:
    """An upper bound of what `learned_planes` works with, in bytes.

    Example:
        >>> learning_nbytes(670_091, 128) < 220_000_000
        True
    """
    bits, _ = _shape(outputs)
    rows = min(outputs, PAIRS + OTHERS)
    vectors = 8 * (hidden + 1) * (rows + 2 * PAIRS)
    candidates, codes = 24 * PAIRS * (rows // 100 + 16), 8 * PAIRS * TABLES * bits
    tables = TABLES * ((1 << bits) * (4 * 64 + 8) + 4 * rows + 20 * hidden * bits)
    return vectors + candidates + codes + tables


def _path(wide: Wide) -> HiddenPath:
    if wide.hidden is None:
        raise ValueError("wide must be a network with a hidden path, got hidden=0")
    return wide.hidden


def _shape(outputs: int) -> tuple[int, int]:
    """Bits of a code, and ids a bucket holds."""
    bits = min(24, max(1, round(log2(max(2, outputs / A_BUCKET)))))
    return bits, min(32767, ceil(ROOM * outputs / (1 << bits)))
