"""Reservoir: a fair sample of the rows of a stream, whatever they hold."""

import math
from typing import Any, Self

from thrifty.core import in_range, method
from thrifty.sketch._rows import rows_of
from thrifty.sketch._rowsample import MOST, RowSample

__all__ = ["Reservoir"]


@method(
    source="Vitter 1985, doi:10.1145/3147.3165; by least hashed ranks, so that samples merge: "
    "Cohen and Kaplan 2007, doi:10.1145/1281100.1281133",
    memory="16 * k bytes and k rows",
    time="O(1) a row, and O(row) for about k * ln(n / k) of n rows",
    error="a share of rows is off by at most sqrt(ln(2 / (1 - confidence)) / (2 * k))",
    exact="all rows",
    laws=("summary", "budget"),
    evidence=("reservoir",),
)
class Reservoir(RowSample):
    """A sample of k rows without replacement, each set of k rows as likely as another.

    Every row has a rank, a hash of seed, stream and place in the stream, and those of least rank
    stay, so that a merge is the sample of all rows. The parts of a whole must be streams of their
    own: give each a number or a name (its file, its partition). Without one, the stream is named
    by a hash of the first 64 rows of its first batch, which differs where the parts do; a fold,
    which copies one empty sample for all its partitions, needs it so.

    Nulls are rows too. Where a limit is set, rows that do not fit halve the sample.

    Args:
        k: rows to keep, 1..2**26.
        limit: bytes that rows and ranks may take, as for `parse_bytes`; any if None.
        stream: number or name of this part; of its content if None.
        seed: another one gives another sample.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> parts = [Reservoir(100, stream=i).add(range(i, 10_000, 4)) for i in range(4)]
        >>> whole = parts[0].merge(parts[1]).merge(parts[2].merge(parts[3]))
        >>> whole.seen, len(set(whole.sample().to_pylist()))
        (10000, 100)
        >>> odd = sum(value % 2 for value in whole.sample().to_pylist()) / 100
        >>> abs(odd - 0.5) <= whole.error_bound(0.999)
        True
    """

    KIND = "reservoir"

    @classmethod
    def for_error(
        cls,
        share: float,
        confidence: float = 0.95,
        *,
        stream: int | str | None = None,
        seed: int = 0,
    ) -> Self:
        """The fewest rows that tell the share of any kind of row within this error.

        Args:
            share: 0.0002..1.
            confidence: that this holds, 0..0.999999.
        """
        miss = 1 - in_range("confidence", confidence, 0, 0.999999)
        k = math.ceil(math.log(2 / miss) / 2 / in_range("share", share, 0.0002, 1) ** 2)
        return cls(min(k, MOST), stream=stream, seed=seed)

    def add(self, batch: Any) -> Self:
        """Let rows in.

        Args:
            batch: rows as Arrow RecordBatch or Table, a data frame, or a dict of columns; or one
                column as Arrow or NumPy array, list or scalar.

        Raises:
            TypeError: the values of a column are not of one type.
            IncompatibleError: the columns are not those of the rows before.
        """
        table, bare = rows_of(batch)
        self._put(table, None, bare)
        return self

    def error_bound(self, confidence: float = 0.95) -> float:
        """How far the share of a kind of row is off at most, by Hoeffding's inequality."""
        miss = 1 - in_range("confidence", confidence, 0, 0.999999)
        if len(self) == self.seen:
            return 0.0
        return math.sqrt(math.log(2 / miss) / 2 / max(len(self), 1))
