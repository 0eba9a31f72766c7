"""Ordered: columns whose values have an order, as float64, and back."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt
from numpy.typing import NDArray

from thrifty.core import IncompatibleError
from thrifty.hashing._columns import Column, chunks, numbers

__all__ = ["KINDS", "NUMBER", "back", "ordered", "same_kind"]

KINDS = ("nothing yet", "numbers", "dates", "instants", "instants with a zone", "times", "spans")
NOTHING, NUMBER, DATE, INSTANT, ZONED, TIME, SPAN = range(len(KINDS))
Part = tuple[int, NDArray[np.float64], NDArray[np.bool_] | None]
PER_MICRO = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}


def ordered(column: Column) -> list[Part]:
    """A column as parts: what kind of values, the values, and where they are, None for everywhere.

    Dates count days and other times microseconds from 1970 or from midnight on. A null's value is
    anything. Zeros are positive.

    Raises:
        TypeError: the values are neither numbers nor times.
    """
    found: list[Part] = []
    for part in chunks(column):
        if isinstance(part, pa.DictionaryArray):
            part = chunks(part.dictionary)[0].take(part.indices)
        if part.null_count == len(part):
            found.append((NOTHING, np.zeros(len(part)), np.zeros(len(part), bool)))
            continue
        valid = part.is_valid().to_numpy(zero_copy_only=False) if part.null_count else None
        kind, scale = _kind_of(part.type)
        if kind != NUMBER:
            narrow = pt.is_date32(part.type) or pt.is_time32(part.type)
            part = part.view(pa.int32() if narrow else pa.int64())
        found.append((kind, numbers(part, pa.float64(), np.float64) * scale + 0.0, valid))
    return found


def back(kind: int, value: float) -> Any:
    """A float64 as the value that it stands for; the nearest where Python has no such time."""
    if kind in (NOTHING, NUMBER):
        return float(value)
    if kind == TIME:
        value = min(max(value, 0.0), 86_399_999_999.0)
    span = dt.timedelta(**{"days" if kind == DATE else "microseconds": _spanned(kind, value)})
    if kind == SPAN:
        return span
    if kind == TIME:
        return (dt.datetime.min + span).time()
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC if kind == ZONED else None)
    return (epoch + span).date() if kind == DATE else epoch + span


def same_kind(one: int, other: int) -> int:
    """The kind of both, of which one may be nothing yet.

    Raises:
        IncompatibleError: they are two.
    """
    if one and other and one != other:
        raise IncompatibleError(f"cannot put {KINDS[other]} among {KINDS[one]}")
    return one or other


def _spanned(kind: int, value: float) -> int:
    """Whole days or microseconds within the years 1..9999."""
    unit = 1 if kind == DATE else 86_400_000_000
    return round(min(max(value, -719_162.0 * unit), 2_932_896.0 * unit))


def _kind_of(kind: pa.DataType) -> tuple[int, float]:
    """The code of an Arrow type, and what its numbers are multiplied by."""
    if pt.is_integer(kind) or pt.is_floating(kind) or pt.is_boolean(kind) or pt.is_decimal(kind):
        return NUMBER, 1.0
    if pt.is_date(kind):
        return DATE, 1.0 if pt.is_date32(kind) else 1 / 86_400_000
    if pt.is_timestamp(kind):
        return (ZONED if kind.tz else INSTANT), PER_MICRO[kind.unit]
    if pt.is_time(kind) or pt.is_duration(kind):
        return (TIME if pt.is_time(kind) else SPAN), PER_MICRO[kind.unit]
    raise TypeError(f"column must be of numbers or times, got {kind}")
