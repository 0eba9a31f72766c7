"""Pruning: scores become masks, and masks hold weights at zero, at once or step by step."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from thrifty.codec.masks import largest, n_of_m, pattern
from thrifty.codec.sparse import sparse_sizes
from thrifty.core import IncompatibleError, in_range, method, one_of, whole
from thrifty.nn.saliency import Loss, saliency

__all__ = ["SCOPES", "IterativePruning", "Masks", "cubic_sparsity", "masks_of", "prune"]

SCOPES = ("global", "layer", "row", "filter")
STEPWISE = ("magnitude", "random", "movement")


class Masks(dict[str, Tensor]):
    """Which weights stay, by name: bool tensors of the shapes of the weights.

    Example:
        >>> model = nn.Linear(4, 2)
        >>> masks = masks_of(saliency(model), 0.5)
        >>> masks.apply(model).density, int((model.weight != 0).sum())
        (0.5, 4)
    """

    @property
    def density(self) -> float:
        """The share of all weights that stays."""
        kept, every = (sum(int(n) for n in column) for column in zip(*self._counts(), strict=True))
        return kept / every

    def _counts(self) -> list[tuple[int, int]]:
        return [(int(mask.sum()), mask.numel()) for mask in self.values()] or [(1, 1)]

    @torch.no_grad()
    def apply(self, model: nn.Module) -> "Masks":
        """Put the weights that do not stay at zero, in place; returns self.

        Raises:
            IncompatibleError: a mask fits no parameter of the model.
        """
        known = dict(model.named_parameters())
        for name, mask in self.items():
            if name not in known or known[name].shape != mask.shape:
                raise IncompatibleError(f"mask of {name!r} fits no parameter of the model")
            known[name].masked_fill_(~mask.to(known[name].device), 0)
        return self

    def sizes(self, model: nn.Module) -> dict[str, int]:
        """Bytes of the masked weights of a model by every way of counting; see `sparse_sizes`.

        Biases and what has no mask are left out.
        """
        known = dict(model.named_parameters())
        each = [
            sparse_sizes((known[name].detach() * mask).flatten(1).contiguous().cpu())
            for name, mask in self.items()
        ]
        return {key: sum(sizes[key] for sizes in each) for key in (each[0] if each else ())}


def masks_of(scores: Mapping[str, Tensor], keep: float | str, *, scope: str = "global") -> Masks:
    """The masks of the largest scores; of equal scores the first stay.

    Args:
        scores: by name, as of `saliency`.
        keep: a share in 0..1, or a pattern such as "2:4": n of each m neighbours among the inputs
            of an output, whatever the scope.
        scope: what competes: "global", all weights; "layer", those of one name; "row", those of
            one output; "filter", whole outputs of one name, by the length of their scores.

    Raises:
        TypeError: `keep` is neither a number nor a text.
        ValueError: `keep` or `scope` is none of these, or a score is NaN or infinite.

    Example:
        >>> masks_of({"w": torch.tensor([[1.0, 3.0, 2.0, 0.0]])}, "2:4")["w"].tolist()
        [[False, True, True, False]]
    """
    one_of("scope", scope, SCOPES)
    asked = pattern(keep)
    arrays = {name: _array(name, score) for name, score in scores.items()}
    if isinstance(asked, tuple):
        found = {name: n_of_m(_by_output(a), *asked) for name, a in arrays.items()}
    elif scope == "global":
        found = _globally(arrays, asked)
    else:
        choose = {"layer": _largest, "row": _by_row, "filter": _by_filter}[scope]
        found = {name: choose(_by_output(a), asked) for name, a in arrays.items()}
    return Masks(
        (name, torch.from_numpy(mask.reshape(scores[name].shape)).to(scores[name].device))
        for name, mask in found.items()
    )


@method(
    source="LeCun, Denker and Solla 1989 (NeurIPS 2); Han, Pool, Tran and Dally 2015, "
    "arXiv:1506.02626; the scores of `saliency`",
    memory="keep * weights * itemsize and the index of `codec.Sparse`; n:m as NOfM does",
    time="a round: one order of all scores; for snip, movement and wanda a pass over the batches, "
    "for grasp two, of which one is through its own slopes",
    error="none is promised: see what is measured",
    exact="the whole model",
    laws=("masks",),
    evidence=("pruning",),
)
def prune(
    model: nn.Module,
    keep: float | str,
    *,
    by: str = "magnitude",
    scope: str | None = None,
    batches: Iterable[Any] = (),
    loss: Loss = cross_entropy,
    seed: int = 0,
    weights: Sequence[str] | None = None,
    rounds: int = 1,
) -> Masks:
    """Put all but the best weights of a model at zero, in place.

    Training on, call `apply` of the answer after each step of the optimizer; to rewind, load
    the early weights and call it once.

    Args:
        model: any module; its linear and convolution layers are pruned.
        keep: a share in 0..1, or a pattern such as "2:4".
        by: "magnitude", "random", "snip", "movement", "wanda", "synflow" or "grasp": see
            `saliency`.
        scope: "global", "layer", "row" or "filter": see `masks_of`; None for "row" by "wanda",
            else "global".
        batches, loss: what the score looks at.
        seed: of "random".
        weights: names of the parameters to prune; None for all of `prunable`.
        rounds: in which the share falls by equal factors, each with scores of what is left; 1 or
            more, and 1 with a pattern. "synflow" is made for many.

    Returns:
        The masks, by name.

    Raises:
        TypeError: `keep` is neither a number nor a text.
        ValueError: an argument is out of range, or weights or scores are not finite; the model
            has not changed.

    Example:
        >>> model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> prune(model, 0.25).density
        0.25
        >>> prune(model, "2:4").density     # of what is left
        0.5
    """
    within = scope or ("row" if by == "wanda" else "global")
    shares, masks = _shares(keep, whole("rounds", rounds, 1, 10_000)), Masks()
    data = batches if rounds == 1 else list(batches)
    for share in shares:
        scores = saliency(model, by, batches=data, loss=loss, seed=seed, weights=weights)
        masks = masks_of(_inside(scores, masks), share, scope=within).apply(model)
    return masks


def cubic_sparsity(step: int, steps: int, final: float) -> float:
    """The share at zero after some steps: fast at first, slow at the end.

    final * (1 - (1 - step / steps)**3) (Zhu and Gupta 2017, arXiv:1710.01878).

    Args:
        step: 0 and up; beyond `steps` it stays at `final`.
        steps: of the schedule, at least 1.
        final: 0..1.

    Example:
        >>> [round(cubic_sparsity(t, 4, 0.9), 3) for t in range(5)]
        [0.0, 0.52, 0.787, 0.886, 0.9]
    """
    return final * (1 - (1 - min(step / steps, 1.0)) ** 3)


class IterativePruning:
    """Prune while training: call `step` after each step of the optimizer.

    The share at zero grows as `cubic_sparsity`; each `every` steps new masks are chosen, inside
    the old ones, and masks hold at every step. "movement" sums -g w over all steps.

    Args:
        model: any module.
        keep: the share that stays at the end, 0..1.
        steps: until then, at least 1.
        every: steps from masks to masks, at least 1.
        by: "magnitude", "random" or "movement".
        scope: see `masks_of`.
        seed: of "random".
        weights: names of the parameters to prune; None for all of `prunable`.

    Raises:
        TypeError: an argument is not a number.
        ValueError: one is out of range.

    Example:
        >>> model = nn.Linear(10, 10)
        >>> pruning = IterativePruning(model, 0.1, steps=5, every=1)
        >>> [round(pruning.step().density, 2) for _ in range(6)]
        [0.56, 0.29, 0.16, 0.11, 0.1, 0.1]
    """

    def __init__(
        self,
        model: nn.Module,
        keep: float,
        *,
        steps: int,
        every: int = 10,
        by: str = "magnitude",
        scope: str = "global",
        seed: int = 0,
        weights: Sequence[str] | None = None,
    ) -> None:
        self.model, self.keep = model, float(in_range("keep", keep, 0, 1))
        self.steps, self.every = whole("steps", steps, 1, 10**12), whole("every", every, 1, 10**12)
        self.by, self.scope = one_of("by", by, STEPWISE), one_of("scope", scope, SCOPES)
        first = "magnitude" if by == "movement" else by
        self.scores = saliency(model, first, seed=seed, weights=weights)
        self.taken = 0
        if by == "movement":
            self.scores = {name: torch.zeros_like(s) for name, s in self.scores.items()}
        self.masks = Masks((name, torch.ones_like(s).bool()) for name, s in self.scores.items())

    @torch.no_grad()
    def step(self) -> Masks:
        """Follow one step of the optimizer; returns the masks that hold."""
        known = dict(self.model.named_parameters())
        for name in self.scores if self.by == "movement" else ():
            if (slope := known[name].grad) is not None:
                self.scores[name] -= slope * known[name]
        self.taken += 1
        if (self.taken % self.every == 0 and self.taken <= self.steps) or self.taken == self.steps:
            self.masks = self._chosen(known)
        return self.masks.apply(self.model)

    def _chosen(self, known: Mapping[str, Tensor]) -> Masks:
        now = self.scores if self.by != "magnitude" else {n: known[n].abs() for n in self.masks}
        share = 1 - cubic_sparsity(self.taken, self.steps, 1 - self.keep)
        return masks_of(_inside(now, self.masks), share, scope=self.scope)


def _shares(keep: float | str, rounds: int) -> list[float | str]:
    """What stays after each round."""
    if rounds == 1:
        return [keep]
    if isinstance(keep, str):
        raise ValueError(f"rounds must be 1 with a pattern, got {rounds}")
    share = float(in_range("keep", keep, 0, 1))
    return [share ** (k / rounds) for k in range(1, rounds + 1)]


def _inside(scores: Mapping[str, Tensor], masks: Masks) -> dict[str, Tensor]:
    """Scores that put what has gone below all else."""
    if not masks:
        return dict(scores)
    low = min(float(score.min()) for score in scores.values()) - 1
    return {name: score.where(masks[name], low) for name, score in scores.items()}


def _array(name: str, scores: Tensor) -> np.ndarray:
    exact = scores.dtype == torch.float64
    found = scores.detach().to(torch.float64 if exact else torch.float32).cpu().numpy()
    if not np.isfinite(found).all():
        raise ValueError(f"scores of {name!r} must be finite, got NaN or infinity")
    return found


def _by_output(scores: np.ndarray) -> np.ndarray:
    return scores.reshape(len(scores), -1) if scores.ndim else scores.reshape(1, 1)


def _largest(scores: np.ndarray, share: float) -> np.ndarray:
    return largest(scores, round(share * scores.size))


def _globally(arrays: Mapping[str, np.ndarray], share: float) -> dict[str, np.ndarray]:
    every = np.concatenate([a.ravel() for a in arrays.values()]) if arrays else np.zeros(0)
    ends = np.cumsum([a.size for a in arrays.values()])[:-1]
    return dict(zip(arrays, np.split(_largest(every, share), ends), strict=True)) if arrays else {}


def _by_row(scores: np.ndarray, share: float) -> np.ndarray:
    order = np.argsort(-scores, axis=1, kind="stable")
    mask = np.zeros(scores.shape, np.bool_)
    np.put_along_axis(mask, order[:, : round(share * scores.shape[1])], True, axis=1)
    return mask


def _by_filter(scores: np.ndarray, share: float) -> np.ndarray:
    kept = _largest(np.linalg.norm(np.maximum(scores, 0), axis=1), share)
    return np.repeat(kept[:, None], scores.shape[1], axis=1)
