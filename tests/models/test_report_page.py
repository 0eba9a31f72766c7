"""Report page: sections and the values in their cells."""

import pytest

from thrifty.models.report_page import page


@pytest.mark.parametrize(
    ("value", "cell"), [(1234567, ">1,234,567<"), (0.123456, ">0.1235<"), (float("nan"), ">-<")]
)
def test_numbers_in_cells(value, cell):
    """Whole numbers have thousands marked, others four digits, what is not finite a dash."""
    assert cell in page({"metrics": {"m": value}}, {"m": "a measure"})


def test_sections_follow_the_facts():
    """Without facts there is no section; each part brings its own."""
    assert "<section>" not in page({}, {})
    assert page({"settings": {"hidden": 128}}, {}).count("<section>") == 1
    assert page({"confusions": [{"truth": 1, "predicted": 2, "count": 3}]}, {}).count("<h2>") == 1
