"""Committee work: a student in two parts learns from a committee of teachers, or stays."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from thrifty.core import DataError, IncompatibleError
from thrifty.nn.diverse import Teacher, committee_distil
from thrifty.nn.recover import Recovered, split

__all__ = ["learn_from"]


def learn_from(
    student: nn.Module,
    teachers: Sequence[Teacher],
    batches: Sequence[Any],
    *,
    epochs: int,
) -> Recovered:
    """Train a student by `committee_distil`, in place; what does not help is taken back.

    The student's last part makes scores of the hidden states of those before it. Every fifth
    batch is not learned from: there the cross entropy of its classes is watched.

    Args:
        student: a `Sequential` of at least two parts.
        teachers: of the committee.
        batches: tuples of inputs and classes.
        epochs: at least 1.

    Returns:
        The watched losses before and after, and the epochs that were kept: all or none.

    Raises:
        DataError: batches have no classes.
        IncompatibleError: the student has no two parts.

    Example:
        >>> torch.manual_seed(0)                                    # doctest: +ELLIPSIS
        <torch...
        >>> wise = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
        >>> batches = [(x, wise(x).argmax(1)) for x in torch.randn(5, 40, 4)]
        >>> student = nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 3))
        >>> teachers = [Teacher(wise, wise[1:], (8,))]
        >>> kept, losses = learn_from(student, teachers, batches, epochs=5)
        >>> kept, losses[1] < losses[0]
        (5, True)
    """
    if not isinstance(student, nn.Sequential) or len(student) < 2:
        kind = type(student).__name__
        raise IncompatibleError(f"student must be a Sequential of a body and a head, got {kind}")
    taught, watched = (_joined([batches[i] for i in part]) for part in split(len(batches)))
    before, was = copy.deepcopy(student.state_dict()), student.training
    losses = [_loss(student, *watched)]
    committee_distil(student[:-1].train(), student[-1].train(), teachers, *taught, epochs=epochs)
    losses.append(_loss(student, *watched))
    better = losses[1] < losses[0]
    if not better:
        student.load_state_dict(before)
    student.train(was)
    return Recovered(epochs if better else 0, losses)


@torch.no_grad()
def _loss(student: nn.Module, x: Tensor, classes: Tensor) -> float:
    return float(cross_entropy(student.eval()(x), classes))


def _joined(batches: Sequence[Any]) -> tuple[Tensor, Tensor]:
    for batch in batches:
        whole = isinstance(batch, (tuple, list)) and len(batch) == 2
        if not whole or batch[1].is_floating_point() or batch[1].ndim != 1:
            raise DataError("batches must be tuples of inputs and classes where teachers are given")
    return torch.cat([batch[0] for batch in batches]), torch.cat([batch[1] for batch in batches])
