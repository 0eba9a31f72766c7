"""Casts: each value as Python would read it, and what does not parse told apart from missing."""

import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.data.casts import DATE_FORMATS, to_dates, to_lists, to_numbers, to_texts

MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0)
)


def both(pair):
    """A cast and its mask as lists."""
    return pair[0].to_pylist(), pair[1].to_pylist()


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False)), st.booleans())
def test_numbers_return(numbers, spoil):
    """Numbers written by repr come back, whether or not another value spoils the fast way."""
    texts = [None if x is None else f" {x!r} " for x in numbers] + ["x"] * spoil
    found, lost = both(to_numbers(pa.array(texts, pa.string())))
    assert found == numbers + [None] * spoil
    assert lost == [False] * len(numbers) + [True] * spoil


def test_numbers_missing_lost_and_not_finite():
    """Words for missing are missing; other words, inf and nan as a number are lost."""
    texts = ["", " NA", "?", "None", "12a", "1,5", "inf", "1e999", "+1", None]
    found, lost = both(to_numbers(pa.array(texts)))
    assert found == [None] * 8 + [1.0, None]
    assert lost == [False] * 4 + [True] * 4 + [False] * 2
    assert both(to_numbers(pa.array([1.0, float("nan"), None]))) == (
        [1.0, None, None],
        [False, True, False],
    )


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (pa.array([True, False]), [1.0, 0.0]),
        (pa.array([3], pa.uint8()), [3.0]),
        (pa.array([datetime(1970, 1, 2, tzinfo=UTC)]), [86_400.0]),
        (pa.array([date(1970, 1, 2)]), [86_400.0]),
        (pa.array([[1]]), [None]),
    ],
)
def test_other_types_as_numbers(array, found):
    """Flags, whole numbers and dates are numbers; lists are not."""
    assert to_numbers(array)[0].to_pylist() == found


@pytest.mark.parametrize("how", DATE_FORMATS[1:])
def test_dates_return(how):
    """What strftime writes is read back, in every format."""

    @given(st.lists(MOMENTS, min_size=1, max_size=5))
    def check(moments):
        texts = [moment.strftime(how) for moment in moments]
        found, lost = both(to_dates(pa.array(texts), how))
        assert found == [datetime.strptime(text, how) for text in texts]
        assert not any(lost)

    check()


@given(st.lists(MOMENTS, min_size=1, max_size=5), st.sampled_from(["T", " "]), st.booleans())
def test_iso_dates_return(moments, between, spoil):
    """ISO moments come back, in a block with others that are none or not."""
    texts = [moment.isoformat(between) for moment in moments] + ["2020-13-01"] * spoil
    found, lost = both(to_dates(pa.array(texts), "iso"))
    assert found == moments + [None] * spoil
    assert lost == [False] * len(moments) + [True] * spoil


@pytest.mark.parametrize(
    ("value", "how", "moment"),
    [
        ("2020-01-02", "iso", datetime(2020, 1, 2)),
        ("2020-01-02 03:04Z", "iso", datetime(2020, 1, 2, 3, 4)),
        ("2020-01-02T03:04:05.123456789+01:00", "iso", datetime(2020, 1, 2, 3, 4, 5, 123_456)),
        ("20200102", "iso", None),
        ("soon", "iso", None),
        ("1577934245", "seconds", datetime(2020, 1, 2, 3, 4, 5)),
        (1577934245000, "milliseconds", datetime(2020, 1, 2, 3, 4, 5)),
        ("26-FEB-1987 15:01:01.79", "%d-%b-%Y %H:%M:%S", datetime(1987, 2, 26, 15, 1, 1)),
        (date(2020, 1, 2), "iso", datetime(2020, 1, 2)),
        (1e300, "seconds", None),
    ],
)
def test_dates(value, how, moment):
    """A zone is dropped, what is no date is lost."""
    found, lost = both(to_dates(pa.array([value, None]), how))
    assert (found, lost) == ([moment, None], [moment is None, False])


ITEMS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), max_size=4)


@given(st.lists(st.none() | ITEMS, max_size=6), st.data())
def test_lists_return(lists, data):
    """Joined or as JSON, items come back; blanks around and empty items do not."""
    texts = [None if items is None else json.dumps(items) for items in lists]
    assert to_lists(pa.array(texts, pa.string()), "json")[0].to_pylist() == lists
    plain = [items and [x.strip() for x in items if x.strip() and "|" not in x] for items in lists]
    texts = [None if items is None else " |".join([*items, ""]) for items in plain]
    array = pa.array(["skipped", *texts], pa.string()).slice(1)
    assert to_lists(array, "|")[0].to_pylist() == plain
    start = data.draw(st.integers(0, len(lists)))
    array = pa.array(lists, pa.list_(pa.string())).slice(start)
    assert to_lists(array, None)[0].to_pylist() == lists[start:]


def test_lists_of_other_things():
    """Numbers in lists become texts; what is no JSON array is lost; no separator is one item."""
    assert to_lists(pa.array([[1.0, 2.0], None]), None)[0].to_pylist() == [["1", "2"], None]
    texts = pa.array(['["a", 1, null]', "{}", "[", ""])
    found, lost = both(to_lists(texts, "json"))
    assert found == [["a", "1"], None, None, None]
    assert lost == [False, True, True, False]
    assert to_lists(pa.array(["a|b", None]), None)[0].to_pylist() == [["a|b"], None]


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (pa.array([1.0, 2**53, None]), ["1", "9007199254740992", None]),
        (pa.array([1.5, 2.0]), ["1.5", "2"]),
        (pa.array([2**62]), [str(2**62)]),
        (pa.array([True]), ["true"]),
        (pa.array([["a", "b"], None, []]), ["a b", None, ""]),
    ],
)
def test_texts(array, texts):
    """Whole numbers have no point, so a label is the same text whatever the file's format."""
    assert to_texts(array).to_pylist() == texts
