"""SimHash: codes on which vectors of a small angle agree."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, in_range, method
from thrifty.core.kernels import njit
from thrifty.hashing._angular import Angular

__all__ = ["SimHash"]

CHUNK = 1 << 20  # projections held at once, in float32 values


@njit(nogil=True, cache=True, error_model="numpy")
def _pack(projections, bits, codes):
    """Codes (n, tables) from the signs of projections (n, tables * bits)."""
    for i in range(codes.shape[0]):
        row = projections[i]
        for table in range(codes.shape[1]):
            code = np.int32(0)
            for bit in range(bits):
                code = (code << 1) | np.int32(row[table * bits + bit] > 0)
            codes[i, table] = code


@method(
    source="Charikar 2002, Similarity estimation techniques from rounding algorithms",
    memory="4 * dim * bits * tables bytes",
    time="2 * dim * bits * tables operations a row, as one matrix product",
    error="two rows share a code with probability (1 - angle / pi)**bits",
    exact="cosine similarity",
    laws=("lsh",),
    evidence=("simhash",),
)
class SimHash(Angular):
    """Hash vectors by the sides of random planes they lie on.

    Each bit is the sign of the product with one plane through the origin; a code joins `bits`
    of them. The length of a vector does not matter; a NaN counts as the negative side.

    Args:
        dim: width of a vector, at least 1.
        bits: bits in a code, 1..24.
        tables: codes a vector, at least 1.
        seed: of the planes; the planes are the same on every machine.
        density: share of non-zero (+1 or -1) entries of a plane, 0..1; None for Gaussian planes.
        planes: (dim, tables * bits) float32, used instead of random ones.

    Raises:
        ValueError: an argument outside its range.
        IncompatibleError: planes or a batch of another shape.

    Example:
        >>> family = SimHash(16, 4, 500, seed=1)
        >>> x = np.random.default_rng(0).standard_normal((1, 16))
        >>> same = family(x) == family(x + 0.1)
        >>> cosine = (x @ (x + 0.1).T)[0, 0] / np.linalg.norm(x) / np.linalg.norm(x + 0.1)
        >>> p = family.collision(cosine)
        >>> bool(abs(same.mean() - p) < 4 * np.sqrt(p * (1 - p) / 500))
        True
    """

    def __init__(
        self,
        dim: int,
        bits: int,
        tables: int,
        *,
        seed: int = 0,
        density: float | None = None,
        planes: ArrayLike | None = None,
    ) -> None:
        self.dim = in_range("dim", dim, 1, 2**31 - 1)
        self.bits = in_range("bits", bits, 1, 24)
        self.tables = in_range("tables", tables, 1, 65536)
        self.seed = seed
        self.density = None if density is None else in_range("density", density, 1e-6, 1)
        self.planes = self._drawn() if planes is None else self._given(planes)

    def __call__(self, batch: ArrayLike) -> NDArray[np.int32]:
        """Codes of each row.

        Args:
            batch: (n, dim) float32, dense or scipy sparse.

        Returns:
            (n, tables) int32, each in 0..num_codes - 1.

        Raises:
            IncompatibleError: the batch is not (n, dim).
        """
        x = self._fitting(batch)
        codes = np.empty((x.shape[0], self.tables), np.int32)
        step = max(1, CHUNK // self.planes.shape[1])
        for start in range(0, len(codes), step):
            with np.errstate(invalid="ignore"):
                projections = np.ascontiguousarray(x[start : start + step] @ self.planes)
            _pack(projections, self.bits, codes[start : start + step])
        return codes

    @property
    def nbytes(self) -> int:
        """Bytes held by the planes."""
        return self.planes.nbytes

    def _drawn(self) -> NDArray[np.float32]:
        rng = np.random.default_rng([self.seed, 0x51A5])
        shape = (self.dim, self.tables * self.bits)
        if self.density is None:
            return rng.standard_normal(shape, dtype=np.float32)
        signs = 2 * rng.integers(0, 2, shape, dtype=np.int8) - 1
        return np.where(rng.random(shape, dtype=np.float32) < self.density, signs, 0).astype("f4")

    def _given(self, planes: ArrayLike) -> NDArray[np.float32]:
        planes = np.ascontiguousarray(planes, dtype=np.float32)
        if planes.shape != (self.dim, self.tables * self.bits):
            raise IncompatibleError(f"planes of shape {planes.shape} do not fit {self!r}")
        return planes
