"""Diverse: a student asks a committee of teachers, and heeds for each example who answers best."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from thrifty.core import DataError, IncompatibleError, in_range, method, whole
from thrifty.nn.distil import UNLABELLED

__all__ = ["Answers", "Committee", "Teacher", "committee_distil"]


class Teacher(NamedTuple):
    """A trained model that can be asked in the middle.

    Args:
        whole: of a batch of rows to logits.
        tail: of a question to an answer (n, width): the later layers of `whole`, say.
        question: shape of one question, as the tail takes it.
    """

    whole: Callable[[Tensor], Tensor]
    tail: nn.Module
    question: tuple[int, ...]


class Answers(NamedTuple):
    """What a committee answers.

    Args:
        hints: (n, teachers, width) answers, as hidden states of the student.
        weights: (n, teachers) importance of each teacher, of sum 1.
    """

    hints: Tensor
    weights: Tensor


@method(
    source="Liu, Liu, Hou, Sharma, Zhao, Chen, Li, Chi and others 2024, arXiv:2402.14035",
    memory="while training: (width + expertise) * (questions + answers) a teacher; then none",
    time="the tail of every teacher, forward and backward to its question, a step",
    error="none is promised: see what is measured",
    exact="each teacher alone",
    laws=("committee",),
    evidence=("diverse",),
)
class Committee(nn.Module):
    """Teachers with their questions, answers and importance; frozen but for these.

    For each teacher a question is made of the student's hidden state and a learned expertise, put
    into the middle of the teacher; what comes out is brought back to the student's width. How
    much each teacher counts is decided for each example, from the same two.

    Args:
        width: of the student's hidden state.
        teachers: to be asked; at least one. They stay in evaluation mode and do not learn.
        expertise: length of what is learned of each teacher, at least 1.

    Raises:
        TypeError: a number is none.
        ValueError: one is out of range, or there is no teacher.

    Example:
        >>> teacher = Teacher(nn.Linear(4, 3), nn.Linear(6, 5), (6,))
        >>> hints, weights = Committee(8, [teacher, teacher])(torch.randn(10, 8))
        >>> hints.shape, bool(torch.allclose(weights.sum(1), torch.ones(10)))
        (torch.Size([10, 2, 8]), True)
    """

    def __init__(self, width: int, teachers: Sequence[Teacher], *, expertise: int = 16) -> None:
        super().__init__()
        self.width = whole("width", width, 1, 2**24)
        whole("expertise", expertise, 1, 2**16)
        if not teachers:
            raise ValueError("teachers must be at least one, got none")
        self.shapes = [tuple(teacher.question) for teacher in teachers]
        self.tails = nn.ModuleList(teacher.tail for teacher in teachers).requires_grad_(False)
        self.expertise = nn.Parameter(torch.randn(len(teachers), expertise) * expertise**-0.5)
        joined = width + expertise
        sizes = [torch.Size(shape).numel() for shape in self.shapes]
        self.questions = nn.ModuleList(nn.Linear(joined, size) for size in sizes)
        self.answers = nn.ModuleList(
            nn.Linear(self._width_of(tail, shape), width)
            for tail, shape in zip(self.tails, self.shapes, strict=True)
        )
        self.score = nn.Sequential(nn.Linear(joined, 32), nn.ReLU(), nn.Linear(32, 1, bias=False))
        self.tails.eval()

    def _width_of(self, tail: nn.Module, shape: tuple[int, ...]) -> int:
        with torch.no_grad():
            return tail.eval()(torch.zeros(2, *shape)).flatten(1).shape[1]

    def train(self, mode: bool = True) -> "Committee":
        """Training mode of what learns; the teachers stay in evaluation mode."""
        super().train(mode)
        self.tails.eval()
        return self

    def forward(self, hidden: Tensor) -> Answers:
        """Ask all teachers about hidden states (n, width)."""
        hints, scores = [], []
        for i, tail in enumerate(self.tails):
            joined = torch.cat([hidden, self.expertise[i].expand(len(hidden), -1)], dim=1)
            asked = self.questions[i](joined).reshape(len(hidden), *self.shapes[i])
            hints.append(self.answers[i](tail(asked).flatten(1)))
            scores.append(self.score(joined))
        return Answers(torch.stack(hints, dim=1), torch.cat(scores, dim=1).softmax(1))


def committee_distil(
    body: nn.Module,
    head: nn.Module,
    teachers: Sequence[Teacher],
    x: Tensor,
    targets: Tensor,
    *,
    epochs: int = 10,
    batch: int = 128,
    hint: float = 0.02,
    alpha: float = 1.0,
    temperature: float = 2.0,
    lr: float = 1e-3,
    seed: int = 0,
) -> Committee:
    """Train a student, body and head, with a committee; in place, by Adam with a falling rate.

    The loss of an example is that of its label; alpha times that of the teachers' soft labels;
    and hint times the squared distance of the hidden state from each answer, with the loss of that
    answer by the same head, of label and soft label of who answers: else answers about rows
    without labels would say nothing, and mislead. Each teacher
    counts as much as the committee heeds it, which it learns from whose soft labels are right.

    Args:
        body: of rows to hidden states (n, width). head: of these to logits.
        teachers: see `Committee`.
        x: (n, ...) rows. targets: (n,) classes, -1 for none.
        epochs: passes over the rows, at least 1.
        batch: rows a step.
        hint: weight of what is asked in the middle, 0..1e6.
        alpha, temperature: of the soft labels: see `soft_label_loss`.
        lr: the first rate; it falls to a hundredth of it.
        seed: of the committee and of the order of rows.

    Returns:
        The committee, which the student does not need any more.

    Raises:
        DataError: there are no rows.
        IncompatibleError: targets are not one for each row.
        TypeError: a number is none.
        ValueError: one is out of range, or there is no teacher.
    """
    if len(x) == 0:
        raise DataError("x must be at least one row, got none")
    if len(x) != len(targets):
        raise IncompatibleError(f"targets must be of {len(x)} rows, got {len(targets)}")
    whole("epochs", epochs, 1, 10**9)
    in_range("hint", hint, 0, 1e6)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        width = body(x[:1]).shape[1]
        said = torch.stack([teacher.whole(x) for teacher in teachers], 1) if teachers else x
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        committee = Committee(width, teachers).to(x.device)
    learned = [p for p in committee.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters(), *learned], lr)
    steps = epochs * -(-len(x) // batch)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.01, steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=rng).split(batch):
            hidden, labels = body(x[rows]), targets[rows]
            own = partial(_soft, said=said[rows], labels=labels, alpha=alpha, t=temperature)
            loss = _asked(committee, head, hidden, said[rows], labels, own, hint)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return committee


def _soft(logits: Tensor, said: Tensor, labels: Tensor, alpha: float, t: float) -> Tensor:
    """(n, teachers): the loss of labels and of each teacher's soft labels.

    Logits are (n, teachers or 1, classes).
    """
    hard = _of_labels(logits, labels) * (labels != UNLABELLED)[:, None]
    shares, own = (said / t).softmax(-1), (logits / t).log_softmax(-1)
    return -hard - alpha * t * t * (shares * own).sum(-1)


def _of_labels(logits: Tensor, labels: Tensor) -> Tensor:
    """Logarithms of the probabilities of the labels, of the first class where there is none."""
    at = labels.clamp(min=0)[:, None, None].expand(-1, logits.shape[1], 1)
    return logits.log_softmax(-1).gather(-1, at)[..., 0]


def _asked(
    committee: Committee,
    head: nn.Module,
    hidden: Tensor,
    said: Tensor,
    labels: Tensor,
    own: Callable[[Tensor], Tensor],
    hint: float,
) -> Tensor:
    """What is learned from the committee, weighed by who knows the labels of such examples."""
    hints, weights = committee(hidden.detach())
    known = _of_labels(said, labels) + weights.log()
    gate = -torch.logsumexp(known, dim=1) * (labels != UNLABELLED)
    far = (hidden[:, None] - hints.detach()).square().mean(-1)
    learned = own(head(hidden)[:, None]) + hint * (far + own(head(hints)))
    return ((weights.detach() * learned).sum(1) + gate).mean()
