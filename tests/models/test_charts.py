"""Charts: what is drawn, in the page's colours, nothing from outside, every text escaped."""

import re

import pytest

from thrifty.models.charts import bar_chart, histogram, interval_chart, line_chart

DAY = 86_400.0
NASTY = "<script>alert('$x$')</script>"


def charts(name):
    """One chart of each kind with this title."""
    return {
        "histogram": histogram(name, [0, 1, 2, 4], [5, 0, 2]),
        "dates": histogram(name, [0, DAY, 40 * DAY], [5, 2], dates=True),
        "bars": bar_chart(name, [name, "b"], [3, 1], [(2, 4), (0, 2)]),
        "plain bars": bar_chart(name, ["a"], [3]),
        "line": line_chart(name, "epoch", [1, 2, 3], [1, float("nan"), 3], mark=2),
        "band": interval_chart(name, [0, DAY, 9 * DAY], [1, 2, 3], [(0, 2), (1, 3), (2, 4)]),
    }


@pytest.mark.parametrize("kind", charts("x"))
def test_a_chart_is_self_contained_and_themed(kind):
    """Nothing is loaded, no style leaks into the page, colours are the page's variables."""
    chart = charts("x")[kind]
    assert chart.startswith("<figure><figcaption>x</figcaption><svg viewBox=")
    assert 'role="img"><title>x</title>' in chart
    assert "var(--accent)" in chart
    assert re.findall(r"http|<style|#0[1-5]0[1-5]0[1-5]|font-family|<script|<image", chart) == []


@pytest.mark.parametrize("kind", charts("x"))
def test_texts_of_the_data_are_escaped(kind):
    """A title or a name that is markup, or mathematics, is shown as text."""
    assert "<script" not in charts(NASTY)[kind]
    assert "&lt;script" in charts(NASTY)[kind]


def test_the_same_chart_is_the_same_bytes():
    """Charts do not depend on the clock or on what was drawn before."""
    assert charts("x") == charts("x")
    assert charts("x")["bars"] != charts("y")["bars"]


def test_a_bar_for_each_name():
    """Names are cut; ends of intervals are drawn only if given."""
    chart = bar_chart("t", ["x" * 60, "$a$", ""], [3, 2, 1])
    assert "x" * 27 + "..." in chart
    assert "x" * 28 not in chart
    assert "$a$" in chart
    assert "(empty)" in chart
    assert len(chart) < len(bar_chart("t", ["x", "y", "z"], [3, 2, 1], [(2, 4), (1, 3), (0, 2)]))


def test_dates_are_written_as_dates():
    """A histogram over January and February 1970 says so on its axis."""
    assert "1970" in histogram("t", [0, DAY, 40 * DAY], [5, 2], dates=True)
    assert "1970" not in histogram("t", [0, DAY, 40 * DAY], [5, 2])


def test_a_marked_point_stands_out():
    """Only with a mark is a second colour used; no finite point is no picture."""
    assert "var(--warm)" in line_chart("q", "epoch", [1, 2], [1, 2], mark=0)
    assert "var(--warm)" not in line_chart("q", "epoch", [1, 2], [1, 2])
    assert "<svg" not in line_chart("q", "epoch", [1], [float("inf")], mark=0)
