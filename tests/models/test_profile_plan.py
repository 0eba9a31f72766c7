"""Profile plan: sizes fit the budget, grow with it, and the smallest is named."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, parse_bytes
from thrifty.models.profile_plan import Sizes, held, least_for, sizes_for


@given(st.integers(4_000_000, 10**10), st.integers(1, 100), st.integers(1, 16))
def test_sizes_fit_what_they_share(memory, columns, threads):
    """The states of all threads, groups and windows together stay within the budget."""
    kinds, asked = ["text"] * columns, {"threads": threads, "groups": True, "windows": True}
    try:
        sizes = sizes_for(memory, kinds, **asked)
    except BudgetError as error:
        memory = error.smallest
        sizes = sizes_for(memory, kinds, **asked)
    one = held(sizes, columns) + sizes.group_bytes + sizes.window_bytes
    assert one * (threads + 3) <= memory


def test_more_memory_is_never_smaller():
    """Each size grows or stays as the budget grows; one thread plans as four."""
    plans = [sizes_for(10**power, ["number"] * 8) for power in range(7, 11)]
    for small, large in pairwise(plans):
        assert small.p <= large.p
        assert small.slots <= large.slots
        assert small.k <= large.k
    assert plans[0] != plans[-1]
    assert sizes_for("64 MB", ["text"], threads=1) == sizes_for("64 MB", ["text"], threads=4)


@pytest.mark.parametrize("columns", [257, 1000, 5000])
@pytest.mark.parametrize("memory", ["70 MB", "400 MB", "4 GB"])
def test_very_many_numbers_have_rows_within_the_budget(columns, memory):
    """Rows of directions and sketches fit together; more memory never has fewer rows."""
    kinds = ["number"] * columns
    least = least_for(kinds)
    assert sizes_for(least, kinds).directions >= 8
    budget = max(least, parse_bytes(memory))
    sizes = sizes_for(budget, kinds)
    assert 8 <= sizes.directions <= columns
    assert held(sizes, columns, columns) * 7 <= budget
    assert sizes_for(10 * budget, kinds).directions >= sizes.directions


def test_the_smallest_budget_is_named_and_enough():
    """Too little is refused with a budget that then works."""
    with pytest.raises(
        BudgetError, match=r"^memory must be at least .* for 50 columns and 2 threads, got '1 MB'$"
    ) as caught:
        sizes_for("1 MB", ["text"] * 50, threads=2)
    assert sizes_for(caught.value.smallest, ["text"] * 50, threads=2).p == 8
    with pytest.raises(ValueError, match=r"^threads must be in 1\.\.1024, got 0$"):
        sizes_for("64 MB", ["text"], threads=0)


@pytest.mark.parametrize(
    "lie", [{"p": 14}, {"p": 2**35}, {"p": -1}, {"p": 1.5}, {"p": "x"}, {"q": 1}, {"p": None}]
)
def test_sizes_come_back_or_are_refused(lie):
    """What is missing, unknown, too large or no whole number is damage."""
    sizes = sizes_for("64 MB", ["text"])
    assert Sizes.from_dict(sizes.to_dict()) == sizes
    told = dict(lie) if lie == {"p": 14} else sizes.to_dict() | lie
    with pytest.raises(FormatError, match=r"^sizes must be p, slots, k, sample, group_bytes, win"):
        Sizes.from_dict(told)
