"""LMA: codes by which embedding rows share memory as often as their ids are used alike."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import method, whole
from thrifty.hashing import MinHash, mix64
from thrifty.nn._idtable import codes_apart, id_table

__all__ = ["similar_codes"]


@method(
    source="Desai et al. 2021, Semantically constrained memory allocation (LMA), arXiv:2103.06124",
    memory="2 * pieces bytes an id, beside the array",
    time="O(n * fields**2) once, of the rows that are looked at",
    error="two ids share a block of their rows with probability jaccard**hashes + 1 / (slots - "
    "block + 1), within the standard error of pieces draws",
    exact="the Jaccard similarity of the sets of ids that two ids stand beside",
    laws=("module",),
    evidence=("lma",),
)
def similar_codes(
    rows: ArrayLike,
    num_ids: int,
    pieces: int,
    *,
    hashes: int = 1,
    least: int = 3,
    seed: int = 0,
) -> NDArray[np.uint16]:
    """Codes for `SimilarityMap`: ids that stand beside the same other ids have codes in common.

    An id's set is of the ids in the other columns of the rows that hold it. A piece of its code
    is the least of `hashes` random orders of that set (minhash), so that two ids agree in a piece
    about as often as their sets overlap, to the power of hashes. An id seen in fewer than `least`
    rows, of which nothing is known, has codes of its own. Where ids have thousands of companions,
    of which each is rare, sets of ids that are alike hardly meet: there `spectral_codes` tells
    them better.

    Args:
        rows: (n, fields) whole numbers in 0..num_ids - 1, ids numbered over all fields; a sample
            of some 100,000 rows is enough.
        num_ids: ids in all.
        pieces: codes an id, 1..1024: columns of its row over the block of the map.
        hashes: orders a piece, 1..8; more share less, and more surely.
        least: rows below which an id is on its own, 1 or more.
        seed: of the orders, 0..2**63 - 1.

    Returns:
        (num_ids, pieces) uint16.

    Raises:
        ValueError: rows are no table of ids, or an argument is outside its range.
        TypeError: an argument that is no whole number.

    Example:
        >>> rows = [[0, 2], [1, 2], [0, 3], [1, 3], [4, 5], [4, 6]]
        >>> codes = similar_codes(rows, 7, 8, least=1)
        >>> int((codes[0] == codes[1]).sum()), int((codes[0] == codes[4]).sum())
        (8, 0)
    """
    table = id_table(rows, num_ids, pieces)
    whole("hashes", hashes, 1, 8)
    whole("least", least, 1, 2**62)
    codes = codes_apart(num_ids, pieces, seed)
    known, starts, beside = _sets(table, num_ids, least)
    family = MinHash(min(pieces * hashes, 1024), seed=seed)
    least_of = family.of_sets(starts, beside)
    for piece in range(pieces):
        word = np.zeros(known.size, np.uint64)
        for h in range(hashes):
            column = least_of[:, (piece * hashes + h) % family.tables]
            word = mix64(column.astype(np.int64), piece) + np.uint64(31) * word
        codes[known, piece] = word.astype(np.uint16)
    return codes


def _sets(
    table: NDArray[np.int64], num_ids: int, least: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Ids in at least so many rows, where each one's set starts, and the sets one by one."""
    fields = table.shape[1]
    seen = np.bincount(table.ravel(), minlength=num_ids)
    pairs = [(table[:, a], table[:, b]) for a in range(fields) for b in range(fields) if a != b]
    if not pairs:
        return np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0, np.int64)
    who, beside = (np.concatenate(side) for side in zip(*pairs, strict=True))
    enough = seen[who] >= least
    who, beside = who[enough], beside[enough]
    order = np.argsort(who, kind="stable")
    known, sizes = np.unique(who[order], return_counts=True)
    return known, np.append(0, sizes.cumsum()), beside[order]
