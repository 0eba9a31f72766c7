"""Book: the distinct values of a column, and the prefix code each of them has.

Whole numbers in a narrow range may do without: then the codeword is the number itself.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from numpy.typing import NDArray

from thrifty.codec._signatures import fingerprint
from thrifty.codec.huffman import codes_of, ladder_of, lengths_of
from thrifty.core import DataError, FormatError, taken
from thrifty.core.kernels import njit
from thrifty.hashing._columns import chunks, text_buffers

__all__ = ["Book", "Steps", "codeword", "counted"]

LIMIT, FAST, STEPS = 32, 10, 33
TEXTS = {"string": pa.string(), "binary": pa.binary()}
NUMBERS = {
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64"),
}
Ints = NDArray[np.int64]


class Steps(NamedTuple):
    """How canonical codewords are read from the top of 64 bits.

    Args:
        quick: (1024,) uint8, length of the codeword that begins with these 10 bits, 0 if longer.
        bounds: (longest + 1,) uint64, codewords of at most l bits are below bounds[l].
        starts: (longest + 1,) int64, number of the codeword c of l bits is starts[l] + c.
        symbols: how many there are.
    """

    quick: NDArray[np.uint8]
    bounds: NDArray[np.uint64]
    starts: Ints
    symbols: int

    @classmethod
    def of(cls, lengths: NDArray[Any]) -> "Steps":
        """From the lengths of all codewords, in rising order."""
        ladder = ladder_of(lengths)
        longest = ladder.bounds.size - 1
        bounds = ladder.bounds.astype(np.uint64) << np.uint64(64 - longest if longest else 0)
        bounds[longest] = 2**64 - 1
        tops = np.arange(1 << FAST, dtype=np.uint64) << np.uint64(64 - FAST)
        quick = np.searchsorted(bounds, tops, side="right")
        quick = np.where(quick <= FAST, quick, 0).astype(np.uint8)
        return cls(quick, bounds, ladder.starts, len(lengths))


@njit(forceinline=True, error_model="numpy")
def codeword(word, quick, bounds, starts):
    """Number of the value whose codeword begins a word, and bits of it."""
    longest = bounds.size - 1
    if longest == 0:
        return 0, 0
    length = np.int64(quick[word >> np.uint64(64 - FAST)])
    if length == 0:
        length = FAST + 1 if longest > FAST else longest
        while length < longest and word >= bounds[length]:
            length += 1
    return starts[length] + np.int64(word >> np.uint64(64 - length)), length


@njit(nogil=True, cache=True, error_model="numpy")
def read_codewords(windows, quick, bounds, starts, symbols, check, signatures, key, out, known):
    """Number of the value of each window; where there is a check, whether it is as it must be."""
    first, second = signatures[0], signatures[1]
    for i in range(windows.size):
        word = windows[i]
        number, length = codeword(word, quick, bounds, starts)
        out[i] = min(max(number, 0), symbols - 1)
        if check:
            mark = (word << np.uint64(length)) >> np.uint64(64 - check)
            known[i] = mark == fingerprint(first[i], second[i], key, check)


def counted(values: Any) -> tuple[Ints, Any, Ints]:
    """Number of the distinct value of each row, these values in rising order, and their counts.

    Raises:
        TypeError: values that are neither numbers nor bools, text or bytes.
        DataError: a null among them.
    """
    parts = [p.dictionary_decode() if pt.is_dictionary(p.type) else p for p in chunks(values)]
    column = pa.chunked_array(parts, parts[0].type if parts else pa.int64()).combine_chunks()
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pt.is_large_string(column.type) or pt.is_large_binary(column.type):
        column = column.cast(pa.string() if pt.is_large_string(column.type) else pa.binary())
    if column.null_count:
        raise DataError(f"values must be without nulls, got {column.null_count}")
    column = column.cast(pa.int64()) if pt.is_null(column.type) else column
    kind = _kind(column.type)
    coded = column.dictionary_encode()
    order = pc.sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    numbers = rank[coded.indices.to_numpy()]
    distinct = coded.dictionary.take(pa.array(order))
    found = distinct if kind in TEXTS else distinct.to_numpy(zero_copy_only=False)
    return numbers, found, np.bincount(numbers, minlength=order.size)


def _kind(kind: pa.DataType) -> str:
    """The name of a type of values."""
    name = {"float": "float32", "double": "float64"}.get(str(kind))
    name = name or str(kind)
    if name not in NUMBERS | TEXTS.keys():
        raise TypeError(f"values must be numbers, bools, text or bytes, got {kind}")
    return name


class Book(NamedTuple):
    """Values by the rank of their codeword: shorter ones first, then in rising order.

    Args:
        kind: of the values: "int64", "string", ...
        low: the least value, where they are kept as what is above it, else 0.
        width: bits of every codeword where it is the value itself, above the least; else 0.
        lengths: (values,) uint8, rising; where `width` is not 0 there is one for all.
        symbols: the values, or what they are above the least; None where `width` is not 0.
    """

    kind: str
    low: int
    width: int
    lengths: NDArray[np.uint8]
    symbols: Any

    @classmethod
    def of(cls, distinct: Any, counts: Ints, width: int = 0) -> tuple["Book", Ints]:
        """A book, and the rank in it of each distinct value.

        Args:
            distinct: values in rising order. counts: of each, for the lengths.
            width: as of the class.
        """
        kind = str(distinct.type) if isinstance(distinct, pa.Array) else distinct.dtype.name
        whole = kind not in TEXTS and distinct.dtype.kind in "iub"
        low = int(distinct[0]) if whole else 0
        if width:
            rank = above(distinct, low).astype(np.int64)
            return cls(kind, low, width, np.full(1, width, np.uint8), None), rank
        lengths = lengths_of(counts) if len(counts) > 1 else np.zeros(len(counts), np.uint8)
        order = np.argsort(lengths, kind="stable")
        rank = np.empty(order.size, np.int64)
        rank[order] = np.arange(order.size)
        kept = above(distinct, low) if whole else distinct
        kept = kept.take(pa.array(order)) if kind in TEXTS else kept[order]
        return cls(kind, low, 0, lengths[order], kept), rank

    def codes(self, ranks: Ints) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        """Codewords of values of these ranks, and their lengths."""
        if self.width:
            return ranks.astype(np.uint64), np.full(ranks.size, self.width, np.uint8)
        return codes_of(self.lengths).astype(np.uint64)[ranks], self.lengths[ranks]

    @property
    def longest(self) -> int:
        """Bits of the longest codeword."""
        return int(self.lengths[-1])

    @property
    def symbols_held(self) -> int:
        """How many values have a codeword."""
        return 1 << self.width if self.width else len(self.lengths)

    def steps(self) -> Steps:
        """How its codewords are read."""
        if not self.width:
            return Steps.of(self.lengths)
        starts, quick = np.zeros(self.width + 1, np.int64), np.zeros(1 << FAST, np.uint8)
        quick[:] = self.width if self.width <= FAST else 0
        return Steps(quick, np.zeros(self.width + 1, np.uint64), starts, 1 << self.width)

    def values(self, ranks: Ints) -> Any:
        """The values of these ranks: a NumPy array of numbers, or an Arrow array of texts."""
        if self.kind in TEXTS:
            return self.symbols.take(pa.array(ranks))
        kept = ranks if self.symbols is None else self.symbols[ranks]
        if self.kind[0] == "f":
            return kept
        wide = kept.astype(np.uint64) + np.uint64(self.low % 2**64)
        return wide.view(np.int64).astype(self.kind) if self.low < 0 else wide.astype(self.kind)

    def one_by_one(self) -> Callable[[int], Any]:
        """What gives the value of a rank, as Python has it."""
        low, texts = self.low, self.symbols
        if self.kind in TEXTS:
            return lambda rank: texts[rank].as_py()
        if texts is None:
            return lambda rank: rank + low
        kept = memoryview(np.ascontiguousarray(texts).data)
        if self.kind == "bool":
            return lambda rank: bool(kept[rank] + low)
        return kept.__getitem__ if self.kind[0] == "f" else lambda rank: kept[rank] + low

    def spec(self) -> dict[str, Any]:
        """What it takes beside the arrays, as JSON can hold it."""
        return {"kind": self.kind, "low": self.low, "width": self.width}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What it holds, by name."""
        if self.width:
            return {}
        steps = np.bincount(self.lengths, minlength=STEPS).astype(np.uint32)
        if self.kind not in TEXTS:
            return {"steps": steps, "symbols": self.symbols}
        data, ends = text_buffers(self.symbols)
        return {"steps": steps, "symbols": data[ends[0] : ends[-1]], "ends": (ends - ends[0])}

    @classmethod
    def read(cls, spec: Mapping[str, Any], arrays: Mapping[str, Any]) -> "Book":
        """A book from what may be lies.

        Raises:
            FormatError: lengths that make no code, or symbols that are not theirs.
        """
        kind, low, width = str(spec["kind"]), int(spec["low"]), int(spec["width"])
        whole = kind in NUMBERS and kind[0] != "f"
        if kind not in NUMBERS | TEXTS.keys() or not 0 <= width <= (LIMIT if whole else 0):
            raise FormatError(f"book must be of a known kind, got {spec!r}")
        if width:
            return cls(kind, low, width, np.full(1, width, np.uint8), None)
        steps = taken(arrays, "steps", np.uint32, (STEPS,)).astype(np.int64)
        full = sum(int(n) << (LIMIT - length) for length, n in enumerate(steps) if length)
        if (full != 1 << LIMIT or steps[0]) and (full or steps[0] != 1):
            raise FormatError(f"steps must make a complete code, got {steps.tolist()}")
        count = int(steps.sum())
        lengths = np.repeat(np.arange(STEPS, dtype=np.uint8), _held(steps, count, arrays))
        return cls(kind, low, 0, lengths, _symbols(kind, count, arrays))


