"""Casts: raw Arrow columns to the canonical type of their kind, counting what does not parse."""

import json
from contextlib import suppress
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["DATE_FORMATS", "to_dates", "to_lists", "to_numbers", "to_texts"]

MOMENT = pa.timestamp("us")
NO_NUMBER = pa.scalar(None, pa.float64())
NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
MISSING = pa.array(["", "na", "n/a", "#n/a", "nan", "null", "nil", "none", "?", "-", "."])
ZONE = r"(\d\d:\d\d(:\d\d(\.\d+)?)?) ?(Z|z|UTC|[+-]\d\d:?\d\d)$"
EPOCHS = {"seconds": 1_000_000, "milliseconds": 1_000}
DATE_FORMATS = (
    "iso", "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y", "%d/%m/%Y",
    "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y",
    "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d-%m-%Y", "%d-%b-%Y", "%d-%b-%Y %H:%M:%S",
    "%d %b %Y", "%b %d, %Y", "%d/%b/%Y:%H:%M:%S", "%Y%m%d",
)  # fmt: skip


def to_numbers(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Numbers as float64, and a mask of the values that say something that is no finite number.

    Texts may have blanks around; the usual words for a missing value ("NA", "?", ...) are missing.
    Dates become seconds since 1970, true and false 1 and 0.
    """
    if pa.types.is_string(array.type):
        found = _parsed_numbers(pc.utf8_trim_whitespace(array))
    elif pa.types.is_temporal(array.type) and not pa.types.is_duration(array.type):
        found = pc.divide(pc.cast(to_dates(array, "iso")[0].cast(pa.int64()), pa.float64()), 1e6)
    elif pa.types.is_nested(array.type):
        found = pa.nulls(len(array), pa.float64())
    else:
        found = array.cast(pa.int64()) if pa.types.is_duration(array.type) else array
        found = found.cast(pa.float64(), safe=False)
    finite = pc.fill_null(pc.is_finite(found), False)
    numbers = pc.if_else(finite, found, NO_NUMBER)
    return numbers, _lost(array, numbers)


def _parsed_numbers(texts: pa.Array) -> pa.Array:
    try:
        return pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        fits = pc.match_substring_regex(texts, NUMBER)
        return pc.cast(pc.if_else(fits, texts, None), pa.float64())


def _lost(array: pa.Array, found: pa.Array) -> pa.Array:
    """Which values were there, said something, and are now null."""
    lost = pc.and_(pc.is_null(found), pc.is_valid(array))
    if pa.types.is_string(array.type) and pc.any(lost).as_py():
        words = pc.utf8_lower(pc.utf8_trim_whitespace(array))
        lost = pc.and_(lost, pc.invert(pc.is_in(words, MISSING)))
    return pc.fill_null(lost, False)


def to_dates(array: pa.Array, how: str) -> tuple[pa.Array, pa.Array]:
    """Moments as timestamp[us] without zone, and a mask of the values that are none.

    Args:
        array: texts, numbers, or Arrow dates and timestamps.
        how: "iso" (a zone behind the time is dropped), "seconds" or "milliseconds" since 1970, or
            a strptime format.
    """
    if pa.types.is_date(array.type) or pa.types.is_timestamp(array.type):
        moments = array.cast(pa.timestamp("us", getattr(array.type, "tz", None)), safe=False)
        return moments.cast(MOMENT), _lost(array, moments)
    if how in EPOCHS:
        numbers, _ = to_numbers(array)
        sane = pc.less(pc.abs(numbers), 8e12)
        scaled = pc.multiply(pc.if_else(sane, numbers, NO_NUMBER), EPOCHS[how])
        moments = pc.round(scaled).cast(pa.int64(), safe=False).cast(MOMENT)
        return moments, _lost(array, moments)
    texts = pc.utf8_trim_whitespace(to_texts(array))
    moments = _iso(texts) if how == "iso" else _strptime(texts, how)
    return moments, _lost(texts, moments)


def _strptime(texts: pa.Array, how: str) -> pa.Array:
    if how.endswith("%S"):
        texts = pc.replace_substring_regex(texts, r"(:\d\d)\.\d+$", r"\1")
    return pc.strptime(texts, format=how, unit="us", error_is_null=True)


def _iso(texts: pa.Array) -> pa.Array:
    with suppress(pa.ArrowInvalid):
        return pc.cast(texts, MOMENT)  # without a zone, as most files are
    plain = pc.replace_substring_regex(texts, ZONE, r"\1")
    plain = pc.replace_substring_regex(plain, r"(\.\d{6})\d+$", r"\1")
    try:
        return pc.cast(plain, MOMENT)
    except pa.ArrowInvalid:
        return pa.array([_iso_moment(text) for text in plain.to_pylist()], MOMENT)


def _iso_moment(text: str | None) -> datetime | None:
    try:
        dashed = text is not None and text[4:5] == "-" == text[7:8]
        return datetime.fromisoformat(text).replace(tzinfo=None) if dashed else None
    except ValueError:
        return None


def to_lists(array: pa.Array, separator: str | None) -> tuple[pa.Array, pa.Array]:
    """Lists of strings, and a mask of the values that are no list.

    Args:
        array: Arrow lists, or texts.
        separator: what stands between items, "json" for JSON arrays, None for one item a text.
    """
    if pa.types.is_list(array.type):
        items = to_texts(array.flatten())
        return _relisted(array, items), _lost(array, array)
    texts = to_texts(array)
    if separator == "json":
        lists = pa.array([_json_list(t) for t in texts.to_pylist()], pa.list_(pa.string()))
        return lists, _lost(texts, lists)
    split = pc.split_pattern(texts, separator) if separator else _one_each(texts)
    trimmed = pc.list_flatten(split)
    lists = _relisted(split, pc.utf8_trim_whitespace(trimmed))
    return _without_empty(lists), _lost(lists, lists)


def _one_each(texts: pa.Array) -> pa.Array:
    lists = pa.ListArray.from_arrays(pa.array(range(len(texts) + 1), pa.int32()), texts)
    return pc.if_else(pc.is_valid(texts), lists, None)


def _relisted(lists: pa.Array, items: pa.Array) -> pa.Array:
    """The same list lengths and nulls over other items."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    ends = pc.cumulative_sum(lengths)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
    mask = pc.is_null(lists) if lists.null_count else None
    return pa.ListArray.from_arrays(offsets, items, mask=mask)


def _without_empty(lists: pa.Array) -> pa.Array:
    items = pc.list_flatten(lists)
    kept = pc.fill_null(pc.not_equal(items, ""), False)
    if pc.all(kept).as_py():
        return lists
    counts = pc.cumulative_sum(kept.cast(pa.int32()))
    before = pa.concat_arrays([pa.array([0], pa.int32()), counts])
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    ends = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    mask = pc.is_null(lists) if lists.null_count else None
    return pa.ListArray.from_arrays(before.take(ends), items.filter(kept), mask=mask)


def _json_list(text: str | None) -> list[str] | None:
    try:
        found = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list):
        return None
    return [v if isinstance(v, str) else json.dumps(v) for v in found if v is not None]


def to_texts(array: pa.Array) -> pa.Array:
    """Strings: whole floats without a point, lists joined by blanks."""
    if pa.types.is_string(array.type):
        return array
    if pa.types.is_list(array.type):
        items = to_texts(array.flatten())
        return pc.binary_join(_relisted(array, items), " ")
    if pa.types.is_floating(array.type):
        array = _whole(array)
    return array.cast(pa.string())


def _whole(numbers: pa.Array) -> pa.Array:
    try:
        return numbers.cast(pa.int64())
    except pa.ArrowInvalid:
        return numbers.cast(pa.float64())
