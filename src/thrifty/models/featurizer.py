"""Featurizer: rows of typed columns to weighted sparse rows of a table, hashed, in two steps.

`encode` needs nothing but the kinds of the columns, so rows can be spilled to disk as they come;
`observe` counts in how many rows each feature occurs; `settle` gives the most frequent features a
table row each; `weigh` turns what was encoded into the rows that a learner reads.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from thrifty.core import DataError, FormatError, in_range
from thrifty.data import Report, Schema
from thrifty.hashing import cross
from thrifty.hashing.keys import seed_key
from thrifty.models import _sparse
from thrifty.models.bags import Basket, Items, Sparse, Texts
from thrifty.models.cells import Category, Date, Numeric
from thrifty.models.encoded import buffers, folded, joined, side_by_side

__all__ = ["Featurizer"]

MOST_PAIRS, MOST_DISTINCT = 100, 1000
CROSS_SHARE = 0.3
LEAST_SLOTS, MOST = 1 << 16, 1 << 22
SPARED, ALONE = 64, 4096  # slots a feature; items of lists must not be taken for each other
SHARE = 8
PARTS = {part.__name__: part for part in (Basket, Category, Date, Items, Numeric, Sparse, Texts)}
FLAT = {"category": Category, "number": Numeric, "date": Date}
CROSS_DOMAIN = 0x63726F7373


class Featurizer:
    """Turn rows into hashed sparse features; few columns are crossed in pairs.

    Texts and lists are weighted by tf-idf (1 + log count, smoothed idf); each list, and all texts
    of a row together, have length 1; the other features keep their values.

    Args:
        schema: the columns to read and their kinds; not the target.
        sample: some raw rows, to place the bins of numbers and to see how texts look.
        slots: counters of features, a power of two; two features share one with probability
            1 / slots.
        complete: the schema is one list column, whose lists are to be completed.

    Raises:
        DataError: no column can be used.
        ValueError: slots is not a power of two in 2**16..2**28.

    Example:
        >>> from thrifty.data import Column
        >>> batch = pa.RecordBatch.from_pydict({"say": ["to be", "or not to be", None]})
        >>> featurizer = Featurizer(Schema((Column("say", "text"),)), batch)
        >>> encoded = featurizer.encode(batch)
        >>> featurizer.observe(encoded)
        >>> featurizer.settle(1000)
        >>> rows = featurizer.weigh(encoded)
        >>> [round(float((rows[[i]] ** 2).sum()), 5) for i in range(3)]
        [1.0, 1.0, 0.0]
    """

    def __init__(
        self, schema: Schema, sample: pa.RecordBatch, *, slots: int = MOST, complete: bool = False
    ) -> None:
        in_range("slots", slots, LEAST_SLOTS, 1 << 28)
        if slots & (slots - 1):
            raise ValueError(f"slots must be a power of two, got {slots!r}")
        self.schema = schema
        basket = [Basket(*schema.names)] if complete else []
        self._build(*([], [], basket) if complete else _parts_of(schema, schema.cast(sample)))
        if not (self._crossed or self._flat or self._bags):
            raise DataError("no column can be used: all are constant, ids or empty")
        self.frequencies: NDArray[np.int32] | None = np.zeros(slots, np.int32)
        self.num_observed, self.num_entries = 0, 0

    def _build(self, crossed: list[Any], flat: list[Any], bags: list[Any]) -> None:
        self._crossed, self._flat, self._bags = crossed, flat, bags
        self.completes = any(isinstance(bag, Basket) for bag in bags)
        kinds = [_sparse.CROSSED, _sparse.FLAT, *(bag.kind for bag in bags)]
        self._kinds = np.array(kinds, np.int64)
        shares = [CROSS_SHARE, 1.0, *(getattr(bag, "share", 1.0) for bag in bags)]
        self._shares = np.array(shares, np.float32)
        self._key = seed_key(0, CROSS_DOMAIN)

    def rows_of(self, items: pa.Array) -> NDArray[np.int32]:
        """Of lists to be completed, the table row that each item has for itself, or -1."""
        rows = self._rows[self._bags[0].codes(items) & (len(self._rows) - 1)]
        return np.where(rows < self.num_rows - self._shared, rows, -1)

    @property
    def occupied(self) -> int:
        """Slots that some feature fell into; about the number of distinct features."""
        return int(np.count_nonzero(self._open()))

    @property
    def repeated(self) -> int:
        """Slots that some feature fell into in two rows or more."""
        return int(np.count_nonzero(self._open() > 1))

    def encode(self, batch: pa.RecordBatch, report: Report | None = None) -> pa.RecordBatch:
        """Rows as codes, values and the length of each block; needs no pass over the data.

        Args:
            batch: (n,) raw rows.
            report: where values that do not parse are counted.

        Returns:
            codes: list<int32> in 0..2**31 - 2; values: list<float32>; blocks: list<int32>.
        """
        cast = self.schema.cast(batch, report)
        return joined([*self._dense(cast), *(bag.rows(cast) for bag in self._bags)], len(cast))

    def observe(self, encoded: pa.RecordBatch) -> None:
        """Count in how many rows each feature occurs.

        Raises:
            ValueError: after `settle`.
        """
        offsets, codes, _, lengths = buffers(encoded)
        counts = self._open()
        self.num_entries += _sparse.count(offsets, codes, lengths, self._kinds, self._key, counts)
        self.num_observed += len(encoded)

    def settle(self, rows: int) -> None:
        """Give the most frequent features a table row each; if there are too many, the rare share.

        Args:
            rows: of the table, at most; `num_rows` is what is used.

        Raises:
            ValueError: rows is below 1, or it was settled before.
        """
        in_range("rows", rows, 1, 2**31 - 1)
        room = self.occupied * (ALONE if self.completes else SPARED)
        slots = folded(self._open(), room, LEAST_SLOTS)
        occupied = int(np.count_nonzero(slots))
        shared = 0 if occupied <= rows else max(1, rows // SHARE)
        own = max(1, occupied) if not shared else rows - shared
        self.frequencies = None
        self.column_counts = np.zeros(own + shared, np.int64)
        least = _sparse.rank(slots, own, max(shared, 1), self.column_counts)
        self._rows, self._shared = slots, shared
        seen = np.minimum(self.column_counts, self.num_observed)  # a row may have a word twice
        seen[own:] = np.minimum(seen[own:], least)
        self._idf = (np.log((1 + self.num_observed) / (1 + seen)) + 1).astype(np.float32)

    @property
    def num_rows(self) -> int:
        """Rows of the table, R; every one belongs to a feature that was observed."""
        return len(self._idf)

    def weigh(self, encoded: pa.RecordBatch) -> csr_array:
        """Encoded rows as (n, R) float32; features that were never observed are left out.

        A table row that two features share can stand twice in a row.
        """
        offsets, codes, values, lengths = buffers(encoded)
        crossed = lengths[:: len(self._kinds)].astype(np.int64)
        room = len(codes) + int((crossed * (crossed - 1) // 2).sum())
        ends = np.zeros(len(encoded) + 1, np.int64)
        columns, data = np.empty(room, np.int32), np.empty(room, np.float32)
        how = (lengths, self._kinds, self._shares, self._key, self._rows, self._idf)
        used = _sparse.weigh(offsets, codes, values, *how, ends, columns, data)
        parts = (data[:used], columns[:used], ends)
        return csr_array(parts, shape=(len(encoded), self.num_rows))

    def names(self, batch: pa.RecordBatch) -> dict[int, str]:
        """What stands behind each table row that the first row of a batch uses, for people."""
        cast = self.schema.cast(batch.slice(0, 1))
        row = cast.to_pylist()[0]
        named: list[tuple[int, str]] = []
        codes = [part.coarse(cast[part.name])[0] for part in self._crossed]
        texts = [part.coarse_name(row[part.name]) for part in self._crossed]
        named += zip(codes, texts, strict=True)
        for i in range(len(codes)):
            later = zip(cross(codes[i], codes[i + 1 :]), texts[i + 1 :], strict=True)
            named += [(code, f"{texts[i]} and {text}") for code, text in later]
        for part in self._flat:
            cells = part.cells(cast[part.name])[0][0]
            named += zip(cells, part.names(row[part.name]), strict=True)
        for bag in self._bags:
            named += bag.names(row)
        return self._by_row(named)

    def _by_row(self, named: list[tuple[int, str]]) -> dict[int, str]:
        found: dict[int, list[str]] = {}
        for code, text in named:
            row = int(self._rows[int(code) & (len(self._rows) - 1)])
            if row >= 0 and text and text not in found.setdefault(row, []):
                found[row].append(text)
        return {row: " or ".join(texts) for row, texts in found.items() if texts}

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that are held."""
        if self.frequencies is not None:
            return self.frequencies.nbytes
        return self._rows.nbytes + self._idf.nbytes + self.column_counts.nbytes

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Header and arrays, before or after `settle`; `from_state` is the inverse."""
        parts = {"crossed": self._crossed, "flat": self._flat, "bags": self._bags}
        header = {
            "schema": self.schema.to_dict(),
            "num_observed": self.num_observed,
            "num_entries": self.num_entries,
            **{name: [_part_state(part) for part in found] for name, found in parts.items()},
        }
        if self.frequencies is not None:
            return header, {"frequencies": self.frequencies}
        header |= {"slots": len(self._rows), "shared": self._shared}
        own = self.num_rows - self._shared
        taken = np.flatnonzero((self._rows >= 0) & (self._rows < own))
        places = np.empty(own, np.int32)
        places[self._rows[taken]] = taken
        arrays = {"places": places, "idf": self._idf, "counts": self.column_counts}
        if self._shared:
            arrays["shared"] = np.packbits(self._rows >= own)
        return header, arrays

    @classmethod
    def from_state(
        cls, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> "Featurizer":
        """Inverse of `state`.

        Raises:
            FormatError: header or arrays are not of `state`.
        """
        self = cls.__new__(cls)
        try:
            self.schema = Schema.from_dict(header["schema"])
            names = ("crossed", "flat", "bags")
            self._build(*([_part_of(state) for state in header[name]] for name in names))
            self.num_observed = int(header["num_observed"])
            self.num_entries = int(header["num_entries"])
            self.frequencies = arrays.get("frequencies")
            if self.frequencies is None:
                self._restore(int(header["slots"]), int(header["shared"]), arrays)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise FormatError(f"not the state of a featurizer: {error!r}") from error
        return self

    def _restore(self, slots: int, shared: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._idf, self.column_counts, self._shared = arrays["idf"], arrays["counts"], shared
        places = arrays["places"]
        own = len(places)
        if len(self._idf) != own + shared or slots & (slots - 1) or slots < LEAST_SLOTS:
            raise ValueError(f"{own} + {shared} rows, {slots} slots")
        self._rows = np.full(slots, -1, np.int32)
        if shared:
            seen = np.flatnonzero(np.unpackbits(arrays["shared"], count=slots))
            self._rows[seen] = _sparse.shared_rows(seen, own, shared)
        self._rows[places] = np.arange(own, dtype=np.int32)

    def _open(self) -> NDArray[np.int32]:
        if self.frequencies is None:
            raise ValueError("featurizer must not be settled yet, got a settled one")
        return self.frequencies

    def _dense(self, cast: pa.RecordBatch) -> list[Any]:
        """The crossed and the flat block: (codes, values) of equally many entries a row."""
        coarse = [part.coarse(cast[part.name])[:, None] for part in self._crossed]
        first = side_by_side(coarse, np.int32, len(cast))
        cells = [part.cells(cast[part.name]) for part in self._flat]
        codes = side_by_side([codes for codes, _ in cells], np.int32, len(cast))
        values = side_by_side([values for _, values in cells], np.float32, len(cast))
        return [(first, np.ones(first.shape, np.float32)), (codes, values)]


def _parts_of(schema: Schema, sample: pa.RecordBatch) -> tuple[list[Any], list[Any], list[Any]]:
    by_kind: dict[str, list[str]] = {}
    for name in schema.names:
        by_kind.setdefault(schema[name].kind, []).append(name)
    flat = [FLAT[kind].fit(name, sample[name]) for kind in FLAT for name in by_kind.get(kind, ())]
    few = [
        p for p in flat if not isinstance(p, Date) and getattr(p, "distinct", 0) <= MOST_DISTINCT
    ]
    chosen = (few, [part for part in few if isinstance(part, Category)], [])
    crossed = next(c for c in chosen if len(c) * (len(c) - 1) / 2 <= MOST_PAIRS)
    flat = [part for part in flat if not (isinstance(part, Category) and part in crossed)]
    texts = tuple(by_kind.get("text", ()))
    bags: list[Any] = Texts.fit(texts, sample) if texts else []
    bags += [Items(name) for name in by_kind.get("list", ())]
    bags += [Sparse.fit(sample)] if "sparse" in by_kind else []
    return crossed, flat, bags


def _part_state(part: Any) -> dict[str, Any]:
    return {"part": type(part).__name__, **asdict(part)}


def _part_of(state: Mapping[str, Any]) -> Any:
    fields: Any = {key: tuple(v) if isinstance(v, list) else v for key, v in state.items()}
    return PARTS[fields.pop("part")](**fields)