def _held(steps: Ints, count: int, arrays: Mapping[str, Any]) -> Ints:
    """The steps, once it is sure that so many values are there."""
    name, more = ("ends", 1) if "ends" in arrays else ("symbols", 0)
    if arrays[name].shape != (count + more,):
        raise FormatError(f"array {name!r} must be of {count + more}, got {arrays[name].shape}")
    return steps


def _symbols(kind: str, count: int, arrays: Mapping[str, Any]) -> Any:
    if kind not in TEXTS:
        dtype = arrays["symbols"].dtype
        if (kind[0] == "f") != (dtype.kind == "f") or dtype.kind not in "fu":
            raise FormatError(f"array 'symbols' must be of {kind}, got {dtype}")
        return taken(arrays, "symbols", kind if kind[0] == "f" else dtype, (count,))
    data = taken(arrays, "symbols", np.uint8, (None,))
    ends = taken(arrays, "ends", np.int32, (count + 1,))
    if ends[0] != 0 or ends[-1] != data.size or (np.diff(ends) < 0).any():
        raise FormatError(f"array 'ends' must rise to {data.size}, got {ends[-1]}")
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(data)]
    made = pa.Array.from_buffers(TEXTS[kind], count, buffers)
    made.validate(full=True)
    return made


def above(distinct: NDArray[Any], low: int) -> NDArray[Any]:
    """Whole numbers as what they are above the least, in as few bytes as the largest needs."""
    if distinct.dtype.kind in "ub":
        gaps = distinct.astype(np.uint64) - np.uint64(low)
    else:
        gaps = distinct.astype(np.int64).view(np.uint64) - np.uint64(low % 2**64)
    return gaps.astype(np.min_scalar_type(gaps.max(initial=np.uint64(0))))
