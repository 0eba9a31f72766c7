"""Distil: laws of its training, the loss against its formula, caches, and what is refused."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from thrifty.codec import Sparse
from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.nn import distil, soft_label_loss, teacher_logits

LAW_CASES = [law for name in record_of(distil).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: lambda student, said, x, **ways: distil(student, said, x, lr=0.05, **ways))


def drawn(*shape, seed=0):
    """Normal numbers of a seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("alpha", [0, 0.3, 4.0])
@pytest.mark.parametrize("t", [0.5, 1.0, 3.0])
def test_the_loss_is_its_formula(alpha, t):
    """Written out row by row; rows without a label have no first term."""
    s, teacher, y = drawn(6, 4), drawn(6, 4, seed=1), torch.tensor([0, 3, -1, 2, 2, -1])
    p, q = (teacher / t).softmax(1), (s / t).softmax(1)
    slow = sum(
        (-s[i].log_softmax(0)[y[i]] if y[i] >= 0 else 0) - alpha * t * t * (p[i] @ q[i].log())
        for i in range(6)
    )
    torch.testing.assert_close(soft_label_loss(s, teacher, y, alpha=alpha, temperature=t), slow / 6)
    only = soft_label_loss(s, teacher, alpha=1.0, temperature=t)
    torch.testing.assert_close(only, F.cross_entropy(s / t, p) * t * t)


def test_no_gradient_reaches_the_teacher():
    """Its logits are taken as they are."""
    s, teacher = drawn(3, 2).requires_grad_(), drawn(3, 2, seed=1).requires_grad_()
    soft_label_loss(s, teacher).backward()
    assert teacher.grad is None
    assert s.grad is not None


def test_a_teacher_is_asked_in_its_own_mode_and_left_in_the_old():
    """Dropout sleeps while it answers; its batches do not change what it says."""
    teacher = nn.Sequential(nn.Linear(3, 5), nn.Dropout(0.5)).double()
    x = drawn(10, 3)
    said = teacher_logits(teacher, x, batch=3)
    torch.testing.assert_close(said, teacher[0](x).float().detach())
    assert teacher.training
    kept = teacher_logits(teacher, x, k=2, batch=3)
    assert kept.shape == (10, 5)
    assert kept.to_bytes() == kept.codec.encode(said).to_bytes()


def test_unlabelled_rows_teach():
    """With 8 labels of 400, the teacher's answers make the student better than the labels do."""
    x, w = drawn(400, 6).float(), drawn(6, 3, seed=2).float()
    y = (x @ w).argmax(1)
    few = torch.full_like(y, -1)
    few[:8] = y[:8]
    right = {}
    for alpha in (0.0, 1.0):
        torch.manual_seed(0)
        student = nn.Linear(6, 3)
        distil(student, 5 * x @ w, x, few, alpha=alpha, epochs=40, lr=0.05, seed=1)
        right[alpha] = float((student(x).argmax(1) == y).float().mean())
    assert right[1.0] > 0.95 > right[0.0]


def test_what_does_not_fit_is_refused():
    """Shapes, rows, codecs and numbers."""
    message = r"^teacher must be of shape \(2, 3\), got \(2, 4\)$"
    with pytest.raises(IncompatibleError, match=message):
        soft_label_loss(torch.zeros(2, 3), torch.zeros(2, 4))
    message = r"^teacher and targets must be of 2 rows, got others$"
    with pytest.raises(IncompatibleError, match=message):
        distil(nn.Linear(3, 2), torch.zeros(5, 2), torch.zeros(2, 3))
    encoded = Sparse().encode(torch.zeros(2, 2))
    with pytest.raises(IncompatibleError, match=r"^teacher must be encoded by TopLogits, got Spar"):
        distil(nn.Linear(3, 2), encoded, torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"^temperature must be in 0\.001\.\.1000\.0, got 0$"):
        soft_label_loss(torch.zeros(2, 3), torch.zeros(2, 3), temperature=0)
    with pytest.raises(TypeError, match=r"^epochs must be a whole number in 1\.\."):
        distil(nn.Linear(3, 2), torch.zeros(2, 2), torch.zeros(2, 3), epochs=0.5)
