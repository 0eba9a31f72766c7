"""Diverse: laws of the committee, whom it heeds, students that learn, and what is refused."""

import pytest
import torch
from torch import nn

from thrifty.core import DataError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.nn import Committee, Teacher, committee_distil

LAW_CASES = [law for name in record_of(Committee).laws for law in LAWS[name]]


def made(seed):
    """A committee with a teacher that is asked for images, and one that is asked for rows."""
    torch.manual_seed(seed)
    tails = [nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU()), nn.Sequential(nn.Linear(3, 7))]
    asked = [
        Teacher(tail, tail, shape) for tail, shape in zip(tails, ((1, 3, 3), (3,)), strict=True)
    ]
    return Committee(6, asked), tails


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(made)


def rows(seed=0):
    """Rows of two features, their quarter of the plane, and two teachers that know a half each."""
    x = torch.rand(400, 2, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    y = (x[:, 0] > 0).long() * 2 + (x[:, 1] > 0).long()

    def knows(side):
        def say(asked):
            right = torch.stack(
                [(asked[:, 0] > 0).long() * 2 + (asked[:, 1] > 0).long() == c for c in range(4)], 1
            )
            known = (asked[:, :1] > 0) == side
            return torch.where(known, 8.0 * right, -8.0 * right)

        return say

    torch.manual_seed(seed)
    return x, y, [Teacher(knows(side), nn.Linear(3, 4), (3,)) for side in (False, True)]


def student(seed=0):
    """A body and a head."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU()), nn.Linear(16, 4)


def test_answers_are_taught_without_labels():
    """Answers to a committee learn what their teachers say of rows that have no label."""
    x, y, teachers = rows()
    body, head = student()
    never = committee_distil(body, head, teachers, x, torch.full_like(y, -1), epochs=1, hint=0.0)
    body, head = student()
    some = committee_distil(body, head, teachers, x, torch.full_like(y, -1), epochs=1)
    for one, two in zip(never.answers, some.answers, strict=True):
        assert not one.weight.equal(two.weight)


def test_it_heeds_who_knows():
    """Of two teachers that each know a half of the plane, the right one, with few labels."""
    x, y, teachers = rows()
    some = y.clone()
    some[60:] = -1
    body, head = student()
    committee = committee_distil(body, head, teachers, x, some, epochs=60, lr=0.02)
    heeded = committee(body(x)).weights.argmax(1)
    assert float((heeded == (x[:, 0] > 0)).float().mean()) > 0.9
    assert float((head(body(x)).argmax(1) == y).float().mean()) > 0.9


def test_a_seed_decides():
    """The same student to the bit; random numbers outside stay as they were."""
    x, y, teachers = rows()
    found = []
    for _ in range(2):
        torch.manual_seed(5)
        body, head = student()
        torch.manual_seed(5)
        committee_distil(body, head, teachers, x, y, epochs=2, seed=3, hint=0.5)
        found.append((body[0].weight.detach().clone(), torch.rand(1)))
    torch.manual_seed(5)
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1] == torch.rand(1)


def test_what_does_not_fit_is_refused():
    """Teachers, rows, targets and numbers."""
    x, y, teachers = rows()
    with pytest.raises(ValueError, match=r"^teachers must be at least one, got none$"):
        Committee(4, [])
    with pytest.raises(ValueError, match=r"^teachers must be at least one, got none$"):
        committee_distil(*student(), [], x, y)
    with pytest.raises(
        TypeError, match=r"^width must be a whole number in 1\.\.16777216, got 4\.0"
    ):
        Committee(4.0, teachers)
    with pytest.raises(DataError, match=r"^x must be at least one row, got none$"):
        committee_distil(*student(), teachers, x[:0], y[:0])
    with pytest.raises(IncompatibleError, match=r"^targets must be of 400 rows, got 3$"):
        committee_distil(*student(), teachers, x, y[:3])
