"""Weighted reservoir: a sample of rows in which heavy ones are likelier, and their fair weights."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import method
from thrifty.hashing.blocks import checked_weights
from thrifty.sketch._rows import rows_of
from thrifty.sketch._rowsample import RowSample

__all__ = ["WeightedReservoir"]


@method(
    source="Efraimidis and Spirakis 2006, doi:10.1016/j.ipl.2005.11.003; the weights by rank "
    "conditioning: Cohen and Kaplan 2007, doi:10.1145/1281100.1281133",
    memory="16 * k bytes and k rows",
    time="O(1) a row, and O(row) for about k * ln(n / k) of n rows of like weight",
    error="sums of adjusted weights are unbiased; their relative standard error is at most "
    "1 / sqrt(k - 1) for the sum of all",
    exact="all rows",
    laws=("summary", "budget"),
    evidence=("weightedreservoir",),
)
class WeightedReservoir(RowSample):
    """A sample of k rows, drawn one after the other in proportion to their weights.

    A row of weight w has a rank that is exponential with rate w, of a hash of seed, stream and
    place, and the rows of least rank stay, so that a merge is the sample of all rows. The parts of
    a whole must be streams of their own; see `Reservoir`.

    Args:
        k: rows to keep, 1..2**26.
        limit: bytes that rows and ranks may take, as for `parse_bytes`; any if None.
        stream: number or name of this part; of its content if None.
        seed: another one gives another sample.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> weights = np.arange(1, 10_001)
        >>> sketch = WeightedReservoir(400, stream=0).add(np.arange(10_000), weights)
        >>> adjusted = sketch.adjusted()
        >>> bool(abs(adjusted.sum() / weights.sum() - 1) < 4 / 399**0.5)
        True
    """

    KIND = "weighted-reservoir"

    def add(self, batch: Any, weights: Any = None) -> Self:
        """Let rows in; those of weight 0 never are.

        Args:
            batch: as for `Reservoir.add`.
            weights: finite numbers from 0 on, one a row or one for all; 1 if None.

        Raises:
            TypeError: the values of a column are not of one type, or weights are not numbers.
            ValueError: weights are negative or not finite.
            IncompatibleError: the columns are not those of the rows before.
        """
        table, bare = rows_of(batch)
        given = 1.0 if weights is None else weights
        held = checked_weights(given, len(table), np.float64, least=0)
        self._put(table, held, bare)
        return self

    def adjusted(self) -> NDArray[np.float64]:
        """A weight for each row of the sample, such that sums over kinds of rows are unbiased.

        A row's own weight over the chance that its rank is below the least one that was dropped.
        """
        with np.errstate(over="ignore"):
            return self._weights / -np.expm1(-self._weights * self._out)
