"""DWTA: codes on which vectors with the same order of coordinates agree, sparse ones too."""

from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from thrifty.core import IncompatibleError, in_range, method
from thrifty.core.kernels import njit
from thrifty.hashing.keys import GAMMA, mix

__all__ = ["DWTA"]

ATTEMPTS = 100
EMPTY = -1


@njit(nogil=True, cache=True, error_model="numpy")
def _winners(x, starts, coordinates, positions, out):
    """Position of the largest value in each bin of one dense row; EMPTY where none is a number."""
    for b in range(starts.size - 1):
        best, winner = -np.inf, EMPTY
        for j in range(starts[b], starts[b + 1]):
            value = x[coordinates[j]]
            if value > best or (winner == EMPTY and value == best):
                best, winner = value, positions[j]
        out[b] = winner


@njit(nogil=True, cache=True, error_model="numpy")
def _sparse_winners(ids, values, starts, bins, positions, best, out):
    """As `_winners` for one sparse row: only stored values take part."""
    for b in range(out.size):
        best[b], out[b] = -np.inf, EMPTY
    for i in range(ids.size):
        value = values[i]
        for j in range(starts[ids[i]], starts[ids[i] + 1]):
            b = bins[j]
            if value > best[b] or (value == best[b] and positions[j] < out[b]):
                best[b], out[b] = value, positions[j]


@njit(nogil=True, cache=True, error_model="numpy")
def _densify(winners, seed, out):
    """Fill each empty bin from another bin, chosen by a hash of bin and attempt alone."""
    n = np.uint64(winners.size)
    for b in range(winners.size):
        pick = winners[b]
        attempt = 0
        while pick == EMPTY and attempt < ATTEMPTS:
            attempt += 1
            word = mix(np.uint64(seed) + np.uint64(b * ATTEMPTS + attempt) * GAMMA)
            pick = winners[np.int64((word >> np.uint64(33)) % n)]
        out[b] = pick


@njit(nogil=True, cache=True, error_model="numpy")
def _join(winners, hashes, shift, last, codes):
    """Codes of one row: `hashes` winners each; what is still empty counts as the last position."""
    for table in range(codes.size):
        code = np.int32(0)
        for h in range(hashes):
            winner = winners[table * hashes + h]
            code = (code << shift) | np.int32(last if winner == EMPTY else winner)
        codes[table] = code


@njit(nogil=True, cache=True, error_model="numpy")
def _hash_dense(batch, starts, coordinates, positions, hashes, shift, last, codes):
    winners = np.empty(starts.size - 1, np.int32)
    for i in range(batch.shape[0]):
        _winners(batch[i], starts, coordinates, positions, winners)
        _join(winners, hashes, shift, last, codes[i])


@njit(nogil=True, cache=True, error_model="numpy")
def _hash_sparse(indptr, ids, values, starts, bins, positions, seed, hashes, shift, last, codes):
    winners = np.empty(codes.shape[1] * hashes, np.int32)
    filled = np.empty(winners.size, np.int32)
    best = np.empty(winners.size, np.float32)
    for i in range(codes.shape[0]):
        row, values_i = ids[indptr[i] : indptr[i + 1]], values[indptr[i] : indptr[i + 1]]
        _sparse_winners(row, values_i, starts, bins, positions, best, winners)
        _densify(winners, seed, filled)
        _join(filled, hashes, shift, last, codes[i])


