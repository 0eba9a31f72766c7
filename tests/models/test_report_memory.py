"""Report memory: the boxes of the bar lie side by side, whatever the peak."""

import re

import pytest

from thrifty.models.report_memory import WIDTH, memory_bar


@pytest.mark.parametrize("peak", [None, 500, 5000])
def test_the_bar_holds_all(peak):
    """Boxes lie side by side inside the picture, also when the peak is above the budget."""
    bar = memory_bar({"a": 300, "b": 700, "c": 0}, 1000, peak)
    widths = [float(width) for width in re.findall(r'width="([\d.]+)"', bar)]
    assert len(widths) == 3
    assert sum(widths[1:]) <= WIDTH + 0.01
    assert widths[2] == pytest.approx(widths[1] * 7 / 3, abs=0.02)
    assert ("peak of the process" in bar) == (peak is not None)
