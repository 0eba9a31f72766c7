"""PStable: codes on which vectors agree that are near in the Euclidean sense."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from thrifty.core import IncompatibleError, in_range, method
from thrifty.core.kernels import njit
from thrifty.hashing.keys import join, key_of

__all__ = ["PStable"]

CHUNK = 1 << 20  # projections held at once, in float32 values
HALF, TOP = np.uint64(32), np.uint64(2**31 - 1)
FARTHEST = 2.0**62


@njit(nogil=True, cache=True, error_model="numpy")
def _pack(projections, shifts, hashes, codes):
    """Codes (n, tables) from the slices that projections (n, tables * hashes) fall into."""
    for i in range(codes.shape[0]):
        row = projections[i]
        for table in range(codes.shape[1]):
            word = key_of(np.uint64(table))
            for h in range(table * hashes, (table + 1) * hashes):
                place = np.floor(np.float64(row[h]) + shifts[h])
                place = place if abs(place) < FARTHEST else FARTHEST
                word = join(word, np.uint64(np.int64(place)))
            codes[i, table] = np.int32(((word >> HALF) * TOP) >> HALF)


@method(
    source="Datar, Immorlica, Indyk and Mirrokni 2004, doi:10.1145/997817.997857",
    memory="4 * dim * hashes * tables bytes and 8 * hashes * tables",
    time="2 * dim * hashes * tables operations a row, as one matrix product",
    error="two rows at distance c share a code with probability (1 - 2 * Phi(-w / c) - 2 * c / "
    "(sqrt(2 * pi) * w) * (1 - exp(-w**2 / (2 * c**2))))**hashes, w the width of a slice",
    exact="Euclidean distance",
    laws=("distances",),
    evidence=("pstable",),
)
class PStable:
    """Hash vectors by the slices of space they lie in.

    A hash cuts space into parallel slices of one width, in a random direction and with a random
    shift; a code stands for `hashes` of them. What is not finite falls into a slice of its own.

    Args:
        dim: length of a vector, at least 1.
        hashes: slices in a code, 1..64.
        tables: codes a vector, at least 1.
        width: of a slice, in the unit of the vectors, above 0: at this distance two vectors
            share a slice with probability 0.37.
        seed: of the directions and shifts; they are the same on every machine.

    Raises:
        ValueError: an argument outside its range.
        IncompatibleError: a batch of another width.

    Example:
        >>> family = PStable(8, 1, 2000, width=4.0, seed=1)
        >>> x = np.zeros((1, 8))
        >>> same = (family(x) == family(x + 1)).mean()
        >>> p = family.collision(np.sqrt(8))
        >>> bool(abs(same - p) < 4 * np.sqrt(p * (1 - p) / 2000))
        True
    """

    def __init__(
        self, dim: int, hashes: int, tables: int, *, width: float = 1.0, seed: int = 0
    ) -> None:
        self.dim = int(in_range("dim", dim, 1, 2**31 - 1))
        self.hashes = int(in_range("hashes", hashes, 1, 64))
        self.tables = int(in_range("tables", tables, 1, 65536))
        self.width = float(in_range("width", width, 1e-30, 1e30))
        self.seed = seed
        rng = np.random.default_rng([seed, 0x957A])
        shape = (self.dim, self.tables * self.hashes)
        self.planes = (rng.standard_normal(shape, np.float32) / np.float32(self.width)).astype("f4")
        self.shifts = rng.random(self.tables * self.hashes)

    def __repr__(self) -> str:
        shape = f"{self.dim}, {self.hashes}, {self.tables}"
        return f"PStable({shape}, width={self.width!r}, seed={self.seed})"

    def __call__(self, batch: ArrayLike) -> NDArray[np.int32]:
        """Codes of each row.

        Args:
            batch: (n, dim) float32.

        Returns:
            (n, tables) int32, each in 0..num_codes - 1; other slices share one by a chance of
            2**-31.

        Raises:
            IncompatibleError: the batch is not (n, dim).
        """
        x = np.asarray(batch, dtype=np.float32)
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise IncompatibleError(f"a batch of shape {x.shape} does not fit {self!r}")
        codes = np.empty((len(x), self.tables), np.int32)
        step = max(1, CHUNK // self.planes.shape[1])
        for start in range(0, len(codes), step):
            with np.errstate(invalid="ignore", over="ignore"):
                projections = np.ascontiguousarray(x[start : start + step] @ self.planes)
            _pack(projections, self.shifts, self.hashes, codes[start : start + step])
        return codes

    def collision(self, distance: ArrayLike) -> NDArray[np.float64]:
        """Probability that two vectors at this Euclidean distance share a code."""
        far = np.maximum(np.abs(np.asarray(distance, np.float64)) / self.width, 1e-9)
        missed = 2 * far / np.sqrt(2 * np.pi) * -np.expm1(-0.5 / far**2)
        return np.clip(1 - 2 * ndtr(-1 / far) - missed, 0, 1) ** self.hashes

    @property
    def num_codes(self) -> int:
        """Number of possible codes."""
        return 2**31 - 1

    @property
    def nbytes(self) -> int:
        """Bytes held by the directions and shifts."""
        return self.planes.nbytes + self.shifts.nbytes