@method(
    source="Chen and Shrivastava 2018, Densified winner take all (DWTA) hashing",
    memory="16 bytes a place, max(tables * hashes * bin_size, dim * permutations) places or less",
    time="O(places) a dense row, O(non-zeros * permutations + bins) a sparse one",
    error="kernel exact for Gaussian coordinates; densified bins collide a little more often",
    exact="agreement of the order of coordinates",
    laws=("lsh",),
    evidence=("dwta",),
)
class DWTA:
    """Hash vectors by which coordinate wins in random bins of coordinates.

    A bin holds `bin_size` places to which shuffled coordinates are dealt; its hash is the place
    of the largest value. A code joins `hashes` bins. In a sparse row only stored values compete,
    and a bin without any borrows the winner of another bin (densification). NaN never wins.

    Args:
        dim: width of a vector, at least 1.
        tables: codes a vector, at least 1.
        hashes: bins in a code, at least 1.
        bin_size: places in a bin, a power of two from 2; bin_size**hashes at most 2**24.
        seed: of the shuffles; codes are the same on every machine.
        permutations: copies of the coordinates dealt; None for enough to fill every place.
            Fewer leave places empty, so bin_size may exceed the coordinates in a bin.

    Raises:
        ValueError: an argument outside its range.
        IncompatibleError: a batch of another width.

    Example:
        >>> family = DWTA(64, 20, 2, 8, seed=1)
        >>> x = np.random.default_rng(0).standard_normal((1, 64))
        >>> bool((family(x) == family(np.exp(x))).all())   # only the order matters
        True
    """

    def __init__(
        self,
        dim: int,
        tables: int,
        hashes: int,
        bin_size: int,
        *,
        seed: int = 0,
        permutations: int | None = None,
    ) -> None:
        self.dim = in_range("dim", dim, 1, 2**31 - 1)
        self.tables = in_range("tables", tables, 1, 65536)
        self.hashes = in_range("hashes", hashes, 1, 24)
        self.bin_size = _power("bin_size", bin_size)
        in_range("bin_size**hashes", self.num_codes, 2, 2**24)
        self.seed = seed
        places = tables * hashes * bin_size
        self.permutations = in_range("permutations", permutations or -(-places // dim), 1, 65536)
        self._deal(places)

    def __repr__(self) -> str:
        shape = f"{self.dim}, {self.tables}, {self.hashes}, {self.bin_size}"
        return f"DWTA({shape}, seed={self.seed})"

    def __call__(self, batch: ArrayLike) -> NDArray[np.int32]:
        """Codes of each row.

        Args:
            batch: (n, dim) float32, dense or scipy sparse. Zeros compete in a dense row and are
                absent from a sparse one.

        Returns:
            (n, tables) int32, each in 0..num_codes - 1.

        Raises:
            IncompatibleError: the batch is not (n, dim).
        """
        x: Any = sp.csr_array(batch) if sp.issparse(batch) else np.asarray(batch, dtype="f4")
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise IncompatibleError(f"a batch of shape {x.shape} does not fit {self!r}")
        codes = np.empty((x.shape[0], self.tables), np.int32)
        tail = (self.hashes, self.bin_size.bit_length() - 1, self.bin_size - 1, codes)
        if not sp.issparse(x):
            _hash_dense(np.ascontiguousarray(x), *self._by_bin, *tail)
            return codes
        rows = (x.indptr.astype("i8"), x.indices.astype("i4"), x.data.astype("f4"))
        _hash_sparse(*rows, *self._by_coordinate, self.seed & 0x7FFFFFFF, *tail)
        return codes

    def collision(self, similarity: ArrayLike) -> NDArray[np.float64]:
        """Probability that two dense vectors share a code.

        Args:
            similarity: correlation of the coordinate pairs, taken as jointly Gaussian. Where
                several coordinates share a place (dim * permutations above the number of
                places), the value is a lower bound.
        """
        similarity = np.asarray(similarity, dtype=np.float64)
        starts, coordinates, _ = self._by_bin
        sizes = np.array([np.unique(coordinates[a:b]).size for a, b in pairwise(starts)])
        flat = np.empty(similarity.size)
        for i, rho in enumerate(similarity.ravel()):
            by_size = {size: _same_winner(rho, size) for size in np.unique(sizes)}
            each = np.array([by_size[size] for size in sizes]).reshape(self.tables, self.hashes)
            flat[i] = each.prod(axis=1).mean()
        return flat.reshape(similarity.shape)

    @property
    def num_codes(self) -> int:
        """Number of possible codes."""
        return self.bin_size**self.hashes

    @property
    def nbytes(self) -> int:
        """Bytes held by the dealt coordinates, by bin and by coordinate."""
        return sum(array.nbytes for array in (*self._by_bin, *self._by_coordinate))

    def _deal(self, places: int) -> None:
        rng = np.random.default_rng([self.seed, 0xD37A])
        copies = np.concatenate([rng.permutation(self.dim) for _ in range(self.permutations)])
        if 0 <= copies.size - places < self.dim:
            coordinates, dealt = copies[:places], np.arange(places)
        else:
            coordinates, dealt = copies, rng.permutation(max(places, copies.size)) % places
            dealt = dealt[: copies.size]
        bins, positions = dealt // self.bin_size, dealt % self.bin_size
        order = np.argsort(dealt, kind="stable")
        starts = np.searchsorted(bins[order], np.arange(places // self.bin_size + 1))
        self._by_bin = _int32(starts, coordinates[order], positions[order])
        order = np.lexsort((dealt, coordinates))
        starts = np.searchsorted(coordinates[order], np.arange(self.dim + 1))
        self._by_coordinate = _int32(starts, bins[order], positions[order])


def _int32(*arrays: NDArray) -> tuple[NDArray[np.int32], ...]:
    return tuple(np.ascontiguousarray(array, dtype=np.int32) for array in arrays)


def _power(name: str, value: int) -> int:
    if value < 2 or value & (value - 1):
        raise ValueError(f"{name} must be a power of two from 2, got {value!r}")
    return value


def _same_winner(rho: float, size: int) -> float:
    """P(the same of `size` coordinates is largest in both), pairs Gaussian of correlation rho."""
    if size <= 1 or rho >= 1 - 1e-12:
        return 1.0
    if rho <= -1 + 1e-12:
        return 0.0
    step = 0.02
    grid = np.arange(-6, 6, step) + step / 2
    density = np.exp(-grid * grid / 2) / np.sqrt(2 * np.pi) * step
    edges = np.append(grid - step / 2, 6.0)
    below = ndtr((edges[None, :] - rho * grid[:, None]) / np.sqrt(1 - rho * rho))
    mass = density[:, None] * np.diff(below, axis=1)
    joint = np.pad(mass.cumsum(axis=0).cumsum(axis=1), (1, 0))
    middle = (joint[1:, 1:] + joint[:-1, 1:] + joint[1:, :-1] + joint[:-1, :-1]) / 4
    return float(size * (mass * middle ** (size - 1)).sum())
