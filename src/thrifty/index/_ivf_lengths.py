"""Lengths: whether rows that came later are much longer than those that cells were learned from."""

from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import FormatError, taken
from thrifty.core.summary import Arrays

__all__ = ["Lengths"]

LONGER = 2.0  # times the mean squared length
LONGEST = 256  # one in so many of a sample is longer than what the others are cut to
FAR = 1024.0  # times their mean: what a row counts for at most


class Lengths(NamedTuple):
    """Squared lengths of the rows that cells were learned from.

    A row counts for `most` at most, so that it takes many to make a difference: one row of any
    length never does where there are a thousand.

    Args:
        most: that a row counts for. mean: of all rows.
    """

    most: float
    mean: float

    @classmethod
    def learned(cls, sample: NDArray[np.float32], groups: Iterable[NDArray[np.float32]]) -> Self:
        """What a sample (n, d) and groups of all rows tell."""
        some = np.sort(_squares(sample))
        usual = np.minimum(some, some[-1 - some.size // LONGEST]).mean()
        own, total, count = cls(float(FAR * usual) or np.inf, 0.0), 0.0, 0
        for rows in groups:
            total, count = total + own.sum(rows), count + len(rows)
        return own._replace(mean=total / count)

    def sum(self, rows: NDArray[np.float32]) -> float:
        """The sum over rows (n, d)."""
        return float(np.minimum(_squares(rows), self.most).sum())

    def outgrown(self, total: float, rows: int) -> bool:
        """Whether rows of this sum are much longer than those learned from."""
        return total > LONGER * self.mean * rows

    def arrays(self) -> Arrays:
        """Both numbers."""
        return {"lengths": np.array(self)}

    @classmethod
    def restored(cls, arrays: Arrays, vectors: NDArray) -> tuple[Self, float]:
        """The numbers with the sum over all rows; what is not in the arrays, from some rows."""
        if "lengths" not in arrays and not len(vectors):
            return cls(np.inf, 0.0), 0.0
        if "lengths" not in arrays:
            some = np.nan_to_num(vectors[:: max(1, len(vectors) // 1024)].astype(np.float32))
            own = cls.learned(some, [some])
            return own, own.mean * len(vectors)
        most, mean = taken(arrays, "lengths", np.float64, (2,)).tolist()
        total = float(taken(arrays, "squares", np.float64, (1,))[0])
        if not (most > 0 and 0 <= mean < np.inf and 0 <= total < np.inf):
            raise FormatError("lengths must be finite and at least 0")
        return cls(most, mean), total


def _squares(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
