"""Row samples: the rows of least rank, whatever the rank is, and how they merge and move."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import (
    FormatError,
    IncompatibleError,
    Summary,
    budget_for,
    in_range,
    parse_bytes,
    taken,
)
from thrifty.hashing.keys import hash_column, mix64, seed_key
from thrifty.sketch._rows import COLUMN, content_word, from_bytes, joined, to_bytes

__all__ = ["RowSample"]

SEEN, PLACE, ROOM, BARE = range(4)
MOST, ROWS = 2**26, 65_536
SMALLEST = 256
BESIDE = 64
Reals = NDArray[np.float64]


class RowSample(Summary):
    """The k rows of least rank; a rank comes of seed, stream and place of a row, and its weight.

    Args: as for `Reservoir`.
    """

    def __init__(
        self,
        k: int = 1000,
        *,
        limit: int | str | None = None,
        stream: int | str | None = None,
        seed: int = 0,
    ) -> None:
        self.k = int(in_range("k", k, 1, MOST))
        self.limit = None if limit is None else parse_bytes(limit, "limit")
        self.seed, self._key = int(seed), seed_key(seed)
        self._stream = np.zeros(2, np.uint64)  # whether it is known, and which it is
        if stream is not None:
            self._stream[:] = 1, hash_column([stream], int(self._key))[0]
        self._tally = np.array([0, 0, self.k, 0])
        self._out = np.inf
        self._ranks, self._weights = np.zeros(0), np.zeros(0)
        self._rows: pa.Table | None = None

    @classmethod
    def within(cls, budget: int | str, *, stream: int | str | None = None, seed: int = 0) -> Self:
        """As many rows as fit, however large they are; fewer once rows are found to be large.

        Raises:
            BudgetError: the budget is below 256 bytes.
        """
        nbytes = budget_for(f"a {cls.__name__}", budget, SMALLEST)
        return cls(min(nbytes // 24, MOST), limit=nbytes, stream=stream, seed=seed)

    def sample(self) -> Any:
        """The rows, the one of least rank first, so that every beginning is a sample too.

        Returns:
            An Arrow table; an Arrow array where columns were added; None if nothing was.
        """
        if self._rows is None or not self._tally[BARE]:
            return self._rows
        return self._rows[COLUMN].combine_chunks()

    @property
    def seen(self) -> int:
        """How many rows there were."""
        return int(self._tally[SEEN])

    def __len__(self) -> int:
        return len(self._ranks)

    @property
    def nbytes(self) -> int:
        """Bytes of the rows, their ranks and weights."""
        rows = 0 if self._rows is None else self._rows.nbytes
        return rows + self._ranks.nbytes + self._weights.nbytes + BESIDE

    def spec(self) -> dict[str, Any]:
        """k, limit and seed."""
        return {"k": self.k, "limit": self.limit, "seed": self.seed}

    def arrays(self) -> dict[str, np.ndarray]:
        """Rows as an Arrow IPC stream, their ranks and weights, and counts."""
        rows = np.zeros(0, np.uint8) if self._rows is None else to_bytes(self._rows)
        return {
            "ranks": self._ranks, "weights": self._weights, "rows": rows, "stream": self._stream,
            "tally": self._tally, "out": np.array([self._out]),
        }  # fmt: skip

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """From rows and ranks, which are checked."""
        made = cls(**spec)
        ranks = taken(arrays, "ranks", np.float64, (None,))
        weights = taken(arrays, "weights", np.float64, ranks.shape)
        rows, tally = taken(arrays, "rows", "u1", (None,)), taken(arrays, "tally", "i8", (4,))
        stream, out = taken(arrays, "stream", "u8", (2,)), taken(arrays, "out", "f8", (1,))
        known = 0 <= tally[ROOM] <= made.k and 0 <= tally[BARE] <= 1 and stream[0] <= 1
        least = (
            len(ranks) <= min(tally[ROOM], tally[SEEN]) and 0 <= tally[PLACE] <= tally[SEEN] < 2**61
        )
        sound = (ranks >= 0).all() and (weights > 0).all() and np.isfinite(weights).all()
        rising = (ranks[1:] >= ranks[:-1]).all() and (ranks <= out[0]).all()
        if not (known and least and sound and rising and out[0] >= 0):
            raise FormatError("ranks are damaged")
        made._rows = from_bytes(rows, len(ranks)).take(np.arange(len(ranks))) if len(rows) else None
        if (made._rows is None and len(ranks)) or (
            tally[BARE] and (made._rows is None or made._rows.column_names != [COLUMN])
        ):
            raise FormatError("rows are missing")
        made._ranks, made._weights, made._stream = ranks, weights, stream.copy()
        made._tally, made._out = tally.copy(), float(out[0])
        return made

    def _absorb(self, other: Self) -> None:
        if other._rows is not None:
            near = np.flatnonzero(other._ranks < self._out)
            ranks, weights = other._ranks[near], other._weights[near]
            self._take(other._rows, near, ranks, weights, bool(other._tally[BARE]))
        if not self._stream[0]:
            self._stream, self._tally[PLACE] = other._stream.copy(), other._tally[PLACE]
        self._tally[SEEN] += other._tally[SEEN]
        self._tally[ROOM] = min(self._tally[ROOM], other._tally[ROOM])
        self._out = min(self._out, other._out)
        self._cut()

    def _put(self, table: pa.Table, weights: Reals | None, bare: bool) -> None:
        """Give each row of a table its rank, and let it in if that is low; block by block."""
        for start in range(0, len(table), ROWS):
            held = None if weights is None else weights[start : start + ROWS]
            self._put_block(table.slice(start, ROWS), held, bare)

    def _put_block(self, table: pa.Table, weights: Reals | None, bare: bool) -> None:
        stream = self._stream
        if not stream[0]:
            stream = np.array([1, content_word(table, self._key)], np.uint64)
        start = int(self._tally[PLACE])
        words = mix64(np.arange(start, start + len(table)), int(stream[1])) >> np.uint64(11)
        if weights is None:  # compared as whole numbers, since nearly all are far
            near = np.flatnonzero(words < np.uint64(min(self._out, 1.0) * 2**53))
            self._take(table, near, words[near] * 2.0**-53, np.ones(len(near)), bare)
        else:
            shares: Any = words * 2.0**-53
            ranks = _exponential(shares, weights)
            near = np.flatnonzero(ranks < self._out)
            self._take(table, near, ranks[near], weights[near], bare)
        self._stream = stream
        self._tally[[SEEN, PLACE]] += len(table)

    def _take(self, table: pa.Table, near: Any, ranks: Any, weights: Reals, bare: bool) -> None:
        """Let in those rows of a table that are near, as far as there is room."""
        held = table.slice(0, 0) if self._rows is None else self._rows
        if self._rows is not None and bool(self._tally[BARE]) != bare:
            raise IncompatibleError("cannot put columns among tables, or tables among columns")
        room = int(self._tally[ROOM])
        least = np.argpartition(ranks, room)[: room + 1] if len(near) > room else slice(None)
        self._rows, self._tally[BARE] = joined(held, table.take(near[least])), bare
        self._ranks = np.append(self._ranks, ranks[least])
        self._weights = np.append(self._weights, weights[least])
        self._cut()

    def _cut(self) -> None:
        """Keep the rows of least rank that there is room for; halve the room, for good, if need be.

        What is left after that is a sample of fewer rows.
        """
        while self._rows is not None:
            room = int(self._tally[ROOM])
            order = np.argsort(self._ranks, kind="stable")
            self._out = min(self._out, float(self._ranks[order[room:]].min(initial=np.inf)))
            order = order[:room]
            order = order[self._ranks[order] < self._out]
            self._rows = self._rows.take(order)
            self._ranks, self._weights = self._ranks[order], self._weights[order]
            if self.limit is None or self.nbytes <= self.limit or not room:
                return
            self._tally[ROOM] = len(order) // 2


def _exponential(shares: Reals, weights: Reals) -> Reals:
    """Exponential numbers of these rates, infinite for rate 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(weights > 0, -np.log1p(-shares) / weights, np.inf)
