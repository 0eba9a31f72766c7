"""Outcome: what a worker hands back for one partition, and how outcomes become one."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thrifty.core import DataError, Summary, dump, read_container
from thrifty.data.report import Report
from thrifty.run.feeds import Feeds
from thrifty.run.pieces import Partition, Pieces

__all__ = ["GROUP", "Outcome", "Work", "failure", "joined", "merged"]

GROUP = 16
KIND, VERSION = "fold-outcome", 1


@dataclass
class Outcome:
    """Summaries of some partitions, and what it took to make them."""

    summaries: list[Summary]
    rows: int = 0
    nbytes: int = 0
    report: Report = field(default_factory=Report)

    def absorb(self, other: "Outcome") -> "Outcome":
        """Take in the outcome of the partitions that follow; returns self."""
        for mine, theirs in zip(self.summaries, other.summaries, strict=True):
            mine.absorb(theirs)
        self.rows, self.nbytes = self.rows + other.rows, self.nbytes + other.nbytes
        self.report.merge(other.report)
        return self

    def to_bytes(self) -> bytes:
        """All of it, checksummed; summaries as their own bytes."""
        parts = {str(i): _as_array(one.to_bytes()) for i, one in enumerate(self.summaries)}
        header = {
            "rows": self.rows, "nbytes": self.nbytes,
            "counts": self.report.counts, "examples": self.report.examples,
        }  # fmt: skip
        return dump(kind=KIND, version=VERSION, header=header, arrays=parts)

    @classmethod
    def from_bytes(cls, data: bytes, kinds: Sequence[type[Summary]]) -> "Outcome":
        """Inverse of `to_bytes`, and of `Work.sent` where the work failed.

        Args:
            data: the bytes.
            kinds: of the summaries, in order.

        Raises:
            DataError: the work failed.
            FormatError: the bytes are damaged.
        """
        header, arrays = read_container(io.BytesIO(data), kind=KIND, version=VERSION)
        if "error" in header:
            raise DataError(header["error"])
        summaries = [kind.from_bytes(arrays[str(i)].tobytes()) for i, kind in enumerate(kinds)]
        report = Report(False, header["counts"], header["examples"])
        return cls(summaries, header["rows"], header["nbytes"], report)


class Work:
    """All a worker must know: how to read a partition and what to feed. It can be sent.

    Args:
        pieces: reads partitions.
        feeds: the summaries, empty, and what goes into them.
    """

    def __init__(self, pieces: Pieces, feeds: Feeds) -> None:
        self.pieces, self.feeds = pieces, feeds
        self.strict = pieces.report.strict

    def __call__(
        self, partition: Partition, moved: Callable[[int, int], None] | None = None
    ) -> Outcome:
        """Read and feed one partition.

        Args:
            partition: which.
            moved: called with bytes and rows, each time some were read or fed.

        Raises:
            DataError: rows cannot be used; the message says where they lie.
        """
        tell = moved or (lambda nbytes, rows: None)
        outcome = Outcome(self.feeds.fresh(), report=Report(self.strict))

        def count(nbytes: int) -> None:
            outcome.nbytes += nbytes
            tell(nbytes, 0)

        last, row = "", 0
        for name, batch in self.pieces.read(partition, outcome.report, count):
            row = 0 if name != last else row
            rows = getattr(batch, "num_rows", None)
            rows = len(batch) if rows is None else rows
            try:
                self.feeds.feed(outcome.summaries, batch)
            except Exception as error:
                where = f"{name}, rows {row} to {row + rows - 1}"
                raise DataError(f"{where}: {_said(error)}") from error
            last, row = name, row + rows
            outcome.rows += rows
            tell(0, rows)
        return outcome

    def sent(self, partition: Partition) -> tuple[bytes, int, int]:
        """The outcome of one partition as bytes; a failure too, for it would fail again.

        Returns:
            The outcome, bytes read, rows fed.
        """
        try:
            outcome = self(partition)
            return outcome.to_bytes(), outcome.nbytes, outcome.rows
        except Exception as error:
            return failure(error), 0, 0

    def sent_on(self, several: Iterable[bytes]) -> bytes:
        """The outcomes of neighbours, in order, as one; a failure stays one."""
        try:
            return joined(Outcome.from_bytes(data, self.feeds.kinds) for data in several).to_bytes()
        except Exception as error:
            return failure(error)


def joined(outcomes: Iterator[Outcome]) -> Outcome:
    """Outcomes of neighbours as one, each taken in by the first; at least one."""
    first = next(outcomes)
    for other in outcomes:
        first.absorb(other)
        del other  # not to be held while the next is made
    return first


def merged(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Outcomes of single partitions, in order, to those of `GROUP` neighbours.

    What is merged with what depends on the number of partitions alone, so that a fold gives the
    same bytes wherever and in whatever order they were read.
    """
    held: Outcome | None = None
    count = 0  # enumerate would hold the last outcome while the next is made
    for outcome in outcomes:
        held, count = outcome if held is None else held.absorb(outcome), count + 1
        del outcome
        if count % GROUP == 0:
            yield held
            held = None
    if held is not None:
        yield held


def _as_array(data: bytes) -> Any:
    return np.frombuffer(data, np.uint8)


def failure(error: Exception) -> bytes:
    """What is sent in place of an outcome that there is none of."""
    return dump(kind=KIND, version=VERSION, header={"error": _said(error)}, arrays={})


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, DataError) else f"{type(error).__name__}: {error}"
