"""Recover: what is learned, what is kept, masks, numbers that are not finite, refusals."""

import math

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from thrifty.codec import Encoded  # noqa: E402
from thrifty.core import DataError, IncompatibleError  # noqa: E402
from thrifty.nn import Masks  # noqa: E402
from thrifty.nn.answers import Answer  # noqa: E402
from thrifty.nn.recover import Said, _far, recover, said  # noqa: E402


def case(kind="numbers", count=6):
    """A teacher, a student of its shape, batches, and what the teacher says."""
    torch.manual_seed(0)
    teacher, student = nn.Linear(4, 3), nn.Linear(4, 3)
    batches = [torch.randn(32, 4) for _ in range(count)]
    if kind == "scores":
        batches = [(x, torch.zeros(32, dtype=torch.long)) for x in batches]
    return teacher, student, batches, said(teacher, batches)


@pytest.mark.parametrize("kind", ["numbers", "scores"])
def test_a_student_comes_near(kind):
    """On rows it has not seen; the modes of both stay."""
    teacher, student, batches, heard = case(kind)
    student.train()
    x = torch.randn(200, 4)
    before = (student(x).softmax(1) - teacher(x).softmax(1)).abs().max()
    kept, losses = recover(student, heard, batches, epochs=30, lr=0.03)
    assert len(losses) == 31
    assert losses[kept] == min(losses)
    assert (student(x).softmax(1) - teacher(x).softmax(1)).abs().max() < 0.2 * before
    assert student.training


def test_distances():
    """Zero where answers are the same, by the scale of what is learned; scores by soft labels."""
    x = torch.randn(8, 5)
    assert _far("embeddings", 3 * x, x) == pytest.approx(0, abs=1e-6)
    assert _far("numbers", x, x) == 0
    assert _far("numbers", 2 * x, x) == pytest.approx(1)
    entropy = -(x / 2).softmax(1) * (x / 2).log_softmax(1)
    assert _far("scores", x, x) == pytest.approx(4 * float(entropy.sum(1).mean()))


def test_the_best_epoch_is_kept():
    """A rate that ruins the model leaves it as it was, to the bit."""
    teacher, _, batches, heard = case()
    with torch.no_grad():
        teacher.weight += 0.01
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    kept, losses = recover(teacher, heard, batches, epochs=2, lr=10.0)
    assert kept == 0
    assert losses[1] > losses[0]
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


def test_watched_batches_are_not_learned_from():
    """The fifth of five: what it asks changes no weight that is kept."""
    _, student, batches, heard = case(count=5)
    other = [*heard[:4], Said("numbers", heard[4].rows * 0 + student(batches[4]).detach())]
    _, again, _, _ = case(count=5)
    recover(student, heard, batches, epochs=1, lr=0.01)
    kept, losses = recover(again, other, batches, epochs=1, lr=0.01)
    assert (kept, losses[0]) == (0, 0)
    recover(again, [*heard[:4], heard[4]], batches, epochs=1, lr=0.01)
    assert all(torch.equal(a, b) for a, b in zip(student.parameters(), again.parameters(),
                                                 strict=True))  # fmt: skip


def test_what_is_not_finite_is_left_out():
    """A batch of NaN moves nothing; a model of NaN is given back as it was."""
    _, student, batches, heard = case()
    batches[0] = batches[0] * math.nan
    kept, losses = recover(student, heard, batches, epochs=5, lr=0.03)
    assert kept == 5
    assert losses[5] < losses[0]
    with torch.no_grad():
        student.weight[0, 0] = math.nan
    assert recover(student, heard, batches, epochs=1).kept == 0
    assert int(student.weight.isnan().sum()) == 1


def test_masks_hold():
    """What was pruned stays at zero, the others learn; frozen ones do not."""
    _, student, batches, heard = case()
    masks = Masks({"weight": torch.rand(3, 4, generator=torch.Generator().manual_seed(2)) < 0.5})
    masks.apply(student)
    student.bias.requires_grad_(False)
    bias, weight = student.bias.detach().clone(), student.weight.detach().clone()
    assert recover(student, heard, batches, epochs=3, lr=0.03, masks=masks).kept == 3
    assert torch.equal(student.weight != 0, masks["weight"])
    assert not torch.equal(student.weight, weight)
    assert torch.equal(student.bias, bias)


def test_many_scores_are_kept_in_few_bytes():
    """The largest of each row; few scores, embeddings and numbers whole."""
    batch = (torch.randn(10, 4), torch.zeros(10, dtype=torch.long))
    (wide,), (narrow,) = said(nn.Linear(4, 500), [batch]), said(nn.Linear(4, 5), [batch])
    assert isinstance(wide.rows, Encoded)
    assert wide.rows.nbytes < 10 * 500
    assert isinstance(narrow.rows, torch.Tensor)
    assert not narrow.rows.requires_grad
    student = nn.Linear(4, 500)
    assert recover(student, [wide], [batch], epochs=3, lr=0.05).kept == 3


def test_refusals():
    """No batch, nothing to train, other shapes and kinds, no epoch."""
    _, student, batches, heard = case()
    with pytest.raises(DataError, match=r"^batches must be at least one, each with answers, got 0"):
        recover(student, [], [])
    with pytest.raises(ValueError, match=r"^epochs must be in 1\.\.1000000, got 0$"):
        recover(student, heard, batches, epochs=0)
    with pytest.raises(TypeError, match=r"^epochs must be a whole number in "):
        recover(student, heard, batches, epochs=1.5)
    with pytest.raises(ValueError, match=r"^lr must be in "):
        recover(student, heard, batches, lr=-1.0)
    text = r"^student must answer as the model does: numbers \(32, 3\), got numbers \(32, 2\)$"
    with pytest.raises(IncompatibleError, match=text):
        recover(nn.Linear(4, 2), heard, batches)
    with pytest.raises(DataError, match=r"^model must have parameters that can be trained, got no"):
        recover(student.requires_grad_(False), heard, batches)
    assert Answer("numbers", batches[0]).rows is batches[0]
