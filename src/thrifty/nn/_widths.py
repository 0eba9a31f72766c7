"""Widths: how many units each layer keeps, where errors are weighed against what units cost."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from thrifty.core import budget_for, in_range
from thrifty.nn.couples import Couple
from thrifty.nn.saliency import inputs_of

__all__ = ["fitting"]

CHUNKS = 64  # steps in which a layer loses its units
Errors = Sequence[NDArray[np.float64]]


Costs = dict[str, tuple[float, float]]  # of the weight of each layer, and of what else it has


class _Costs:
    """What the layers of couples cost at given widths, and all that stays."""

    def __init__(self, model: nn.Module, pairs: Sequence[Couple], each: Costs) -> None:
        self.whole = [len(_weight(model, pair.producers[0])) for pair in pairs]
        self.rest = sum(sum(costs) for costs in each.values())
        makes: dict[str, list[int]] = {}
        reads: dict[str, list[int]] = {}
        for i, pair in enumerate(pairs):
            for name in (*pair.producers, *pair.followers):
                makes.setdefault(name, []).append(i)
            reads.setdefault(pair.consumer, []).append(i)
        self.terms: list[tuple[float, list[int]]] = []
        for name in {**makes, **reads}:
            made, read = makes.get(name, []), reads.get(name, [])
            self.terms += [(each[name][0], made + read), (each[name][1], made)]
        self.rest -= sum(cost for cost, _ in self.terms)

    def total(self, widths: Sequence[float]) -> float:
        """Of all layers at these widths."""
        shares = [width / full for width, full in zip(widths, self.whole, strict=True)]
        return self.rest + sum(
            cost * float(np.prod([shares[i] for i in owners])) for cost, owners in self.terms
        )


def fitting(
    model: nn.Module,
    pairs: Sequence[Couple],
    errors: Errors,
    batches: Iterable[Any],
    *,
    budget: int | str | None,
    macs: float | None,
) -> dict[str, int]:
    """Units of each couple, so that all cost what is asked at the least sum of squared errors.

    Units go, a few at a time, from the layer where the squared error rises least for what is
    saved.

    Raises:
        BudgetError: single units are above the budget.
    """
    if macs is not None:
        each = _macs(model, batches)
        costs = _Costs(model, pairs, each)
        limit = in_range("macs", macs, 0, 1) * costs.total(costs.whole)
        limit = max(limit, costs.total([1] * len(pairs)))
    else:
        costs = _Costs(model, pairs, _bytes(model))
        limit = budget_for("this model", budget or 0, int(np.ceil(costs.total([1] * len(pairs)))))
    widths = _descend(costs, errors, limit)
    return {pair.producers[0]: width for pair, width in zip(pairs, widths, strict=True)}


def _descend(costs: _Costs, errors: Errors, limit: float) -> list[int]:
    widths, steps = list(costs.whole), [max(n // CHUNKS, 1) for n in costs.whole]
    while (now := costs.total(widths)) > limit:
        best = None
        for i, width in enumerate(widths):
            fewer = max(width - steps[i], 1)
            if fewer < width:
                saved = now - costs.total([*widths[:i], fewer, *widths[i + 1 :]])
                rise = errors[i][fewer] ** 2 - errors[i][width] ** 2
                if best is None or rise / saved < best[0]:
                    best = (rise / saved, i, fewer)
        if best is None:
            break
        widths[best[1]] = best[2]
    return widths


def _weight(model: nn.Module, name: str) -> Any:
    return model.get_submodule(name).get_parameter("weight")


def _bytes(model: nn.Module) -> Costs:
    """Bytes of the parameters of each layer, a shared one once."""
    seen: set[int] = set()
    found: Costs = {}
    for name, layer in model.named_modules():
        own = {n: p for n, p in layer.named_parameters(recurse=False) if id(p) not in seen}
        seen |= {id(p) for p in own.values()}
        weight = own.pop("weight").nbytes if "weight" in own else 0
        found[name] = (weight, sum(p.nbytes for p in own.values()))
    return found


def _macs(model: nn.Module, batches: Iterable[Any]) -> Costs:
    """Multiplications and additions of each layer for one input."""
    found = dict.fromkeys((name for name, _ in model.named_modules()), (0.0, 0.0))

    def watch(name: str) -> Any:
        def hook(layer: Any, _: Any, out: Any) -> None:
            if isinstance(getattr(layer, "weight", None), torch.Tensor):
                each = layer.weight.numel() / len(layer.weight) * out.numel() / len(out)
                found[name] = (found[name][0] + each, 0.0)

        return hook

    hooks = [layer.register_forward_hook(watch(n)) for n, layer in model.named_modules()]
    try:
        with torch.no_grad():
            model(inputs_of(next(iter(batches))))
    finally:
        for hook in hooks:
            hook.remove()
    return found
