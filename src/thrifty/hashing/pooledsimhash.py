"""Pooled SimHash: codes of an angle from one pool of Gaussian numbers; no planes are stored."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from thrifty.core import in_range, method
from thrifty.core.kernels import njit
from thrifty.hashing._angular import Angular
from thrifty.hashing.keys import GAMMA, mix, seed_key

__all__ = ["POOL", "PooledSimHash", "drawn_pool", "project"]

POOL = 1 << 16  # so that a 64-bit hash picks four numbers
SCALE = 1024
QUARTER, MASK = np.uint64(16), np.uint64(0xFFFF)


def drawn_pool(seed: int) -> NDArray[np.int16]:
    """2**16 Gaussian numbers in units of 1/1024, so that sums are exact."""
    rng = np.random.default_rng([seed, 0x9001])
    return np.rint(SCALE * rng.standard_normal(POOL)).astype(np.int16)


@njit(nogil=True, cache=True, error_model="numpy")
def project(feature, pool, key, out):
    """Fill out with the numbers that stand for a uint64 feature, four a hash."""
    base = mix(feature + key)
    for j in range(0, out.size, 4):
        word = mix(base + np.uint64(j) * GAMMA)
        for k in range(min(4, out.size - j)):
            out[j + k] = pool[np.int64((word >> (QUARTER * np.uint64(k))) & MASK)]


@njit(nogil=True, cache=True, error_model="numpy")
def _hash_rows(indptr, ids, values, pool, key, bits, codes):
    """Codes of sparse rows, from the signs of their sums of numbers."""
    numbers = np.empty(codes.shape[1] * bits, np.int16)
    sums = np.empty(codes.shape[1] * bits, np.float64)
    for i in range(codes.shape[0]):
        sums[:] = 0
        for place in range(indptr[i], indptr[i + 1]):
            project(np.uint64(ids[place]), pool, key, numbers)
            value = np.float64(values[place])
            for j in range(sums.size):
                sums[j] += value * numbers[j]
        for table in range(codes.shape[1]):
            code = np.int32(0)
            for j in range(table * bits, (table + 1) * bits):
                code = (code << 1) | np.int32(sums[j] > 0)
            codes[i, table] = code


@method(
    source="Van Durme and Lall 2010, Online generation of locality sensitive hash signatures, "
    "aclanthology.org/P10-2043 (pooling)",
    memory="131,072 bytes, whatever the dimension",
    time="tables * bits / 4 hashes and tables * bits look-ups a stored value",
    error="two rows share a code with probability (1 - angle / pi)**bits; numbers of the pool are "
    "shared by dim * tables * bits / 65,536 entries each, which is felt only in dense rows of "
    "few columns",
    exact="cosine similarity",
    laws=("lsh",),
    evidence=("pooledsimhash",),
)
class PooledSimHash(Angular):
    """Hash vectors by the sides of random planes that no one stores.

    The entry of a plane for a column is picked from one pool of Gaussian numbers by a hash of
    column and plane. It takes no memory for columns, so that features of any number (hashed words,
    say) have planes; sparse rows cost only their stored values.

    Args:
        dim: width of a vector, 1..2**62.
        bits: bits in a code, 1..24.
        tables: codes a vector, 1..65,536.
        seed: of pool and hashes; codes are the same on every machine.

    Raises:
        ValueError: an argument outside its range.
        IncompatibleError: a batch of another width.

    Example:
        >>> family = PooledSimHash(2**40, 1, 2000, seed=1)
        >>> x = sp.csr_array(([1.0, 1.0, 1.0], ([0, 0, 1], [5, 2**35, 5])), shape=(2, 2**40))
        >>> codes = family(x)
        >>> p = family.collision(1 / np.sqrt(2))
        >>> bool(abs((codes[0] == codes[1]).mean() - p) < 4 * np.sqrt(p * (1 - p) / 2000))
        True
    """

    def __init__(self, dim: int, bits: int, tables: int, *, seed: int = 0) -> None:
        self.dim = int(in_range("dim", dim, 1, 2**62))
        self.bits = int(in_range("bits", bits, 1, 24))
        self.tables = int(in_range("tables", tables, 1, 65536))
        self.seed = seed
        self._key = seed_key(seed)
        self.pool = drawn_pool(seed)

    def __call__(self, batch: ArrayLike) -> NDArray[np.int32]:
        """Codes of each row.

        Args:
            batch: (n, dim), dense or scipy sparse.

        Returns:
            (n, tables) int32, each in 0..num_codes - 1.

        Raises:
            IncompatibleError: the batch is not (n, dim).
        """
        x = self._fitting(batch)
        rows = sp.csr_array(x)
        return self.of_rows(rows.indptr, rows.indices, rows.data)

    def of_rows(self, indptr: ArrayLike, codes: ArrayLike, values: ArrayLike) -> NDArray[np.int32]:
        """Codes of sparse rows, as `TextFeatures` makes them.

        Args:
            indptr: (n + 1,) int64; row i is entries indptr[i]..indptr[i + 1].
            codes: (m,) column of each entry.
            values: (m,) float32.

        Returns:
            (n, tables) int32.

        Raises:
            ValueError: indptr does not cut the entries into rows.
        """
        cuts, ids = np.asarray(indptr, np.int64), np.asarray(codes, np.int64)
        held = np.asarray(values, np.float32)
        whole = cuts.ndim == 1 and cuts.size and (cuts[0], cuts[-1]) == (0, ids.size)
        if not whole or (np.diff(cuts) < 0).any() or held.shape != ids.shape:
            raise ValueError(f"indptr must rise from 0 to {ids.size}, got {indptr!r}")
        out = np.empty((cuts.size - 1, self.tables), np.int32)
        _hash_rows(cuts, ids, held, self.pool, self._key, self.bits, out)
        return out

    @property
    def nbytes(self) -> int:
        """Bytes held by the pool."""
        return self.pool.nbytes
