"""Plan: parts add up to no more than the budget, more bytes hold no less, too few are refused."""

import dataclasses
import json

import pytest

from thrifty.core import BudgetError, parse_bytes
from thrifty.models.plan import BASE, Facts, Plan, Reading, plan, smallest

TEXTS = Facts(
    task="one", rows=10_000, features=900_000, repeated=330_000, entries=3_600_000, outputs=20,
    labels=10_000, label_bytes=2_000,
)  # fmt: skip
WIDE = Facts(
    task="many", rows=500_000, features=4_000_000, repeated=2_000_000, entries=40_000_000,
    outputs=670_000, labels=2_500_000, label_bytes=40_000_000,
)  # fmt: skip
TABLE = Facts(
    task="number", rows=15_000, features=8_000, repeated=7_000, entries=600_000, outputs=1,
    labels=15_000, label_bytes=0,
)  # fmt: skip
LISTS = Facts(
    task="many", rows=3_400, features=8_800, repeated=7_900, entries=75_000, outputs=8_800,
    labels=75_000, label_bytes=400_000, complete=True, pairs=9_000_000,
)  # fmt: skip
JOBS = {"texts": TEXTS, "wide": WIDE, "table": TABLE, "lists": LISTS}
each = pytest.mark.parametrize("facts", JOBS.values(), ids=JOBS)


@each
@pytest.mark.parametrize("memory", ["80 MB", "200 MB", "512 MB", "2 GB", "64 GB"])
def test_parts_fit_the_budget(facts, memory):
    """Named parts sum to at most the budget, and hold what the settings say they take."""
    if parse_bytes(memory) < smallest(facts, {}):
        pytest.skip("the budget is too small for this job, as the test of refusals shows")
    made = plan(memory, facts)
    assert sum(made.parts.values()) == made.nbytes <= made.budget == parse_bytes(memory)
    assert made.settings.memory().items() <= made.parts.items()
    assert made.settings.num_columns <= facts.features
    assert 1 <= made.chunk_rows <= 4096
    assert json.loads(json.dumps(made.to_dict()))["total"] == made.nbytes


@each
def test_more_bytes_hold_no_less(facts):
    """A larger budget never has fewer numbers in the hidden table."""
    found = []
    for megabytes in (100, 200, 400, 800, 1600, 3200, 6400):
        try:
            settings = plan(megabytes * 10**6, facts).settings
        except BudgetError:
            continue
        found.append(settings.num_columns * settings.hidden)
    assert found == sorted(found)


@each
def test_the_smallest_is_named_and_enough(facts):
    """The refusal names a budget that is enough, and half a megabyte less is not."""
    with pytest.raises(BudgetError) as caught:
        plan("1 MB", facts)
    least = caught.value.smallest
    assert least == smallest(facts, {})
    assert plan(least, facts).nbytes <= least
    with pytest.raises(BudgetError, match=r"^memory must be at least .* for this job, got .*$"):
        plan(least - 500_000, facts)


def test_the_message_is_a_budget_that_works():
    """Anyone can type what the message says."""
    with pytest.raises(BudgetError, match=r"^memory must be at least") as caught:
        plan("30 MB", TEXTS)
    told = str(caught.value).split("at least ")[1].split(" for this job")[0]
    assert plan(told, TEXTS).nbytes <= parse_bytes(told)


def test_no_budget_for_the_impossible():
    """A job that no machine holds is refused too."""
    with pytest.raises(BudgetError, match=r"^no budget can hold this job$"):
        plan("1 GB", dataclasses.replace(TABLE, label_bytes=1 << 60))


def test_few_outputs_are_computed_all_and_many_are_sampled():
    """Sampling and the sparse linear path begin where there are many classes."""
    few, many = plan("512 MB", TEXTS).settings, plan("2 GB", WIDE).settings
    assert (few.linear, few.negatives) == ("dense", "none")
    assert (many.linear, many.negatives) == ("sparse", "uniform")


def test_what_is_set_by_hand_is_kept():
    """Settings given by hand are not planned over."""
    settings = plan("512 MB", TEXTS, hidden=32, epochs=3, negatives="uniform").settings
    assert (settings.hidden, settings.epochs, settings.negatives) == (32, 3, "uniform")


def test_it_can_be_read():
    """The text has every part that takes bytes, the sum, and the base."""
    made = plan("512 MB", TEXTS)
    assert isinstance(made, Plan)
    assert all(name in str(made) for name, size in made.parts.items() if size)
    assert "of 512 MB" in str(made)
    assert BASE in str(made)


def test_the_first_pass_takes_a_fixed_share():
    """What is held before the plan is made is about half of any budget from 200 MB on."""
    for budget in (2 * 10**8, 10**9, 10**10):
        assert sum(Reading.within(budget).parts().values()) <= 0.55 * budget


def test_lists_are_completed_with_room_for_their_pairs():
    """Items get pairs with each other, slow steps and thinned input; a person may say otherwise."""
    made = plan("1 GB", LISTS).settings
    assert made.complete
    assert made.linear == "sparse"
    assert made.slots == 2 * LISTS.pairs
    assert made.input_dropout > 0
    assert plan("1 GB", LISTS, epochs=3).settings.epochs == 3
    assert not plan("1 GB", TEXTS).settings.complete
