"""Signs: vectors to the sides of planes they lie on, turned so that near ones share most."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from thrifty.hashing import SimHash
from thrifty.index._scoring import frozen

__all__ = ["Signs"]

Rows = NDArray[np.float32]
BLOCK = 1 << 20  # products at once
ROUNDS = 20  # of turning the planes
WIDE = 0.3  # length of the added number beside that of a row, where distances count


@dataclass(frozen=True, eq=False)
class Signs:
    """What is learned of rows, and makes codes of them.

    Rows are taken from their mean. Where lengths matter they get one number more: of a query and
    a row whose distance counts the same for all, so that far rows are seen at a wider angle; or,
    where products count, what makes all rows equally long, as in maxip.py.

    Args:
        mean: (d,) float32. planes: (d + 1, bits) float32. length: of the added number, or the
            longest row. metric: cosine, inner or l2. rows: how many it was learned from.
    """

    mean: Rows
    planes: Rows
    length: float
    metric: str
    rows: int

    @classmethod
    def learned(
        cls, sample: Rows, bits: int, *, metric: str, turned: bool, rows: int, seed: int
    ) -> Self:
        """Planes in groups of d + 1 at right angles, turned to suit a sample if so wished."""
        mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
        squares = np.square(sample - mean).sum(axis=1, dtype=np.float64)
        most, typical = squares.max(initial=0.0), squares.mean() if len(sample) else 0.0
        length = {"cosine": 0.0, "l2": WIDE**2 * typical, "inner": most}[metric] ** 0.5
        drawn = SimHash(len(mean) + 1, 1, bits, seed=seed).planes
        first = cls(mean, drawn, float(length), metric, rows)
        lifted = first._lifted(sample).astype(np.float64)
        groups = [drawn[:, at : at + len(drawn)] for at in range(0, bits, len(drawn))]
        made = [_turned(group, lifted, ROUNDS if turned else 0) for group in groups]
        planes = frozen(np.concatenate(made, axis=1).astype(np.float32))
        return cls(frozen(mean), planes, float(length), metric, rows)

    @property
    def bits(self) -> int:
        """Of a code."""
        return self.planes.shape[1]

    def of_rows(self, rows: Rows) -> NDArray[np.uint64]:
        """Codes of rows, (n, bits / 64)."""
        return self._codes(rows, asked=False)

    def of_queries(self, queries: Rows) -> NDArray[np.uint64]:
        """Codes of queries, (m, bits / 64)."""
        return self._codes(queries, asked=True)

    def _lifted(self, rows: Rows, *, asked: bool = False) -> Rows:
        lifted = np.zeros((len(rows), len(self.planes)), np.float32)
        lifted[:, :-1] = rows if asked and self.metric == "inner" else rows - self.mean
        if self.metric == "l2":
            lifted[:, -1] = self.length
        elif self.metric == "inner" and not asked:
            squares = np.einsum("ij,ij->i", lifted, lifted)
            lifted[:, -1] = np.sqrt(np.maximum(self.length**2 - squares, 0))
        return lifted

    def _codes(self, rows: Rows, *, asked: bool) -> NDArray[np.uint64]:
        codes = np.empty((len(rows), self.bits // 64), np.uint64)
        step = max(1, BLOCK // self.bits)
        for start in range(0, len(rows), step):
            lifted = self._lifted(rows[start : start + step], asked=asked)
            with np.errstate(invalid="ignore", over="ignore"):  # of a damaged file
                packed = np.packbits(lifted @ self.planes > 0, axis=1)
            codes[start : start + step] = packed.view("<u8")
        return codes


def _turned(planes: Rows, lifted: NDArray[np.float64], rounds: int) -> NDArray[np.float64]:
    """Planes at right angles, turned so that rows lie near the corners of a cube (ITQ)."""
    turned = np.linalg.qr(planes.astype(np.float64))[0]
    for _ in range(rounds):
        corners = np.where(lifted @ turned > 0, 1.0, -1.0)
        left, _, right = np.linalg.svd(lifted.T @ corners, full_matrices=False)
        turned = left @ right
    return turned
