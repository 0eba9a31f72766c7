"""Filters: every form against plain Python, and what cannot be read is told where."""

import datetime as dt

import pyarrow as pa
import pytest

from thrifty.core import DataError
from thrifty.text.filters import columns_of, mask_of

TABLE = pa.table(
    {
        "year": [2019, 2021, None, 2021],
        "lang": ["en", "de", "en", None],
        "x y": [0.5, 1.0, -1.0, 2.0],
        "ok": [True, False, None, True],
        "day": [dt.date(2020, 1, 1), dt.date(2021, 1, 1), None, dt.date(2022, 1, 1)],
    }
)
CASES = [
    ("year>2020", [0, 1, 0, 1]),
    ("year >= 2019 and lang == 'en'", [1, 0, 0, 0]),
    ('year = 2021 or lang = "en"', [1, 1, 1, 1]),
    ("not (year == 2021)", [1, 0, 0, 0]),
    ("lang is null", [0, 0, 0, 1]),
    ("lang is not null and not lang in ['en']", [0, 1, 0, 0]),
    ("year in [2019, 2000]", [1, 0, 0, 0]),
    ("`x y` < 0.75", [1, 0, 1, 0]),
    ("`x y` <= 1", [1, 1, 1, 0]),
    ("year > 2020.5", [0, 1, 0, 1]),
    ("ok == true", [1, 0, 0, 1]),
    ("ok != TRUE", [0, 1, 0, 0]),
    ("day >= '2021-01-01'", [0, 1, 0, 1]),
    ("lang > 'd' AND lang < 'e'", [0, 1, 0, 0]),
    ("lang == 'it\\'s'", [0, 0, 0, 0]),
]


@pytest.mark.parametrize(("text", "held"), CASES, ids=[text for text, _ in CASES])
def test_a_condition_holds(text, held):
    """Comparisons with null do not hold, nor does their opposite."""
    assert mask_of(text, TABLE.select).astype(int).tolist() == held


def test_columns_are_named_once():
    """In the order they appear."""
    assert columns_of("b > 1 and (a < 2 or b == 3)") == ["b", "a"]


BAD = [
    ("", "filter must have a column at character 1, got the end"),
    ("year >", "filter must have a value at character 7, got the end"),
    ("year 3", "filter must have a comparison at character 6, got '3'"),
    ("year > 3 lang", "filter must have 'and', 'or' or the end at character 10, got 'lang'"),
    ("(year > 3", "filter must have ')' at character 10, got the end"),
    ("year > $", "filter must have a name, a value or a comparison at character 8, got '$'"),
    ("year is 3", "filter must have null at character 9, got '3'"),
    ("year in 3", "filter must have '[' at character 9, got '3'"),
    ("__import__('os')", "filter must have a comparison at character 11, got \"('os')\""),
    ("(" * 500, "filter must be nested at most 100 deep"),
    ("not " * 500 + "a > 1", "filter must be nested at most 100 deep"),
    ("x" * 200_000, "filter must be at most 100000 characters, got 200000"),
]


@pytest.mark.parametrize(("text", "says"), BAD, ids=[text[:20] for text, _ in BAD])
def test_what_cannot_be_read_is_told(text, says):
    """The message says what should stand where."""
    with pytest.raises(DataError) as refusal:
        columns_of(text)
    assert str(refusal.value) == says


@pytest.mark.parametrize("text", ["year > 'x'", "lang > 3", "ok > 1", "day > 'x'", "lang in [1]"])
def test_values_of_another_kind_are_refused(text):
    """The message names the column, its type and the value."""
    with pytest.raises(DataError, match=r"^filter must compare column '\w+', which is .*, with a "):
        mask_of(text, TABLE.select)
