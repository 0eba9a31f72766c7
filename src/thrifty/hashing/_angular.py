"""Angular: what every family of sign bits knows, whatever its planes are."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError

__all__ = ["Angular"]


class Angular:
    """Codes of `bits` signs each: two vectors share one as often as their angle says."""

    dim: int
    bits: int
    tables: int
    seed: int

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dim}, {self.bits}, {self.tables}, seed={self.seed})"

    def collision(self, similarity: ArrayLike) -> NDArray[np.float64]:
        """Probability that two vectors of this cosine share a code."""
        angle = np.arccos(np.clip(np.asarray(similarity, dtype=np.float64), -1, 1))
        return (1 - angle / np.pi) ** self.bits

    @property
    def num_codes(self) -> int:
        """Number of possible codes."""
        return 1 << self.bits

    def _fitting(self, batch: ArrayLike) -> Any:
        """The batch, dense or sparse, if it is (n, dim)."""
        x: Any = batch if sp.issparse(batch) else np.asarray(batch, dtype=np.float32)
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise IncompatibleError(f"a batch of shape {x.shape} does not fit {self!r}")
        return x
