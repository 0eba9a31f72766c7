"""Profile state: all that a profile holds of a table, as one summary that merges."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import FormatError, Summary, packed, taken, unpacked
from thrifty.data.kinds import Column
from thrifty.data.report import Report
from thrifty.data.schema import Schema
from thrifty.models.profile_ask import Ask, groups_for, windows_for
from thrifty.models.profile_column import ColumnProfile
from thrifty.models.profile_plan import MOST_NUMBERS, Sizes
from thrifty.models.profile_twins import near_hashes, row_hashes
from thrifty.sketch import CoMoments, CovarianceSketch, DistinctSample, GroupBy, Windows

__all__ = ["TableProfile"]

KINDS = (ColumnProfile, DistinctSample, CoMoments, CovarianceSketch, Windows, GroupBy)
MEMBERS, NOTHING, CELLS = {kind.KIND: kind for kind in KINDS}, Ask(), 2**22


class TableProfile(Summary):
    """Profiles of all columns, twins of rows, and correlations, in one pass.

    Args:
        schema: names and kinds of the columns.
        sizes: of the sketches.
        ask: groups and windows.
        seed: of the sketches.

    Raises:
        DataError: what is asked does not fit the columns.
        ValueError: what is asked does not fit together.

    Example:
        >>> from thrifty.models.profile_plan import sizes_for
        >>> schema = Schema((Column("age", "number"), Column("city", "category")))
        >>> profile = TableProfile(schema, sizes_for("8 MB", ["number", "category"]))
        >>> rows = pa.RecordBatch.from_pydict({"age": ["7", "8", "7"], "city": ["a", "b", "a"]})
        >>> profile.add(rows).merge(profile).rows, profile.columns["city"].distinct.count()
        (6, 2.0)
        >>> profile.same.repeated().estimate
        2.0
    """

    KIND = "table-profile"

    def __init__(self, schema: Schema, sizes: Sizes, *, ask: Ask = NOTHING, seed: int = 0) -> None:
        self.schema, self.sizes, self.seed, self.rows = schema, sizes, seed, 0
        self.ask = ask.checked(schema)
        self._alone = {name: schema.select([name]) for name in schema.names}
        looks = {"p": sizes.p, "slots": sizes.slots, "k": sizes.k, "seed": seed}
        self.columns = {name: ColumnProfile(_kind(schema[name]), **looks) for name in schema.names}
        self.same = DistinctSample(sizes.sample, seed=seed)
        self.near = DistinctSample(sizes.sample, seed=seed)
        self.moments = _moments(len(self.numbers), sizes.directions)
        self.windows = windows_for(ask, sizes.window_bytes, seed)
        self.groups = groups_for(ask, sizes.group_bytes, seed)

    @property
    def numbers(self) -> list[str]:
        """Columns of numbers and dates, whose correlations are kept: estimates of more than 256."""
        kinds = ("number", "date")
        return [name for name, part in self.columns.items() if part.kind in kinds]

    @property
    def _texts(self) -> list[str]:
        return [name for name, part in self.columns.items() if part.kind == "text"]

    def spec(self) -> dict[str, Any]:
        """Schema, sizes and seed."""
        return {
            "schema": self.schema.to_dict(), "sizes": self.sizes.to_dict(),
            "ask": self.ask.to_dict(), "seed": self.seed,
        }  # fmt: skip

    @property
    def _members(self) -> dict[str, Summary]:
        numbered = enumerate(self.columns.values())
        parts: dict[str, Summary] = {f"column {i}": column for i, column in numbered}
        parts |= {"same": self.same, "near": self.near}
        asked = {"moments": self.moments, "windows": self.windows, "groups": self.groups}
        return parts | {name: part for name, part in asked.items() if part is not None}

    def arrays(self) -> dict[str, NDArray]:
        """Those of the members, and the number of rows."""
        return packed(self._members)[1] | {"rows": np.array([self.rows], np.int64)}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, NDArray]) -> Self:
        """From schema, sizes and the arrays of the members."""
        schema, sizes, ask = (
            Schema.from_dict(spec["schema"]), Sizes.from_dict(spec["sizes"]), Ask(**spec["ask"]),
        )  # fmt: skip
        made = cls(schema, sizes, ask=ask, seed=spec["seed"])
        parts = unpacked(packed(made._members)[0], arrays, MEMBERS)
        made.columns = {name: parts[f"column {i}"] for i, name in enumerate(made.columns)}
        made.same, made.near, made.moments = parts["same"], parts["near"], parts.get("moments")
        made.windows, made.groups = parts.get("windows"), parts.get("groups")
        made.rows = int(taken(arrays, "rows", np.int64, (1,))[0])
        if any(part.counts["rows"] != made.rows for part in made.columns.values()):
            raise FormatError(f"columns of a profile must have its {made.rows} rows each")
        return made

    def look(self, sample: pa.Table) -> Self:
        """Take the units of very many numeric columns from a sample, before the first row.

        Args:
            sample: rows as they were read; they are not added.
        """
        if isinstance(self.moments, CovarianceSketch):
            for batch in sample.combine_chunks().to_batches()[:1]:
                rows = self.schema.select(self.numbers).cast(batch, Report())
                columns = [_numbers(rows[name]) for name in self.numbers]
                self.moments.scale_by(np.column_stack(columns))
        return self

    def add(self, batch: Any) -> Self:
        """Add rows as they were read: each column is brought to its kind first.

        Args:
            batch: an Arrow record batch or table, or a list of rows as dicts.
        """
        for part in _batches(batch, self.schema.names):
            self._add(part)
        return self

    def _add(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        cast: dict[Any, pa.Array] = {}
        places = {name: i for i, name in enumerate(batch.schema.names)}
        for name, profile in self.columns.items():
            report = Report()
            alone = batch.select([places[name]]) if name in places else batch
            cast[name] = self._alone[name].cast(alone, report)[name]
            profile.add(cast[name], sum(report.counts.values()))
        rows = pa.RecordBatch.from_pydict(cast)
        self.same.add_hashes(row_hashes(rows, self.seed))
        self.near.add_hashes(near_hashes(rows, self._texts, self.seed))
        if self.windows is not None:
            self.windows.add(cast[self.ask.distinct], cast[self.ask.time])
        if self.groups is not None:
            self.groups.add(cast[self.ask.by], cast[self.ask.distinct or self.ask.by])
        if self.numbers and self.moments is not None:
            self._add_numbers(self.moments, cast, batch.num_rows)

    def _add_numbers(
        self, moments: CoMoments | CovarianceSketch, cast: dict[Any, pa.Array], rows: int
    ) -> None:
        """Rows of numbers, in blocks of four million cells."""
        names = self.numbers
        step = max(64, CELLS // len(names))
        for start in range(0, rows, step):
            part = [_numbers(cast[name].slice(start, step)) for name in names]
            moments.add(np.column_stack(part))

    def _absorb(self, other: Self) -> None:
        self.rows += other.rows
        for mine, theirs in zip(self._members.values(), other._members.values(), strict=True):
            mine.absorb(theirs)

    @property
    def nbytes(self) -> int:
        """Bytes of the members."""
        return sum(part.nbytes for part in self._members.values())


def _moments(numbers: int, directions: int) -> CoMoments | CovarianceSketch | None:
    """Exact correlations of up to 256 columns; estimates of more, where there is room for them."""
    if numbers <= MOST_NUMBERS:
        return CoMoments(max(1, numbers))
    return CovarianceSketch(numbers, directions) if directions else None


def _kind(column: Column) -> str:
    return "list" if column.kind == "sparse" else column.kind


def _batches(batch: Any, names: list[str]) -> list[pa.RecordBatch]:
    if isinstance(batch, pa.RecordBatch):
        return [batch]
    if isinstance(batch, pa.Table):
        return batch.to_batches()
    rows = list(batch)
    columns = {name: pa.array([row.get(name) for row in rows]) for name in names}
    return [pa.RecordBatch.from_pydict(columns)] if rows else []


def _numbers(array: pa.Array) -> NDArray[np.float64]:
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    return array.cast(pa.float64()).to_numpy(zero_copy_only=False)
