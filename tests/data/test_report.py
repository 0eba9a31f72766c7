"""Report: counts, three examples of a kind, strictness; and columns that are not there."""

import pytest

from thrifty.core import DataError
from thrifty.data.report import Report, missing_column


def test_counts_all_and_shows_three():
    """Every thing is counted, the first three of a kind are shown."""
    report = Report()
    assert report.counts == {}
    for line in range(5):
        report.add("bad", f"line {line}", 2)
    assert report.to_dict() == {"bad": {"count": 10, "examples": ["line 0", "line 1", "line 2"]}}
    assert str(report) == "bad: 10\n  line 0\n  line 1\n  line 2"
    assert not report.wants("bad")
    assert report.wants("other")


def test_merge_adds():
    """Two reports merged count both and show the first's examples first."""
    one, two = Report(), Report()
    one.add("a", "1")
    for example in "2345":
        two.add("a", example)
    two.add("b", "x")
    one.merge(two)
    assert one.counts == {"a": 5, "b": 1}
    assert one.examples == {"a": ["1", "2", "3"], "b": ["x"]}


def test_strict_raises():
    """A strict report raises at the first thing, with kind and example."""
    with pytest.raises(DataError, match=r"^bad rows: line 3$"):
        Report(strict=True).add("bad rows", "line 3")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("targt", "column 'targt' not found; near: target"),
        ("AGE", "column 'AGE' not found; near: age, target"),
        ("zzz", "column 'zzz' not found; columns: age, target"),
    ],
)
def test_missing_column_names_the_near_ones(name, message):
    """Names that look alike, also in other case; else all of them."""
    assert str(missing_column(name, ["age", "target"])) == message
