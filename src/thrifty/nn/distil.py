"""Distil: a small model learns from the soft labels of a large one, kept in few bytes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from thrifty.codec import Encoded, TopLogits
from thrifty.core import IncompatibleError, in_range, method, whole

__all__ = ["UNLABELLED", "distil", "soft_label_loss", "teacher_logits"]

UNLABELLED = -1  # the target of a row without a label


def soft_label_loss(
    logits: Tensor,
    teacher: Tensor,
    targets: Tensor | None = None,
    *,
    alpha: float = 1.0,
    temperature: float = 1.0,
) -> Tensor:
    """The cross-entropy with labels, and alpha times that with a teacher's probabilities.

    -log S_y + alpha * t**2 * H(T, S), both softened by the temperature t in the second term. At
    t = 1 it is 1 + alpha times the cross-entropy with the label (y + alpha * T) / (1 + alpha).

    Args:
        logits: (n, c) of the student. teacher: (n, c) logits of the teacher, or logarithms of
            probabilities.
        targets: (n,) classes, -1 for none; None if no row has a label.
        alpha: weight of the teacher, 0..1e6.
        temperature: of both, 1e-3..1e3.

    Returns:
        The mean over all n rows.

    Raises:
        IncompatibleError: shapes differ.
        TypeError: a number is none.
        ValueError: one is out of range.

    Example:
        >>> logits, labels = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
        >>> teacher = torch.randn(4, 3)
        >>> soft = (F.one_hot(labels, 3) + 0.5 * teacher.softmax(1)) / 1.5
        >>> one = soft_label_loss(logits, teacher, labels, alpha=0.5)
        >>> bool(torch.isclose(one, 1.5 * F.cross_entropy(logits, soft)))
        True
    """
    if logits.shape != teacher.shape:
        shapes = f"{tuple(logits.shape)}, got {tuple(teacher.shape)}"
        raise IncompatibleError(f"teacher must be of shape {shapes}")
    in_range("alpha", alpha, 0, 1e6)
    t = in_range("temperature", temperature, 1e-3, 1e3)
    soft = F.cross_entropy(logits / t, (teacher.detach() / t).softmax(-1))
    if targets is None:
        return alpha * t * t * soft
    hard = F.cross_entropy(logits, targets, ignore_index=UNLABELLED, reduction="sum")
    return hard / len(logits) + alpha * t * t * soft


def teacher_logits(
    teacher: Callable[[Tensor], Tensor], x: Tensor, *, k: int | None = None, batch: int = 256
) -> Tensor | Encoded:
    """What a teacher says of all rows, asked once; whole, or the k largest of each row.

    Args:
        teacher: of a batch of rows to its logits; a module is put into evaluation mode meanwhile.
        x: (n, ...) rows.
        k: logits kept of each row, in the codec `TopLogits`; None for all, as a tensor.
        batch: rows asked at once.

    Returns:
        (n, c) float32, as a tensor or encoded.

    Example:
        >>> kept = teacher_logits(nn.Linear(5, 1000), torch.zeros(100, 5), k=8)
        >>> kept.shape, kept.nbytes
        ((100, 1000), 3600)
    """
    before = getattr(teacher, "training", None)
    if isinstance(teacher, nn.Module):
        teacher.eval()
    try:
        with torch.no_grad():
            found = [teacher(rows).float() for rows in x.split(batch)]
    finally:
        if isinstance(teacher, nn.Module):
            teacher.train(bool(before))
    if k is None:
        return torch.cat(found)
    codec = TopLogits(k)
    parts = [codec.encode(part.cpu()) for part in found]
    arrays = {
        name: np.concatenate([part.arrays()[name] for part in parts]) for name in parts[0].arrays()
    }
    return Encoded(codec, (len(x), parts[0].shape[1]), "float32", arrays)


@method(
    source="Hinton, Vinyals and Dean 2015, arXiv:1503.02531; Bucila, Caruana and Niculescu-Mizil "
    "2006, doi:10.1145/1150402.1150464",
    memory="the student and its optimizer; the teacher's answers: 4 * n * c bytes, or those "
    "that TopLogits keeps",
    time="one pass of the teacher over the rows; a training step of the student a batch",
    error="none is promised: see what is measured",
    exact="the teacher",
    laws=("soft labels",),
    evidence=("distil",),
)
def distil(
    student: nn.Module,
    teacher: Callable[[Tensor], Tensor] | Tensor | Encoded,
    x: Tensor,
    targets: Tensor | None = None,
    *,
    epochs: int = 10,
    batch: int = 128,
    alpha: float = 1.0,
    temperature: float = 2.0,
    lr: float = 1e-3,
    k: int | None = None,
    seed: int = 0,
    loss: Callable[..., Tensor] = soft_label_loss,
) -> list[float]:
    """Train a student on a teacher's soft labels, in place, by Adam with a falling rate.

    The teacher is asked once for each row. A teacher that was trained on the same rows has
    learned their labels by heart: rows without labels, or a teacher of the other part of the
    rows, teach more.

    Args:
        student: of a batch of rows to logits.
        teacher: likewise; or its logits, as `teacher_logits` gives them.
        x: (n, ...) rows.
        targets: (n,) classes, -1 for none; None if no row has a label.
        epochs: passes over the rows, at least 1.
        batch: rows a step.
        alpha, temperature: of `soft_label_loss`.
        lr: the first rate; it falls to a hundredth of it.
        k: logits of the teacher kept a row; None for all.
        seed: of the order of rows.
        loss: of student's logits, teacher's logits and targets.

    Returns:
        The mean loss of each epoch.

    Raises:
        IncompatibleError: the teacher's logits or the targets are not of n rows.
        TypeError: a number is none.
        ValueError: one is out of range.

    Example:
        >>> rng = torch.Generator().manual_seed(0)
        >>> x, teacher = torch.randn(500, 4, generator=rng), lambda x: 3 * x[:, :3]
        >>> losses = distil(nn.Linear(4, 3), teacher, x, epochs=20, lr=0.05, k=2)
        >>> losses[-1] < losses[0]
        True
    """
    whole("epochs", epochs, 1, 10**9)
    whole("batch", batch, 1, 2**40)
    said = _said(teacher, x, k)
    if len(x) != said.shape[0] or (targets is not None and len(targets) != len(x)):
        raise IncompatibleError(f"teacher and targets must be of {len(x)} rows, got others")
    rng = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(student.parameters(), lr)
    steps = epochs * -(-len(x) // batch)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.01, steps)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(x), generator=rng).split(batch):
            some = None if targets is None else targets[rows]
            answers = _rows(said, rows).to(x.device)
            value = loss(student(x[rows]), answers, some, alpha=alpha, temperature=temperature)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
            total += float(value.detach()) * len(rows)
        losses.append(total / len(x))
    return losses


def _said(teacher: Any, x: Tensor, k: int | None) -> Tensor | Encoded:
    if isinstance(teacher, Encoded):
        return teacher
    if isinstance(teacher, Tensor):
        return teacher if k is None else TopLogits(k).encode(teacher.float().cpu())
    return teacher_logits(teacher, x, k=k)


def _rows(said: Tensor | Encoded, rows: Tensor) -> Tensor:
    if isinstance(said, Tensor):
        return said[rows]
    if not isinstance(said.codec, TopLogits):
        raise IncompatibleError(f"teacher must be encoded by TopLogits, got {said.codec!r}")
    return torch.from_numpy(said.rows(rows.cpu().numpy()))
