"""Recover: a model that was made smaller learns again to answer as the whole one did."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from thrifty.codec import Encoded, TopLogits
from thrifty.core import DataError, IncompatibleError, in_range, whole
from thrifty.nn.answers import Answer, answer, asked
from thrifty.nn.distil import soft_label_loss
from thrifty.nn.pruning import Masks

__all__ = ["Recovered", "Said", "recover", "said", "split"]

KEPT, WATCHED = 64, 5  # logits of a row; of so many batches the last is watched
TAUGHT = {"scores": 1 / 200, "numbers": 1 / 200, "embeddings": 1 / 6400}
FRESH, FASTEST = 1 / 20, 1e-2  # rates, as those above: shares of the size of weights; the limit
WARM, SLOWER, LONGEST = 10, 1 / 8, 1.0  # steps until the rate is whole; a setback; a slope
TEMPERATURE = 2.0
Told = Callable[[Mapping[str, Any]], None]


class Said(NamedTuple):
    """What the whole model says of a batch, in few bytes.

    Args:
        kind: as of `Answer`.
        rows: (n, width); of many scores the largest few.
    """

    kind: str
    rows: Tensor | Encoded


class Recovered(NamedTuple):
    """What training brought.

    Args:
        kept: epochs after which the model was best; 0 if training made nothing better.
        losses: on the watched batches, before and after each epoch.
    """

    kept: int
    losses: list[float]


@torch.no_grad()
def said(model: nn.Module, batches: Iterable[Any], *, k: int = KEPT) -> list[Said]:
    """What a model says of batches, asked once; of scores the k largest of each row.

    Args:
        model: whole; asked in evaluation mode.
        batches: see `nn.answers.ask`.
        k: scores kept of a row, in the codec `TopLogits`, where there are more.

    Example:
        >>> batch = (torch.zeros(100, 5), torch.zeros(100, dtype=torch.long))
        >>> ((kind, rows),) = said(nn.Linear(5, 1000), [batch], k=8)
        >>> kind, rows.nbytes
        ('scores', 3600)
    """
    whole("k", k, 1, 2**16)
    with asked(model):
        return [_short(answer(model, batch), k) for batch in batches]


def recover(
    model: nn.Module,
    heard: Sequence[Said],
    batches: Sequence[Any],
    *,
    epochs: int = 3,
    lr: float | None = None,
    training: bool = False,
    masks: Masks | None = None,
    seed: int = 0,
    progress: Told | None = None,
) -> Recovered:
    """Train a model to answer batches as the whole model did; in place, by Adam.

    Scores are learned by soft labels, embeddings by 1 - cosine, numbers by their squared
    differences as a share of their squares. Every fifth batch is not learned from: an epoch after
    which these lose more than before is taken back, and the rate falls to an eighth (a single
    batch is both). A step whose loss or slope is not finite is left out.

    Args:
        model: that was made smaller.
        heard: of the whole model on these batches, as of `said`.
        batches: as many.
        epochs: passes over the batches, at least 1.
        lr: the first rate, which falls to a hundredth of it in a straight line; None for a share
            of the root mean square of the model's weights, 1e-2 at most: 1 / 200, for embeddings
            1 / 6400, and 1 / 20 where it is `training`.
        training: in training mode, with dropout and the norms of batches: for a model that has
            not been trained. Else in evaluation mode.
        masks: of weights that stay at zero.
        seed: of the order of batches.
        progress: called with phase, fraction, loss.

    Returns:
        The epoch that was kept, and the losses that were watched.

    Raises:
        DataError: there is no batch, or nothing that can be trained.
        IncompatibleError: the model answers in other shapes.
        TypeError: a number is none.
        ValueError: one is out of range.

    Example:
        >>> torch.manual_seed(0)                                    # doctest: +ELLIPSIS
        <torch...
        >>> large, small = nn.Linear(4, 3), nn.Linear(4, 3)
        >>> batches = [torch.randn(50, 4) for _ in range(10)]
        >>> kept, losses = recover(small, said(large, batches), batches, epochs=20, lr=0.05)
        >>> losses[kept] < 0.01 * losses[0]
        True
    """
    whole("epochs", epochs, 1, 10**6)
    rate = None if lr is None else in_range("lr", lr, 1e-12, 1e3)
    if not batches or len(heard) != len(batches):
        raise DataError(f"batches must be at least one, each with answers, got {len(batches)}")
    learned = [p for p in model.parameters() if p.requires_grad and p.is_floating_point()]
    if not learned:
        raise DataError("model must have parameters that can be trained, got none")
    taught, watched = split(len(batches))
    lesson, was = _Lesson(model, heard, batches, masks), model.training
    pace = _Pace(learned, rate or _rate(learned, FRESH if training else TAUGHT[heard[0].kind]))
    order, losses = torch.Generator().manual_seed(seed), [lesson.loss(watched)]
    kept, best, steps = 0, _state(model), epochs * len(taught)
    for epoch in range(epochs):
        places = torch.randperm(len(taught), generator=order).tolist()
        for done, place in enumerate(places, epoch * len(taught)):
            _tell(progress, done / steps, epoch, losses[-1])
            lesson.step(taught[place], pace.optimizer(1 - 0.99 * done / steps), training)
        losses.append(lesson.loss(watched))
        if losses[-1] < min((x for x in losses[:-1] if math.isfinite(x)), default=math.inf):
            kept, best = epoch + 1, _state(model)
        else:
            model.load_state_dict(best)
            pace = _Pace(learned, pace.rate * SLOWER)
    model.train(was).load_state_dict(best)
    return Recovered(kept, losses)


def split(count: int) -> tuple[list[int], list[int]]:
    """Numbers of the batches that are learned from, and of those that are watched.

    Example:
        >>> split(6), split(2), split(1)
        (([0, 1, 2, 3, 5], [4]), ([0], [1]), ([0], [0]))
    """
    watched = list(range(WATCHED - 1, count, WATCHED)) or [count - 1]
    return [i for i in range(count) if i not in set(watched)] or watched, watched


class _Pace:
    """Adam, its rate rising from nothing and falling as it is told."""

    def __init__(self, learned: Sequence[Tensor], rate: float) -> None:
        self.rate, self.steps, self._adam = rate, 0, torch.optim.Adam(learned, rate)

    def optimizer(self, share: float) -> torch.optim.Optimizer:
        """For the next step, at this share of the rate."""
        self.steps += 1
        for group in self._adam.param_groups:
            group["lr"] = self.rate * share * min(1.0, self.steps / WARM)
        return self._adam


class _Lesson:
    """A model beside what it is to answer."""

    def __init__(
        self, model: nn.Module, heard: Sequence[Said], batches: Sequence[Any], masks: Masks | None
    ) -> None:
        self.model, self.heard, self.batches, self.masks = model, heard, batches, masks

    def step(self, place: int, optimizer: torch.optim.Optimizer, training: bool) -> None:
        """Learn from one batch."""
        self.model.train(training)
        loss = self._loss(place)
        optimizer.zero_grad()
        if loss.requires_grad:
            loss.backward()
        slopes = [p for group in optimizer.param_groups for p in group["params"]]
        if not bool(torch.isfinite(nn.utils.clip_grad_norm_(slopes, LONGEST) + loss.detach())):
            optimizer.zero_grad()  # a step without slopes moves nothing
        optimizer.step()
        if self.masks is not None:
            self.masks.apply(self.model)

    @torch.no_grad()
    def loss(self, places: Sequence[int]) -> float:
        """The mean over some batches, in evaluation mode."""
        self.model.eval()
        return sum(float(self._loss(place)) for place in places) / len(places)

    def _loss(self, place: int) -> Tensor:
        kind, rows = self.heard[place]
        mine = answer(self.model, self.batches[place])
        if mine.kind != kind or tuple(mine.rows.shape) != tuple(rows.shape):
            shapes = f"{kind} {tuple(rows.shape)}, got {mine.kind} {tuple(mine.rows.shape)}"
            raise IncompatibleError(f"student must answer as the model does: {shapes}")
        target = torch.from_numpy(rows.decode()) if isinstance(rows, Encoded) else rows
        return _far(kind, mine.rows, target.to(mine.rows.device))


def _far(kind: str, mine: Tensor, target: Tensor) -> Tensor:
    if kind == "scores":
        return soft_label_loss(mine, target, temperature=TEMPERATURE)
    if kind == "embeddings":
        return (1 - (normalize(mine) * normalize(target)).sum(1)).mean()
    return (mine - target).square().sum() / target.square().sum().clamp(min=1e-30)


def _short(found: Answer, k: int) -> Said:
    if found.kind == "scores" and found.rows.shape[1] > k:
        return Said(found.kind, TopLogits(k).encode(found.rows.cpu()))
    return Said(found.kind, found.rows)


def _rate(weights: Sequence[Tensor], share: float) -> float:
    """A share of the root mean square of the weights of matrices."""
    matrices = [w.detach() for w in weights if w.ndim > 1] or [w.detach() for w in weights]
    squares = sum(float(w.double().square().sum()) for w in matrices)
    return min(FASTEST, share * math.sqrt(squares / max(1, sum(w.numel() for w in matrices))))


def _state(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _tell(progress: Told | None, fraction: float, epoch: int, loss: float) -> None:
    if progress is not None:
        progress({"phase": "distilling", "fraction": fraction, "epoch": epoch, "loss": loss})
