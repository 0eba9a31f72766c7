"""Values: the few of a stream that are kept, of any type, as bytes that know what they are."""

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt
from numpy.typing import NDArray

from thrifty.core import FormatError, taken
from thrifty.core.kernels import njit
from thrifty.hashing._columns import Column, _frozen, chunks, numbers, text_buffers
from thrifty.hashing.blocks import checked_weights

__all__ = ["Values", "valued_parts"]

TEXT, BYTES, DECIMAL, BOOL, INT, UINT, REAL, DATE, TIME, INSTANT, ZONED, SPAN = range(12)
UNITS = ("s", "ms", "us", "ns")
CODES = {"s": 0, "ms": 1, "us": 2, "ns": 3}
Ints = NDArray[np.int64]


@njit(nogil=True, cache=True, error_model="numpy")
def _gather(data, offsets, rows, ends, out):
    start = 0
    for i in range(rows.size):
        first = np.int64(offsets[rows[i]])
        for j in range(ends[i] - start):
            out[start + j] = data[first + j]
        start = ends[i]


class Values:
    """Some values, each as its kind, its full length in bytes, and its first bytes.

    Args:
        longest: bytes that are kept of a text or bytes; ints and times take 8.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.kinds = np.zeros(0, np.uint8)
        self.lengths = np.zeros(0, np.int64)
        self.ends = np.zeros(1, np.int64)
        self.data = np.zeros(0, np.uint8)

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def nbytes(self) -> int:
        """Bytes of all that is held."""
        return sum(array.nbytes for array in self.arrays().values())

    def arrays(self) -> dict[str, np.ndarray]:
        """All it holds, by name."""
        return {
            "value_kinds": self.kinds, "value_lengths": self.lengths,
            "value_ends": self.ends, "value_bytes": self.data,
        }  # fmt: skip

    @classmethod
    def restore(cls, arrays: Mapping[str, np.ndarray], count: int, longest: int) -> "Values":
        """So many values from arrays that may be lies.

        Raises:
            FormatError: they are not such values.
        """
        made = cls(longest)
        made.kinds = taken(arrays, "value_kinds", np.uint8, (count,))
        made.lengths = taken(arrays, "value_lengths", np.int64, (count,))
        made.ends = taken(arrays, "value_ends", np.int64, (count + 1,))
        made.data = taken(arrays, "value_bytes", np.uint8, (None,))
        codes, held = made.kinds & 15, np.diff(made.ends)
        fits = np.minimum(made.lengths, np.where(codes <= DECIMAL, longest, 8))
        whole = made.ends[0] == 0 and made.ends[-1] == made.data.size and (held >= 0).all()
        wide = (codes <= DECIMAL) | (held == 8)
        if not (whole and wide.all() and (held == fits).all() and (made.kinds < 64).all()):
            raise FormatError("kept values are damaged")
        if codes.size and codes.max() > SPAN:
            raise FormatError("kept values are of an unknown kind")
        try:
            for row in np.flatnonzero(codes == DECIMAL).tolist():
                made[row]
        except ArithmeticError as error:
            raise FormatError("a kept decimal is none") from error
        return made

    def take(self, rows: Ints) -> "Values":
        """The values of these numbers, in this order."""
        made = Values(self.longest)
        made.kinds, made.lengths = self.kinds[rows], self.lengths[rows]
        made.ends = np.append(0, np.cumsum(np.diff(self.ends)[rows]))
        made.data = np.empty(made.ends[-1], np.uint8)
        _gather(
            _frozen(self.data.view()), _frozen(self.ends.view()), rows, made.ends[1:], made.data
        )
        return made

    def extend(self, other: "Values") -> None:
        """Append other values."""
        self.kinds = np.concatenate([self.kinds, other.kinds])
        self.lengths = np.concatenate([self.lengths, other.lengths])
        self.ends = np.concatenate([self.ends, other.ends[1:] + self.ends[-1]])
        self.data = np.concatenate([self.data, other.data])

    def keep(self, array: pa.Array, rows: Ints) -> None:
        """Append the values of these rows of an array without nulls."""
        made, kind = Values(self.longest), _kind_of(array.type)
        if pt.is_decimal(array.type):
            array = array.take(pa.array(rows)).cast(pa.large_string())
            rows = np.arange(len(rows))
        if kind & 15 <= DECIMAL:
            data, offsets = text_buffers(array)
            made.lengths = offsets[rows + 1].astype(np.int64) - offsets[rows]
            made.ends = np.append(0, np.cumsum(np.minimum(made.lengths, self.longest)))
            made.data = np.empty(made.ends[-1], np.uint8)
            _gather(data, offsets, rows, made.ends[1:], made.data)
        else:
            made.data = _words(array, kind)[rows].astype("<i8").view(np.uint8)
            made.lengths = np.full(len(rows), 8)
            made.ends = np.arange(len(rows) + 1) * 8
        made.kinds = np.full(len(rows), kind, np.uint8)
        self.extend(made)

    def __getitem__(self, row: int) -> Any:
        """One value as Python has it; of a text or bytes that was cut, what is left and "..."."""
        kind = int(self.kinds[row])
        code, unit = kind & 15, UNITS[kind >> 4]
        raw = self.data[self.ends[row] : self.ends[row + 1]].tobytes()
        cut = len(raw) < int(self.lengths[row])
        if code == BYTES:
            return raw + b"..." if cut else raw
        if code <= DECIMAL:
            text = raw.decode("utf-8", "ignore" if cut else "replace") + "..." * cut
            return Decimal(text) if code == DECIMAL and not cut else text
        return _python(int.from_bytes(raw, "little", signed=code != UINT), raw, code, unit)


def valued_parts(column: Column, weights: Any) -> Iterator[tuple[pa.Array, Ints | None]]:
    """The column as Arrow arrays without nulls or codes, and the weights of their rows."""
    parts = chunks(column)
    length = sum(len(part) for part in parts)
    given = None if weights is None else checked_weights(weights, length, np.int64, least=0)
    start = 0
    for part in parts:
        mine = None if given is None else given[start : start + len(part)]
        start += len(part)
        if isinstance(part, pa.DictionaryArray):
            part, mine = _decoded(part, mine)
        if part.null_count and mine is not None:
            mine = mine[part.is_valid().to_numpy(zero_copy_only=False)]
        yield (part.drop_null() if part.null_count else part), mine


def _decoded(part: pa.DictionaryArray, weights: Ints | None) -> tuple[pa.Array, Ints | None]:
    """Each entry once, with the weight of all its rows, where that is less work."""
    entries = chunks(part.dictionary)[0]
    if len(entries) > len(part):
        return entries.take(part.indices), weights
    valid = part.indices.is_valid().to_numpy(zero_copy_only=False)
    codes = part.indices.drop_null().cast(pa.int64()).to_numpy()
    total = np.zeros(len(entries), np.int64)
    np.add.at(total, codes, 1 if weights is None else weights[valid])
    return entries, total


def _kind_of(kind: pa.DataType) -> int:
    """The code of an Arrow type; times carry their unit in the upper bits."""
    checks = {
        pt.is_boolean: BOOL, pt.is_uint64: UINT, pt.is_integer: INT, pt.is_floating: REAL,
        pt.is_string: TEXT, pt.is_large_string: TEXT, pt.is_decimal: DECIMAL, pt.is_date: DATE,
        pt.is_time: TIME,
    }  # fmt: skip
    if pt.is_timestamp(kind):
        return (ZONED if kind.tz else INSTANT) | CODES[kind.unit] << 4
    if pt.is_duration(kind):
        return SPAN | CODES[kind.unit] << 4
    return next((code for check, code in checks.items() if check(kind)), BYTES)


def _words(array: pa.Array, kind: int) -> Ints:
    """Values of fixed width as 64 bits each; all NaN are one, and so are the zeros."""
    code = kind & 15
    if code == REAL:
        reals = numbers(array, pa.float64(), np.float64) + 0.0
        return np.where(np.isnan(reals), np.nan, reals).view(np.int64)
    if code == UINT:
        return numbers(array, array.type, np.int64)
    if code == DATE:
        array = array.cast(pa.date32()).view(pa.int32())
    elif code >= TIME:
        array = (array.cast(pa.time64("ns")) if code == TIME else array).view(pa.int64())
    return numbers(array, pa.int64(), np.int64)


def _python(word: int, raw: bytes, code: int, unit: str) -> Any:
    """The value of 64 bits: a plain one where Python has it, else NumPy's instant or span."""
    if code == BOOL:
        return bool(word)
    if code in (INT, UINT):
        return word
    if code == REAL:
        return float(np.frombuffer(raw, "<f8")[0])
    if code == TIME:
        return (dt.datetime.min + dt.timedelta(microseconds=word // 1000 % 86_400_000_000)).time()
    if unit == "ns" and word % 1000 == 0:
        word, unit = word // 1000, "us"
    unit = "D" if code == DATE else unit
    exact: Any = np.array(word).view(f"{'m8' if code == SPAN else 'M8'}[{unit}]")[()]
    plain: Any = exact.item()
    if plain is None or isinstance(plain, int):  # a year that Python does not have
        return exact
    return plain.replace(tzinfo=dt.UTC) if code == ZONED else plain
