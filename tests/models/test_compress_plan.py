"""Compress plan: within the budget, near the least loss, refused with the smallest."""

from itertools import product

import numpy as np
import pytest

from thrifty.core import BudgetError
from thrifty.models.compress_plan import Option, choose, hull


def drawn(seed, tensors=5, ways=4):
    """Options of random sizes; the larger lose less."""
    rng = np.random.default_rng(seed)
    found = {}
    for number in range(tensors):
        sizes = np.sort(rng.choice(np.arange(10, 200), ways, replace=False))
        losses = np.sort(rng.exponential(size=ways))[::-1]
        found[f"t{number}"] = [
            Option(f"w{i}", int(size), float(loss))
            for i, (size, loss) in enumerate(zip(sizes, losses, strict=True))
        ]
    return found


def total(chosen):
    """Bytes and loss of a choice."""
    return sum(o.nbytes for o in chosen), sum(o.loss for o in chosen)


@pytest.mark.parametrize("seed", range(20))
def test_near_the_best_choice(seed):
    """Never above the budget, and above the least loss by one step of the hull at most."""
    options = drawn(seed)
    smallest = sum(found[0].nbytes for found in options.values())
    for budget in np.random.default_rng(seed).integers(smallest, 2 * smallest, 5).tolist():
        nbytes, loss = total(choose(options, budget).values())
        every = [total(c) for c in product(*options.values())]
        best = min(loss for size, loss in every if size <= budget)
        steps = [found[i].loss - found[i + 1].loss for found in map(hull, options.values())
                 for i in range(len(found) - 1)]  # fmt: skip
        assert nbytes <= budget
        assert best - 1e-12 <= loss <= best + max(steps)


def test_one_gives_way_to_another():
    """Where the best steps do not fit together, a smaller option of one makes room for another."""
    small = [Option("small", 10, 5.0), Option("large", 20, 0.0)]
    wide = [Option("small", 10, 8.0), Option("large", 30, 0.0)]
    found = choose({"a": small, "b": wide}, 40)
    assert [found[name].setting for name in "ab"] == ["small", "large"]


def test_none_gives_way_to_itself():
    """The smaller option of a tensor makes no room for the larger one of the same."""
    ways = [Option("small", 10, 5.0), Option("middle", 20, 3.0), Option("large", 30, 0.0)]
    assert choose({"a": ways}, 25)["a"].setting == "middle"


def test_most_choices_are_the_best():
    """Of 60 small models, nine in ten or so; where it is not, by little on average."""
    over = []
    for seed in range(60):
        options = drawn(seed, tensors=4)
        budget = int(1.5 * sum(found[0].nbytes for found in options.values()))
        every = [total(c) for c in product(*options.values())]
        best = min(loss for size, loss in every if size <= budget)
        over.append(total(choose(options, budget).values())[1] / best - 1)
    assert np.mean(np.array(over) < 1e-9) >= 0.8
    assert np.mean(over) < 0.03


def test_more_budget_is_no_worse_at_the_ends():
    """With all the room there is nothing is lost; with the least, everything is smallest."""
    options = drawn(7)
    smallest = sum(found[0].nbytes for found in options.values())
    assert all(o.setting == "w3" for o in choose(options, 10**6).values())
    assert all(o.setting == "w0" for o in choose(options, smallest).values())


def test_too_small_a_budget_names_the_smallest():
    """The error says what would do, and that does."""
    options = drawn(8)
    with pytest.raises(BudgetError, match=r"^budget must be at least \d+ B for this model") as told:
        choose(options, 10)
    assert total(choose(options, told.value.smallest).values())[0] == told.value.smallest


def test_hull_leaves_out_what_does_not_pay():
    """Of equal sizes the better one; never a larger one that loses as much."""
    ways = [Option("a", 5, 2.0), Option("b", 5, 1.0), Option("c", 9, 1.0), Option("d", 7, 0.9)]
    assert [option.setting for option in hull(ways)] == ["b", "d"]
