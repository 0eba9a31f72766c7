"""Spectral: codes by which embedding rows of ids that are used alike share memory."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from thrifty.core import method, whole
from thrifty.nn._idtable import codes_apart, id_table

__all__ = ["spectral_codes"]

ITERATIONS, ROUNDS, NOTHING = 8, 15, 1e-6
Floats = NDArray[np.float32]


@method(
    source="Dhillon 2001, Co-clustering documents and words using bipartite spectral graph "
    "partitioning, doi:10.1145/502512.502550; what codes are for: Desai et al. 2021, LMA, "
    "arXiv:2103.06124",
    memory="2 * pieces bytes an id that has a code, beside the array; 8 * dims an id while codes "
    "are made",
    time="O(dims * n * fields + ids * dims * (dims + pieces * groups)) once, of ids that are known",
    error="none promised; ids of few rows are grouped the worse",
    exact="the groups that ids come from",
    laws=("module",),
    evidence=("clicks",),
)
def spectral_codes(
    rows: ArrayLike,
    num_ids: int,
    pieces: int,
    *,
    groups: int = 64,
    dims: int = 24,
    least: int = 3,
    seed: int = 0,
) -> NDArray[np.uint16]:
    """Codes for `SimilarityMap`: ids of a column that keep the same company have a code in common.

    An id's profile is the mean place of what it stands beside, in the leading directions of the
    table of rows and ids; ids of a column whose profiles lie by the same of some centres share
    the code of a piece. Unlike sets, profiles of ids that have no companion in common can agree,
    so that rare ids find the group of frequent ones. An id in fewer than `least` rows, or that
    stands beside nothing known, has codes of its own.

    Args:
        rows: (n, fields) whole numbers in 0..num_ids - 1, ids numbered over all fields.
        num_ids: ids in all.
        pieces: codes an id, 1..1024: columns of its row over the block of the map. Each piece
            has groups of its own.
        groups: of the ids of each column, 1..65,536 over the number of fields; more of them are
            purer and smaller.
        dims: of profiles, 1..1024; about as many as there are kinds of rows.
        least: rows below which an id is on its own, 1 or more.
        seed: of first directions and centres, 0..2**63 - 1.

    Returns:
        (num_ids, pieces) uint16.

    Raises:
        ValueError: rows are no table of ids, or an argument is outside its range.
        TypeError: an argument that is no whole number.

    Example:
        >>> rows = [[0, 4], [1, 5], [0, 5], [1, 4], [2, 6], [3, 7], [2, 7], [3, 6]]
        >>> codes = spectral_codes(rows, 9, 3, groups=2, dims=1, least=2)
        >>> bool((codes[0] == codes[1]).all()), bool((codes[0] == codes[2]).any())
        (True, False)
    """
    table = id_table(rows, num_ids, pieces)
    whole("groups", groups, 1, 2**16 // table.shape[1])
    whole("dims", dims, 1, 1024)
    whole("least", least, 1, 2**62)
    codes = codes_apart(num_ids, pieces, seed)
    ids, profiles, weights = _profiles(table, num_ids, dims, least, seed)
    column = np.zeros(num_ids, np.int64)
    for field in range(table.shape[1]):
        column[table[:, field]] = field
    for field in range(table.shape[1]):
        mine = np.flatnonzero(column[ids] == field)
        for piece in range(pieces if mine.size else 0):
            rng = np.random.default_rng([seed, field, piece])
            nearest = _nearest(profiles[mine], weights[mine], groups, rng)
            codes[ids[mine], piece] = field * groups + nearest
    return codes


def _profiles(
    table: NDArray[np.int64], num_ids: int, dims: int, least: int, seed: int
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Ids of which something is known, their profiles of length 1, and in how many rows they are.

    The leading eigenvectors of D**-1/2 (B.T B - D) D**-1/2, where B says which id is in which row
    and D how often each is, without the first, which says no more than D.
    """
    seen = np.bincount(table.ravel(), minlength=num_ids)
    ids = np.flatnonzero(seen >= least)
    place = np.full(num_ids, -1)
    place[ids] = np.arange(ids.size)
    held = place[table]
    lines, columns = np.nonzero(held >= 0)
    counts = seen[ids].astype(np.float32)
    ones = np.ones(lines.size, np.float32) / np.sqrt(counts)[held[lines, columns]]
    scaled = csr_array((ones, (lines, held[lines, columns])), shape=(len(table), ids.size))
    back = scaled.T.tocsr()
    first = np.sqrt(counts) / np.sqrt(counts.sum() + np.float32(NOTHING))
    width = min(dims, ids.size)
    moved = np.random.default_rng(seed).standard_normal((ids.size, width)).astype(np.float32)
    basis = moved
    for _ in range(ITERATIONS):
        basis = np.linalg.qr(moved - first[:, None] * (first @ moved))[0]
        moved = back @ (scaled @ basis)
    moved -= basis
    moved = (moved - first[:, None] * (first @ moved)) / np.sqrt(counts)[:, None]
    length = np.linalg.norm(moved, axis=1)
    known = length > NOTHING
    return ids[known], moved[known] / length[known, None], counts[known]


def _nearest(
    profiles: Floats, weights: Floats, groups: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Which of some centres each profile lies by: spherical k-means, weighted.

    First centres are drawn by weight times distance to those there are.
    """
    n, gaps, drawn = len(profiles), np.ones(len(profiles)), []
    for _ in range(min(groups, n)):
        chances = np.cumsum(gaps * weights)
        drawn.append(min(int(np.searchsorted(chances, rng.random() * chances[-1])), n - 1))
        gaps = np.minimum(gaps, np.maximum(1 - profiles @ profiles[drawn[-1]], 0))
    centres = profiles[drawn]
    for _ in range(ROUNDS):
        nearest = (profiles @ centres.T).argmax(axis=1)
        shape = (len(centres), n)
        sums = csr_array((weights, (nearest, np.arange(n))), shape=shape) @ profiles
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(length > 0, sums / np.maximum(length, NOTHING), centres)
    return (profiles @ centres.T).argmax(axis=1)
