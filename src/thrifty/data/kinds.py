"""Kinds: what a column is (text, category, number, date, list), told from a sample of it."""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from thrifty.data.casts import DATE_FORMATS, to_dates, to_lists, to_numbers, to_texts

__all__ = ["KINDS", "Column", "kind_of"]

KINDS = ("text", "category", "number", "date", "list", "sparse", "ignore")
MOST = 0.95
FEW = 50
ID_NAME = re.compile(r"(?i:(^|[\W_])(id|uuid|guid|key)$)|[a-z](Id|ID)$|(?i:(user|item|visitor)id$)")
TIME_NAME = re.compile(r"(?i)time|date|(^|_)(ts|at|on)$|created|updated")
SEPARATORS = ("|", ";", ",")


@dataclass(frozen=True)
class Column:
    """A column and what it is.

    Args:
        name: as in the file.
        kind: text, category, number, date, list, sparse (svmlight) or ignore.
        separator: between the items of a list kept as text; "json" for JSON arrays.
        format: of a date kept as text or number: "iso", "seconds", "milliseconds" or strptime's.
        reason: why it was taken for that, for people.
    """

    name: str
    kind: str
    separator: str | None = None
    format: str | None = None
    reason: str = ""


def kind_of(name: str, array: pa.Array, keep: bool = False) -> Column:
    """Tell the kind of a column from a sample of its values.

    Args:
        name: of the column; names such as "user_id" or "created_at" are a hint.
        array: (n,) the sample.
        keep: never answer "ignore" (a target, say).

    Example:
        >>> kind_of("x", pa.array(["1.5", "2", "NA"])).kind
        'number'
        >>> kind_of("genres", pa.array(["Comedy|Drama", "Drama", "Comedy"] * 9)).separator
        '|'
    """
    valid = array.drop_null()
    if len(valid) == 0:
        return Column(name, "category" if keep else "ignore", reason="no values")
    kind = valid.type
    if pa.types.is_list(kind):
        return Column(name, "list", reason="lists")
    if not keep and len(valid) == len(array) > 1 and len(pc.unique(valid)) == 1:
        return Column(name, "ignore", reason="constant")
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return Column(name, "date", format="iso", reason="dates")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _number(name, valid, to_numbers(valid)[0], keep)
    if pa.types.is_duration(kind) or pa.types.is_time(kind):
        return Column(name, "number", reason="durations")
    return _from_texts(name, to_texts(valid), keep)


def _from_texts(name: str, texts: pa.Array, keep: bool) -> Column:
    texts = pc.utf8_trim_whitespace(texts)
    texts = texts.filter(pc.not_equal(texts, ""))
    if len(texts) == 0:
        return Column(name, "category" if keep else "ignore", reason="no values")
    numbers, lost = to_numbers(texts)
    said = max(1, len(texts) - (numbers.null_count - pc.sum(lost).as_py()))
    if numbers.null_count < len(texts) and pc.sum(lost).as_py() <= (1 - MOST) * said:
        return _number(name, texts, numbers, keep)
    return _date(name, texts) or _list(name, texts) or _words(name, texts, keep)


def _number(name: str, raw: pa.Array, numbers: pa.Array, keep: bool) -> Column:
    values = numbers.drop_null().to_numpy()
    whole = bool(len(values)) and bool(np.all(values == np.floor(values)))
    if pa.types.is_string(raw.type):
        raw_dates = _date(name, raw) if whole and len(raw[0].as_py()) == 8 else None
        padded = pc.sum(pc.match_substring_regex(raw, r"^0\d")).as_py()
        if raw_dates is not None or padded:
            return raw_dates or Column(name, "category", reason="numbers with leading zeros")
    if whole and TIME_NAME.search(name) and not keep:
        for how, low, high in (("seconds", 3e8, 4e9), ("milliseconds", 3e11, 4e12)):
            if values.min() >= low and values.max() <= high:
                return Column(name, "date", format=how, reason=f"{how} since 1970")
    if whole and not keep and len(values) >= FEW and _counts_up(values):
        return Column(name, "ignore", reason="row numbers")
    if whole and ID_NAME.search(name):
        unique = len(values) >= FEW and len(np.unique(values)) == len(values)
        kind = "ignore" if unique and not keep else "category"
        return Column(name, kind, reason="ids")
    return Column(name, "number", reason="numbers")


def _counts_up(values: np.ndarray) -> bool:
    """Whether unique whole numbers grow and mostly by one step: a row number, sampled evenly."""
    steps = np.diff(values)
    if not np.all(steps > 0):
        return False
    return float(np.mean(np.isclose(steps, np.median(steps), atol=1))) > 0.9


def _date(name: str, texts: pa.Array) -> Column | None:
    if pc.mean(pc.match_substring_regex(texts, r"\d")).as_py() < MOST:
        return None
    for how in DATE_FORMATS:
        moments, _ = to_dates(texts, how)
        said = moments.drop_null()
        if len(said) >= MOST * len(texts) and _sane(said):
            return Column(name, "date", format=how, reason=f"dates as {how}")
    return None


def _sane(moments: pa.Array) -> bool:
    years = pc.min_max(pc.year(moments)).as_py()
    return years["min"] >= 1700 and years["max"] <= 2200


def _list(name: str, texts: pa.Array) -> Column | None:
    starts = pc.and_(pc.starts_with(texts, "["), pc.ends_with(texts, "]"))
    if pc.mean(starts).as_py() >= MOST and to_lists(texts, "json")[0].null_count == 0:
        return Column(name, "list", separator="json", reason="JSON arrays")
    return next((c for mark in SEPARATORS if (c := _separated(name, texts, mark))), None)


def _separated(name: str, texts: pa.Array, mark: str) -> Column | None:
    """A list if many values have the mark, items are short, and items come again and again."""
    if pc.mean(pc.match_substring(texts, mark)).as_py() < 0.2:
        return None
    lists = to_lists(texts, mark)[0]
    items = lists.flatten()
    if len(items) < 1.2 * len(texts) or len(items) < 4:
        return None
    words = pc.mean(pc.add(pc.count_substring_regex(items, r"\s+"), 1)).as_py()
    length = pc.mean(pc.utf8_length(items)).as_py()
    again = len(pc.unique(items)) / len(items)
    strict = mark == ","
    if words > (1.5 if strict else 3) or length > 30 or again > (0.5 if strict else 0.8):
        return None
    if len(pc.unique(texts)) <= 0.02 * len(texts):
        return None
    return Column(name, "list", separator=mark, reason=f"items between {mark!r}")


def _words(name: str, texts: pa.Array, keep: bool) -> Column:
    distinct = len(pc.unique(texts)) / len(texts)
    words = pc.mean(pc.add(pc.count_substring_regex(texts, r"\s+"), 1)).as_py()
    length = pc.mean(pc.utf8_length(texts)).as_py()
    many = len(texts) >= FEW
    if keep or (ID_NAME.search(name) and words < 1.5 and distinct < 1):
        return Column(name, "category", reason="target" if keep else "ids")
    if many and distinct == 1 and words < 1.1 and _coded(texts):
        return Column(name, "ignore", reason="unique ids")
    if (words >= 4 or length > 50) and (distinct > 0.1 or not many):
        return Column(name, "text", reason=f"about {words:.0f} words")
    if many and distinct > 0.5 and (words >= 1.5 or distinct > 0.9):
        return Column(name, "text", reason="mostly distinct")
    return Column(name, "category", reason=f"{distinct:.0%} of the values distinct")


def _coded(texts: pa.Array) -> bool:
    return pc.mean(pc.match_substring_regex(texts, r"\d")).as_py() > 0.9
