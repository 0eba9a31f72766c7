"""Report curves: axes that cover the data, points inside the frame, and odd input."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.models.report_curves import HEIGHT, WIDTH, line_chart, memory_bar, ticks

FINITE = st.floats(-1e12, 1e12)


def places(chart):
    """The (x, y) of every point of a chart."""
    return [(float(x), float(y)) for x, y in re.findall(r'cx="([-\d.e]+)" cy="([-\d.e]+)"', chart)]


@given(FINITE, FINITE)
def test_ticks_cover_and_are_even(a, b):
    """The ticks rise by one step and cover the range, with few of them."""
    low, high = min(a, b), max(a, b)
    marks = ticks(low, high)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert marks[0] <= low + slack
    assert marks[-1] >= high - slack
    assert 2 <= len(marks) <= 12


def test_points_are_where_they_belong():
    """The first and last point stand at the ends; a larger value stands higher."""
    (x1, y1), (x2, y2), (x3, y3) = places(line_chart("q", "epoch", [1, 2, 3], [0.0, 1.0, 0.5]))
    assert x1 < x2 < x3
    assert y2 < y3 < y1
    assert x2 - x1 == x3 - x2


@given(st.lists(FINITE, min_size=1, max_size=9))
def test_points_stay_in_the_frame(values):
    """No point leaves the picture, whatever the values."""
    chart = line_chart("q", "epoch", range(len(values)), values, mark=0)
    assert len(places(chart)) == len(values)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places(chart))
    assert chart.count('class="best"') == 1


def test_no_finite_point_no_picture():
    """Only the title is left where there is nothing to draw."""
    nan = float("nan")
    assert line_chart("q", "epoch", [1], [nan]) == ("<figure><figcaption>q</figcaption></figure>")


@pytest.mark.parametrize("peak", [None, 500, 5000])
def test_the_bar_holds_all(peak):
    """Boxes lie side by side inside the picture, also when the peak is above the budget."""
    bar = memory_bar({"a": 300, "b": 700, "c": 0}, 1000, peak)
    widths = [float(width) for width in re.findall(r'width="([\d.]+)"', bar)]
    assert len(widths) == 3
    assert sum(widths[1:]) <= WIDTH + 0.01
    assert widths[2] == pytest.approx(widths[1] * 7 / 3, abs=0.02)
    assert ("peak of the process" in bar) == (peak is not None)
