"""LSH: a family of codes as JSON and back, and rows of vectors as the codes they have."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from thrifty.core import IncompatibleError, Interval, in_range, one_of
from thrifty.core.kernels import njit
from thrifty.hashing import PStable, SimHash
from thrifty.hashing.keys import mix, seed_key

__all__ = [
    "Family",
    "cells_of",
    "described",
    "finite_rows",
    "mean_of_tables",
    "remade",
    "restored",
]

Family = SimHash | PStable
MOST = 1 << 26  # dimensions times hashes of a family that bytes may ask for
CELLS, HALF = 0x63656C6C73, np.uint64(32)


def described(family: Family) -> dict[str, Any]:
    """What makes the family again."""
    if isinstance(family, PStable):
        shape = [family.dim, family.hashes, family.tables]
        return {"name": "pstable", "shape": shape, "width": family.width, "seed": family.seed}
    shape = [family.dim, family.bits, family.tables]
    return {"name": "simhash", "shape": shape, "density": family.density, "seed": family.seed}


def restored(told: Mapping[str, Any]) -> Family:
    """Inverse of `described`; a family too large to be meant is refused before it is made."""
    dim, hashes, tables = (int(number) for number in told["shape"])
    if min(dim, hashes, tables) < 1 or dim * hashes * tables > MOST:
        raise ValueError(f"shape must be of at most 2**26 numbers, got {told['shape']!r}")
    if one_of("family", told["name"], ("simhash", "pstable")) == "pstable":
        return PStable(dim, hashes, tables, width=told["width"], seed=told["seed"])
    return SimHash(dim, hashes, tables, density=told["density"], seed=told["seed"])


def remade(family: Family) -> Family:
    """The family, once it is sure that its description makes it again.

    Raises:
        IncompatibleError: it has planes that were given.
        ValueError: it is too large to be described.
    """
    if family.planes.size > MOST:
        raise ValueError(f"family must hold at most 2**26 numbers, got {family!r}")
    if isinstance(family, SimHash) and not np.array_equal(family._drawn(), family.planes):
        raise IncompatibleError(f"{family!r} must have planes of its seed, got planes of its own")
    return family


def finite_rows(x: ArrayLike, dim: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Rows as (n, dim) float32, and which are finite throughout; an empty list is no rows.

    Raises:
        IncompatibleError: rows of another width.
    """
    rows = np.asarray(x, np.float32)
    if rows.size == 0 and rows.ndim < 2:
        rows = np.zeros((0, dim), np.float32)
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise IncompatibleError(f"rows of shape {rows.shape} must be (n, {dim})")
    return rows, np.logical_and.reduce(np.isfinite(rows), axis=1)


@njit(nogil=True, cache=True, error_model="numpy")
def _squeeze(codes, key, width, out):
    """Each code as a cell of its row of the sketch, by a hash with a seed of its own per row."""
    for i in range(codes.shape[0]):
        for row in range(codes.shape[1]):
            word = mix(np.uint64(codes[i, row]) + mix(key + np.uint64(row)))
            out[i, row] = np.int64(((word >> HALF) * np.uint64(width)) >> HALF)


def cells_of(family: Family, rows: NDArray[np.float32], width: int | None) -> NDArray[np.int64]:
    """Cell of each row of vectors in each row of a sketch: the code, or a hash of it."""
    codes = family(rows)
    if width is None:
        return codes.astype(np.int64)
    out = np.empty(codes.shape, np.int64)
    _squeeze(codes, seed_key(family.seed, CELLS), width, out)
    return out


def mean_of_tables(found: NDArray[np.float64], confidence: float) -> Interval:
    """Means of what each table answers (n, tables), and the ends that their spread gives.

    Raises:
        ValueError: confidence is outside 0.5..0.9999.
    """
    reach = ndtri(0.5 + in_range("confidence", confidence, 0.5, 0.9999) / 2)
    spread = found.std(axis=1, ddof=1 if found.shape[1] > 1 else 0)
    error = reach * spread / np.sqrt(found.shape[1])
    middle = found.mean(axis=1)
    return Interval(middle, middle - error, middle + error)  # type: ignore[arg-type]
