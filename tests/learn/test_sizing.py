"""Sizing: what fits is as large as can be, what cannot fit is refused with what would do."""

from dataclasses import replace

import pytest

from thrifty.core import BudgetError, parse_bytes
from thrifty.learn import Settings, WideClassifier
from thrifty.learn.sizing import Shape, held, negatives_for, settings_for
from thrifty.models.plan import Facts, plan

SHAPE = Shape(task="one", num_features=100_000, num_outputs=500, pairs=2_000_000)
WANTED = Settings(task="one", num_columns=100_000, num_outputs=500)


@pytest.mark.parametrize("memory", ["2 MB", "8 MB", "30 MB", "100 MB", "1 GB"])
@pytest.mark.parametrize("linear", ["auto", "dense", "sparse", "none"])
def test_the_budget_is_kept(memory, linear):
    """Or refused, and then what is named does fit, and a byte less does not."""
    nbytes = parse_bytes(memory)
    try:
        found = settings_for(SHAPE, WANTED, linear, nbytes)
    except BudgetError as error:
        nbytes = error.smallest
        found = settings_for(SHAPE, WANTED, linear, nbytes)
        with pytest.raises(BudgetError):
            settings_for(SHAPE, WANTED, linear, nbytes - 1)
    assert held(found, SHAPE) <= nbytes
    assert linear in ("auto", found.linear)


def test_more_memory_is_never_a_smaller_network():
    """Bytes used grow with the budget, and enough of it gives what was wanted."""
    used = [held(settings_for(SHAPE, WANTED, "auto", 2**power), SHAPE) for power in range(21, 31)]
    assert used == sorted(used)
    assert settings_for(SHAPE, WANTED, "auto", 2**32) == replace(WANTED, linear="dense")


def test_halving_numbers_comes_before_narrowing():
    """Just short of room for float32, the same network in bfloat16."""
    short = held(replace(WANTED, linear="none"), SHAPE) - 1
    found = settings_for(SHAPE, WANTED, "none", short)
    assert found == replace(WANTED, linear="none", storage="bfloat16")


def test_columns_are_shared_in_powers_of_two():
    """So that hashing them down is one multiplication and one shift."""
    found = settings_for(SHAPE, WANTED, "none", 3_000_000)
    assert found.num_columns < 100_000
    assert found.num_columns.bit_count() == 1


def test_without_a_budget_the_linear_path_follows_the_size():
    """Dense while small, pairs beyond, always dense for a number; else as asked."""
    assert (
        settings_for(replace(SHAPE, num_outputs=10), replace(WANTED, num_outputs=10)).linear
        == "dense"
    )
    found = settings_for(SHAPE, WANTED)
    assert (found.linear, found.slots) == ("sparse", 2_000_000)
    one = replace(SHAPE, task="number", num_outputs=1)
    assert settings_for(one, replace(WANTED, task="number", num_outputs=1)).linear == "dense"
    assert settings_for(SHAPE, WANTED, "none").linear == "none"


def test_what_stands_beside_counts_too():
    """Means and scales of dense columns are inside the budget."""
    beside = replace(SHAPE, fixed_bytes=10**6)
    found = settings_for(beside, WANTED, "auto", 5 * 10**6)
    assert held(found, beside) <= 5 * 10**6
    assert held(found, beside) - held(found, SHAPE) == 10**6


def test_a_refusal_names_the_smallest():
    """In the words of budgets, rounded up, and in bytes."""
    with pytest.raises(
        BudgetError, match=r"^memory must be at least .+ for this job, got 1 kB$"
    ) as e:
        settings_for(SHAPE, WANTED, "auto", 1000)
    assert held(settings_for(SHAPE, WANTED, "auto", e.value.smallest), SHAPE) == e.value.smallest


@pytest.mark.parametrize("outputs", [2, 2500, 2501, 9000, 10**6])
def test_negatives_where_nobody_asks_are_the_same_for_files_and_arrays(outputs):
    """The plan of a file and an estimator ask one rule."""
    facts = Facts(task="one", rows=10**5, features=100, repeated=100, entries=10**6,
                  outputs=outputs, labels=10**5, label_bytes=0)  # fmt: skip
    planned = plan("4 GB", facts).settings
    shape = Shape(task="one", num_features=100, num_outputs=outputs)
    fitted = WideClassifier()._wanted(shape, 10**5)
    names, numbers = zip(*((s.negatives, s.num_negatives) for s in (planned, fitted)), strict=True)
    assert set(zip(names, numbers, strict=True)) == {negatives_for(outputs)}
