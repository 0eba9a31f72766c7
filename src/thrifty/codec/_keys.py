"""Keys of any Arrow type: 128 bits each, of nested ones by those of what is in them.

What `hash_column` tells apart has two of its hashes. Beyond that: a list is the bytes of the
signatures of its elements, whichever kind of list it is; a struct that of its fields in the order
of their names; a map is the list of its entries, a union what it holds. Nulls are alike. Decimals
are exact: of more than 15 digits, as digits and exponent, else as the number they are.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from numpy.typing import NDArray

from thrifty.hashing import hash_column
from thrifty.hashing._columns import SCALARS, chunks

__all__ = ["TURN", "column_of", "signatures_of"]

Signatures = NDArray[np.uint64]
TURN = 0x5349474E4154
LIST, STRUCT, DIGITS, SPAN = 0x4C495354, 0x53545255, 0x44494749, 0x5350414E
EXACT, EXACT_POWER = 15, 22  # digits and powers of ten that a float64 holds
LISTS = (
    pt.is_list, pt.is_large_list, pt.is_fixed_size_list, pt.is_list_view, pt.is_large_list_view,
    pt.is_map,
)  # fmt: skip


def signatures_of(keys: Any, seed: int) -> Signatures:
    """128 bits of every key, (2, n): two hashes of one family.

    Args:
        keys: column of any Arrow type, or what becomes one.
        seed: of all hashes.

    Raises:
        TypeError: keys that are not of one Arrow type, or of one unknown here.
        ValueError: the seed is out of range.
    """
    parts = [_signed(part, seed) for part in chunks(keys)]
    return parts[0] if len(parts) == 1 else np.concatenate([_hashed([], seed), *parts], axis=1)


def column_of(key: Any) -> pa.Array:
    """A column of one key.

    Raises:
        TypeError: it is of no Arrow type.
    """
    if isinstance(key, pa.Scalar):
        return pa.repeat(key, 1)
    if isinstance(key, UUID):
        return pa.array([key.bytes])
    if isinstance(key, set | frozenset):
        raise TypeError("column must be values of one type, got a set, which has no order")
    return chunks(key if isinstance(key, SCALARS) else [key])[0]


def _hashed(column: Any, seed: int, tag: int = 0) -> Signatures:
    """Two hashes of a column that `hash_column` knows."""
    return np.stack([hash_column(column, seed ^ tag), hash_column(column, seed ^ TURN ^ tag)])


def _signed(array: pa.Array, seed: int) -> Signatures:
    """128 bits of each value of an array."""
    kind = array.type
    if pt.is_dictionary(kind):
        return _chosen(array.dictionary, array.indices, seed)
    if pt.is_union(kind):
        return _of_union(array, seed)
    if any(is_list(kind) for is_list in LISTS):
        out = _of_list(array, seed)
    elif pt.is_struct(kind):
        out = _of_struct(array, seed)
    elif pt.is_decimal(kind):
        out = _of_decimals(array, seed)
    elif pt.is_interval(kind):
        out = _of_spans(array, seed)
    else:
        return _hashed(array, seed)
    if array.null_count:
        out[:, array.is_null().to_numpy(zero_copy_only=False)] = _hashed(pa.nulls(1), seed)
    return out


def _chosen(values: pa.Array, indices: pa.Array, seed: int) -> Signatures:
    """The signatures of values by their indices, nulls among both."""
    words = np.append(signatures_of(values, seed), _hashed(pa.nulls(1), seed), axis=1)
    places = pc.fill_null(indices.cast(pa.int64()), words.shape[1] - 1)
    return words[:, places.to_numpy()]


def _of_union(array: pa.UnionArray, seed: int) -> Signatures:
    """Of each row the signature of the child it is in."""
    n, out, held = len(array), np.empty((2, len(array)), np.uint64), array.buffers()
    if not n:
        return out
    codes = np.frombuffer(held[1], np.int8, n, array.offset)
    dense = array.type.mode == "dense"
    places = np.frombuffer(held[2], np.int32, n, 4 * array.offset) if dense else np.arange(n)
    for child, code in enumerate(array.type.type_codes):
        here = codes == code
        out[:, here] = signatures_of(array.field(child), seed)[:, places[here]]
    return out


def _of_list(array: Any, seed: int) -> Signatures:
    """Of the elements, a row after the other."""
    if pt.is_map(array.type):
        fields = pa.struct([("key", array.type.key_type), ("value", array.type.item_type)])
        array = array.cast(pa.list_(fields))
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy().astype(np.int64)
    words = signatures_of(array.flatten(), seed)
    return _hashed(_texts(words, 16 * np.append(0, np.cumsum(lengths))), seed, LIST)


def _of_struct(array: pa.StructArray, seed: int) -> Signatures:
    """Of the fields by their names; the names are part of it."""
    order = sorted(range(array.type.num_fields), key=lambda i: array.type.field(i).name)
    fields, names = array.flatten(), [array.type.field(i).name for i in order]
    named = _hashed(pa.array(["\0".join(names)]), seed).repeat(len(array), axis=1)
    words = np.stack([named, *(signatures_of(fields[i], seed) for i in order)], axis=2)
    ends = 16 * words.shape[2] * np.arange(len(array) + 1)
    return _hashed(_texts(words.reshape(2, -1), ends), seed, STRUCT)


def _texts(words: Signatures, ends: NDArray[np.int64]) -> pa.Array:
    """Signatures as bytes, cut where rows end."""
    data = pa.py_buffer(np.ascontiguousarray(words.T))
    buffers = [None, pa.py_buffer(ends.astype(np.int64)), data]
    return pa.Array.from_buffers(pa.large_binary(), len(ends) - 1, buffers)


def _of_spans(array: pa.Array, seed: int) -> Signatures:
    """Months, days and nanoseconds, as the 16 bytes they are."""
    width = array.type.bit_width // 8
    start, end = width * array.offset, width * (array.offset + len(array))
    data = array.buffers()[1] or pa.py_buffer(b"")
    ends = pa.py_buffer(width * np.arange(len(array) + 1))
    held = [None, ends, data.slice(start, end - start)]
    return _hashed(pa.Array.from_buffers(pa.large_binary(), len(array), held), seed, SPAN)


def _of_decimals(array: pa.Array, seed: int) -> Signatures:
    """Whole ones as whole numbers, short ones as float64, long ones by their digits."""
    kind = array.type
    out, slow = np.empty((2, len(array)), np.uint64), np.ones(len(array), np.bool_)
    if kind.bit_width <= 128 and 0 <= kind.scale <= EXACT_POWER:
        units, slow = _units(array)
        # both are exact in float64, so the quotient is the float64 nearest to the number
        out[:, ~slow] = _hashed(units[~slow] / 10.0**kind.scale, seed)
    groups: tuple[dict[int, Any], ...] = ({}, {}, {})
    for place in np.flatnonzero(slow).tolist():
        number = array[place].as_py()
        which, form = _form(Decimal(0) if number is None else number)
        groups[which][place] = form
    kinds = ((pa.int64(), 0), (pa.float64(), 0), (pa.binary(), DIGITS))
    for group, (kind, tag) in zip(groups, kinds, strict=True):
        if group:
            out[:, list(group)] = _hashed(pa.array(list(group.values()), kind), seed, tag)
    return out


def _units(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Decimals without their points, and which of them have more than 15 digits."""
    n, wide = len(array), array.cast(pa.decimal128(38, array.type.scale))
    if not n:
        return np.zeros(0, np.int64), np.zeros(0, np.bool_)
    pairs = np.frombuffer(wide.buffers()[1], np.int64, 2 * n, 16 * wide.offset).reshape(n, 2)
    low, high = pairs[:, 0], pairs[:, 1]
    return low, (high != low >> 63) | (low <= -(10**EXACT)) | (low >= 10**EXACT)


def _form(number: Decimal) -> tuple[int, Any]:
    """0 and a whole number, 1 and a float, or 2 and digits with an exponent."""
    sign, digits, exponent = number.as_tuple()
    plain = "".join(map(str, digits)).lstrip("0")
    short = plain.rstrip("0") or "0"
    power = int(exponent) + len(plain) - len(short) if plain else 0
    if 0 <= power < 20 and -(2**63) <= (exact := int(number)) < 2**63:
        return 0, exact
    if len(short) <= EXACT:
        return 1, float(number)
    return 2, f"{'-' * sign}{short}e{power}".encode()
