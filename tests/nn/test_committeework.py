"""Committee work: a student becomes better by its teachers, or stays as it was."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from thrifty.core import DataError, IncompatibleError  # noqa: E402
from thrifty.nn import Teacher  # noqa: E402
from thrifty.nn.committeework import learn_from  # noqa: E402


def case():
    """A teacher that is always right, batches with its classes, a student of two parts."""
    torch.manual_seed(0)
    wise = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
    with torch.no_grad():
        wise[2].weight *= 8
    batches = [(x, wise(x).argmax(1)) for x in torch.randn(10, 64, 4)]
    student = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    return [Teacher(wise, wise[1:], (16,))], batches, student


def test_it_learns():
    """Classes of rows that it did not learn from are known better; teachers do not change."""
    teachers, batches, student = case()
    before = [p.detach().clone() for p in teachers[0].whole.parameters()]
    kept, losses = learn_from(student, teachers, batches, epochs=60)
    assert kept == 60
    x, classes = batches[4]
    after = nn.functional.cross_entropy(student(x), classes)
    assert losses[1] < 0.9 * losses[0]
    assert float(after.detach()) < losses[0]
    assert all(torch.equal(p, q) for p, q in zip(teachers[0].whole.parameters(), before,
                                                 strict=True))  # fmt: skip


def test_what_does_not_help_is_taken_back():
    """Where the watched classes are none of the teachers', the student stays to the bit."""
    teachers, batches, student = case()
    for place in (4, 9):
        x, _ = batches[place]
        batches[place] = (x, teachers[0].whole(x).argmin(1))
    before = {name: value.clone() for name, value in student.state_dict().items()}
    kept, losses = learn_from(student, teachers, batches, epochs=60)
    assert kept == 0
    assert losses[1] > losses[0]
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())


def test_refusals():
    """One part alone, or batches that teachers cannot be judged by."""
    teachers, batches, student = case()
    text = r"^student must be a Sequential of a body and a head, got Linear$"
    with pytest.raises(IncompatibleError, match=text):
        learn_from(nn.Linear(4, 3), teachers, batches, epochs=1)
    for bad in (batches[0][0], (batches[0][0], batches[0][0])):
        with pytest.raises(DataError, match=r"^batches must be tuples of inputs and classes where"):
            learn_from(student, teachers, [bad], epochs=1)
