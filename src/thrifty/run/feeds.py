"""Feeds: which columns go into which summaries, batch by batch."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from thrifty.core import Summary
from thrifty.data.report import missing_column

__all__ = ["Each", "Feeds", "prepared"]

Column = str | Sequence[str] | Callable[[Any], Any] | None
Prepare = Callable[[Any], Any]


class Each(NamedTuple):
    """One summary of a fold that feeds many, and what it is fed.

    Args:
        column: a name: the summary adds that column. A list of names: it adds the batch of these
            columns. A function: it adds what the function makes of the batch. None: it adds
            the only column of the batch, or the batch if it has several.
        summary: an empty one.
        weights: the name of the column that is added as weights.

    Example:
        >>> Each("user", Summary()).column
        'user'
    """

    column: Column
    summary: Summary
    weights: str | None = None


class Feeds:
    """The summaries of a fold, empty, and how a batch reaches each of them.

    Args:
        into: an empty summary, or a mapping from names to `Each`, (column, summary) or a summary,
            whose column is then the name.
        columns: names to read; of one summary, also what it is fed unless rows are prepared.
        prepare: what is done to every batch before it is fed: it returns a batch, None (nothing
            is left), or an iterator of batches.

    Raises:
        TypeError: into is none of these.
        ValueError: into is an empty mapping.
    """

    def __init__(self, into: Any, columns: Column, prepare: Prepare | None) -> None:
        self.one = isinstance(into, Summary)
        self.prepare = prepare
        if self.one:
            parts = {"": Each(None if prepare else columns, into)}
        elif isinstance(into, Mapping):
            parts = {name: _each(name, part) for name, part in into.items()}
        else:
            raise TypeError(f"into must be a summary, or summaries by name, got {into!r}")
        if not parts:
            raise ValueError("into must name at least one summary, got {}")
        self.parts = {name: (part.column, part.weights) for name, part in parts.items()}
        self.kinds = [type(part.summary) for part in parts.values()]
        self.blanks = [part.summary.to_bytes() for part in parts.values()]
        self.columns = self._needed(columns)

    def fresh(self) -> list[Summary]:
        """The summaries, empty."""
        return [kind.from_bytes(blank) for kind, blank in zip(self.kinds, self.blanks, strict=True)]

    def feed(self, summaries: Iterable[Summary], batch: Any) -> None:
        """Add what each is to be fed of a batch, prepared first."""
        for ready in prepared(self.prepare, batch):
            for summary, (column, weights) in zip(summaries, self.parts.values(), strict=True):
                _add(summary, ready, column, weights)

    def answer(self, summaries: Sequence[Summary]) -> Any:
        """The summaries as they were given: one, or by name."""
        return summaries[0] if self.one else dict(zip(self.parts, summaries, strict=True))

    def _needed(self, columns: Column) -> list[str] | None:
        """The columns to read; None is all."""
        if columns is not None and not callable(columns):
            return _listed(columns)
        names: dict[str, None] = {}
        for column, weights in self.parts.values():
            if self.prepare or column is None or callable(column):
                return None
            names |= dict.fromkeys(_listed(column))
            names |= dict.fromkeys([weights] if weights else [])
        return list(names)


def prepared(prepare: Prepare | None, batch: Any) -> Iterator[Any]:
    """What a function makes of a batch: none, one or several batches; without one, the batch.

    Example:
        >>> list(prepared(lambda batch: iter([batch, None, batch]), [1]))
        [[1], [1]]
    """
    found = prepare(batch) if prepare else batch
    many = found if isinstance(found, Iterator) else [found]
    return (one for one in many if one is not None)


def _listed(column: str | Sequence[str]) -> list[str]:
    return [column] if isinstance(column, str) else list(column)


def _each(name: str, part: Any) -> Each:
    part = Each(name, part) if isinstance(part, Summary) else part
    if not isinstance(part, tuple) or not 2 <= len(part) <= 3 or not isinstance(part[1], Summary):
        rule = "a summary, or a pair of a column and a summary"
        raise TypeError(f"into[{name!r}] must be {rule}, got {part!r}")
    return Each._make((*part, None)[:3])


def _add(summary: Any, batch: Any, column: Column, weights: str | None) -> None:
    values = _chosen(batch, column)
    if weights is None:
        summary.add(values)
    else:
        summary.add(values, _chosen(batch, weights))


def _chosen(batch: Any, column: Column) -> Any:
    if callable(column):
        return column(batch)
    table = isinstance(batch, (pa.RecordBatch, pa.Table))
    if column is None:
        return batch.column(0) if table and batch.num_columns == 1 else batch
    if not table:
        raise missing_column(_listed(column)[0], [])
    for name in _listed(column):
        if name not in batch.schema.names:
            raise missing_column(name, batch.schema.names)
    return batch[column] if isinstance(column, str) else batch.select(list(column))
