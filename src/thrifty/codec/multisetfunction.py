"""Multiset function: keys to sets of values, so arranged in columns that the columns cost least."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from numpy.typing import NDArray

from thrifty.codec._arrange import arranged, covered
from thrifty.codec._book import counted
from thrifty.codec._shape import entropy_of, shape_of
from thrifty.codec._signatures import Signed, of_column, signature_of, signatures_of, signed
from thrifty.codec.staticfunction import StaticFunction
from thrifty.core import DataError, FormatError, MappedSummary, Summary, method, one_of, whole
from thrifty.core.composite import packed, unpacked
from thrifty.hashing._columns import chunks

__all__ = ["MultisetFunction"]

MOST_COLUMNS = 256
WAYS = {"rounds": arranged, "cover": covered, "given": lambda rows, _: rows}
Counts = list[NDArray[np.int64]]


class _Rows(NamedTuple):
    """Rows as numbers of values, (n, m), -1 beyond the end of a short one; lengths if ragged."""

    numbers: NDArray[np.int64]
    distinct: Any
    lengths: NDArray[np.int64] | None


@method(
    source="CARAMEL, Coleman et al. 2023, arXiv:2305.16545",
    memory="1.11 bits a bit of the codes of the columns, and their distinct values",
    time="three loads a value; arranging, five rounds of m**2 steps a row and 48 of 4 m",
    error="none for keys it was made of, but for the order in a row; arbitrary for others",
    exact="dict(zip(keys, map(sorted, rows)))",
    laws=("static-function",),
    evidence=("multisetfunction",),
)
class MultisetFunction(MappedSummary):
    """Look up several values a key, whose order does not count; keys are not kept.

    Values are moved within their rows until every column has few frequent ones, and each column is
    a static function; or all columns are one, where that takes less. Ragged rows have a function
    of their lengths.

    Args:
        keys: (n,) column as of `StaticFunction`.
        rows: (n, m) array, or lists of numbers or texts, of at most 256 values.
        arrange: "rounds" (scales), "cover" (greedy, for few distinct values), or "given" to keep
            the order in rows.
        seed: of all hashes.
        threads: that solve; None for as many as there are cores.

    Raises:
        TypeError: keys of no Arrow type, or values of another type.
        DataError: a key twice with two rows, a null, no rows, or rows of more than 256.
        IncompatibleError: keys and rows of different number.
        ValueError: arrange is none of these, or seed or threads out of range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> rows = rng.permuted(np.tile(np.arange(6), (5000, 1)) * 3, axis=1)
        >>> small = MultisetFunction(np.arange(5000), rows)
        >>> bool((np.sort(small.get([7, 8])) == np.sort(rows[7:9])).all())
        True
        >>> given = MultisetFunction.size(rows, arrange="given")
        >>> small.nbytes == MultisetFunction.size(rows) < given / 5
        True
    """

    KIND = "multiset-function"

    def __init__(
        self,
        keys: Any,
        rows: Any,
        *,
        arrange: str = "rounds",
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        one_of("arrange", arrange, tuple(WAYS))
        if threads is not None:
            whole("threads", threads, 1, 1024)
        found = _numbered(rows, arrange)
        marked = signed(signatures_of(keys, seed), found.numbers, keys, found.distinct)
        turned = WAYS[arrange](marked.numbers, len(found.distinct))
        self.length, self.columns, self.seed = len(turned), turned.shape[1], seed
        counts = _counts(turned, len(found.distinct))
        self.entropy = sum(entropy_of(c) * c.sum() for c in counts if c.any()) / self.length
        self.ragged, self.shared = found.lengths is not None, _shared(counts, found.distinct)
        self._members: dict[str, StaticFunction] = {}
        if self.ragged:
            lengths = (turned >= 0).sum(axis=1)
            self.entropy += entropy_of(np.bincount(lengths))
            self._add("lengths", Signed(marked.signatures, lengths), _upto(lengths), threads)
        if self.shared:
            self._add("all", _flat(marked.signatures, turned), found.distinct, threads)
            return
        for column in range(self.columns):
            there = turned[:, column] >= 0
            part = np.ascontiguousarray(marked.signatures[:, there])
            self._add(str(column), Signed(part, turned[there, column]), found.distinct, threads)

    def _add(self, name: str, marked: Signed, distinct: Any, threads: int | None) -> None:
        """Solve one member, of the values that it has."""
        used, numbers = np.unique(marked.numbers, return_inverse=True)
        member = StaticFunction.__new__(StaticFunction)
        kept = _some(distinct, used)
        member._build(Signed(marked.signatures, numbers), kept, 0, self.seed, threads)
        self._members[name] = member

    @classmethod
    def size(cls, rows: Any, *, arrange: str = "rounds") -> int:
        """Bytes of the function of such rows under distinct keys, exactly, without the keys.

        Raises:
            TypeError: as of the class.
            DataError: as of the class.
            ValueError: as of the class.
        """
        one_of("arrange", arrange, tuple(WAYS))
        found = _numbered(rows, arrange)
        if not len(found.numbers):
            raise DataError("keys must be at least 1, got none")
        counts = _counts(WAYS[arrange](found.numbers, len(found.distinct)), len(found.distinct))
        parts = [np.sum(counts, axis=0)] if _shared(counts, found.distinct) else counts
        nbytes = sum(_bytes(found.distinct, each) for each in parts)
        if found.lengths is not None:
            nbytes += _bytes(_upto(found.lengths), np.bincount(found.lengths))
        return nbytes

    def get(self, keys: Any) -> Any:
        """The values of every key, in an order that does not count.

        Returns:
            (n, m) NumPy array; Arrow lists where rows are ragged or values are text or bytes. A
            key that it was not made of has arbitrary ones.

        Raises:
            TypeError: keys of no Arrow type.
        """
        return self._read(signatures_of(keys, self.seed))

    def __getitem__(self, key: Any) -> list[Any]:
        """The values of one key."""
        found = self._read(signature_of(key, self.seed))[0]
        return found.tolist() if isinstance(found, np.ndarray) else found.as_py()

    def __len__(self) -> int:
        """Distinct keys it was made of."""
        return self.length

    def _read(self, rows: NDArray[np.uint64]) -> Any:
        n, lengths = rows.shape[1], np.full(rows.shape[1], self.columns)
        if self.ragged:
            lengths = np.clip(self._values("lengths", rows), 0, self.columns).astype(np.int64)
        places = [np.flatnonzero(lengths > column) for column in range(self.columns)]
        order = np.argsort(np.concatenate(places), kind="stable")
        found = [self._column(c, rows[:, place]) for c, place in enumerate(places)]
        if isinstance(found[0], np.ndarray):
            flat = np.concatenate(found)[order]
            if not self.ragged:
                return flat.reshape(n, self.columns)
        else:
            flat = pa.concat_arrays(found).take(pa.array(order))
        return pa.LargeListArray.from_arrays(np.append(0, np.cumsum(lengths)), pa.array(flat))

    def _column(self, column: int, rows: NDArray[np.uint64]) -> Any:
        rows = np.ascontiguousarray(rows)
        if self.shared:
            return self._values("all", of_column(rows, column))
        return self._values(str(column), rows)

    def _values(self, name: str, rows: NDArray[np.uint64]) -> Any:
        member = self._members[name]
        return member._book.values(member._reader.ranks(rows)[0])

    def spec(self) -> dict[str, Any]:
        """What it takes beside the arrays."""
        names = ("length", "columns", "seed", "ragged", "shared", "entropy")
        own = {name: getattr(self, name) for name in names}
        return {**own, "members": packed(self._members)[0]}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Those of its members."""
        return packed(self._members)[1]

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The function of a spec and arrays, once nothing in them leads astray."""
        made = cls.__new__(cls)
        made.length, made.entropy = whole("length", spec["length"], 1, 2**48), spec["entropy"]
        made.columns = whole("columns", spec["columns"], 1, MOST_COLUMNS)
        made.seed = whole("seed", spec["seed"], 0, 2**64 - 1)
        made.ragged, made.shared = bool(spec["ragged"]), bool(spec["shared"])
        kinds: dict[str, type[Summary]] = {StaticFunction.KIND: StaticFunction}
        made._members = unpacked(spec["members"], arrays, kinds)
        wanted = ["lengths"] if made.ragged else []
        wanted += ["all"] if made.shared else [str(c) for c in range(made.columns)]
        if sorted(wanted) != sorted(made._members):
            raise FormatError(f"members must be {wanted}, got {sorted(made._members)}")
        kinds_held = {m._book.kind for name, m in made._members.items() if name != "lengths"}
        if len(kinds_held) > 1:
            raise FormatError(f"columns must be of one kind, got {sorted(kinds_held)}")
        return made

    def __repr__(self) -> str:
        told = f"keys={self.length}, columns={self.columns}, seed={self.seed}"
        return f"{type(self).__name__}({told}, ragged={self.ragged}, shared={self.shared})"


def _numbered(rows: Any, arrange: str) -> _Rows:
    """Rows as numbers; in rising order within a row unless the given order is to stay."""
    if isinstance(rows, np.ndarray) and rows.ndim == 2:
        flat, lengths = rows.reshape(-1), np.full(len(rows), rows.shape[1])
        ragged = False
    else:
        lists = pa.chunked_array(chunks(rows)).combine_chunks()
        kind = lists.type
        if not (pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)):
            raise TypeError(f"rows must be an array (n, m) or lists, got {kind}")
        if lists.null_count:
            raise DataError(f"rows must be without nulls, got {lists.null_count}")
        flat = lists.flatten()
        lengths = pc.list_value_length(lists).to_numpy().astype(np.int64)
        ragged = lengths.size > 0 and lengths.min() < lengths.max()
    widest = int(lengths.max(initial=0))
    if len(lengths) and not 1 <= widest <= MOST_COLUMNS:
        raise DataError(f"rows must be of 1..{MOST_COLUMNS} values, got {widest}")
    numbers, distinct, _ = counted(flat)
    wide = np.full((len(lengths), widest), -1)
    wide[np.arange(widest) < lengths[:, None]] = numbers
    if arrange != "given":
        wide = np.where(wide < 0, len(distinct), wide)
        wide.sort(axis=1)
        wide[wide == len(distinct)] = -1
    return _Rows(wide, distinct, lengths if ragged else None)


def _counts(rows: NDArray[np.int64], values: int) -> Counts:
    """How often each value comes in each column."""
    return [np.bincount(column[column >= 0], minlength=values) for column in rows.T]


def _some(distinct: Any, used: NDArray[np.int64]) -> Any:
    return distinct.take(pa.array(used)) if isinstance(distinct, pa.Array) else distinct[used]


def _upto(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """All lengths that there may be."""
    return np.arange(int(lengths.max(initial=0)) + 1)


def _bytes(distinct: Any, counts: NDArray[np.int64]) -> int:
    used = np.flatnonzero(counts)
    return shape_of(_some(distinct, used), counts[used]).nbytes


def _shared(counts: Counts, distinct: Any) -> bool:
    """Whether all columns as one function take less than one each."""
    return _bytes(distinct, np.sum(counts, axis=0)) < sum(_bytes(distinct, each) for each in counts)


def _flat(rows: NDArray[np.uint64], turned: NDArray[np.int64]) -> Signed:
    """Pairs of key and column, in order."""
    there = [np.flatnonzero(column >= 0) for column in turned.T]
    parts = [of_column(np.ascontiguousarray(rows[:, t]), c) for c, t in enumerate(there)]
    numbers = [turned[t, c] for c, t in enumerate(there)]
    return signed(np.concatenate(parts, axis=1), np.concatenate(numbers), [], [])
