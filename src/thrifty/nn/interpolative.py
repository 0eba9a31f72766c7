"""Interpolative: fewer hidden units, each lost one a mix of those that stay, in plain torch."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from thrifty.core import DataError, IncompatibleError, in_range, method, whole
from thrifty.learn.interpolative import Interpolation, Triangle, interpolation
from thrifty.nn._units import cut, read, turned, units_of
from thrifty.nn._widths import fitting
from thrifty.nn.answers import ask
from thrifty.nn.couples import Couple, couples_of

__all__ = ["Interpolated", "Shrunk", "interpolate"]

Keep = float | Mapping[str, int]


class Shrunk(NamedTuple):
    """What became of the units of one couple.

    Args:
        layer: whose outputs they are. before, after: how many.
        error: relative error of the mixes over the batches, of all activations.
        columns: (after,) int64 of those that stay, rising.
    """

    layer: str
    before: int
    after: int
    error: float
    columns: NDArray[np.int64]


class Interpolated(NamedTuple):
    """A smaller model of the same modules, and what became of its units."""

    model: nn.Module
    layers: list[Shrunk]


@method(
    source="Chee, Flynn, Damle and De Sa 2022 (NeurIPS 35), arXiv:2108.00065",
    memory="8 * units**2 bytes a layer while it is chosen; the model keeps its modules, smaller",
    time="a pass over the batches a layer; 2 * units**2 an activation, 4/3 * units**3 a choice",
    error="`error` of each layer, measured: of its activations, relative; none of the answers",
    exact="the whole model",
    laws=("interpolative",),
    evidence=("interpolative",),
)
def interpolate(
    model: nn.Module,
    batches: Iterable[Any],
    *,
    keep: Keep | None = None,
    eps: float | None = None,
    budget: int | str | None = None,
    macs: float | None = None,
    couples: Sequence[Couple] | None = None,
    positions: int = 32,
    seed: int = 0,
    progress: Callable[[Mapping[str, Any]], None] | None = None,
) -> Interpolated:
    """Shrink hidden layers by interpolative decomposition of what they answer.

    Pivoted QR of a layer's activations chooses units; the others are written as mixes of them,
    and the mixes go into the weights of the next layer. Layers go in the order they run in, each
    after those before it. One of `keep`, `eps`, `budget` and `macs` says how many units stay.

    Args:
        model: that torch.fx can trace, if `couples` is None; it does not change.
        batches: inputs, tuples that begin with them, or dicts of keywords; gone through more than
            once. Positions that an "attention_mask" hides do not count.
        keep: the share of units of every layer, 0..1, or their number by the layer's name (the
            others stay whole).
        eps: units stay while their distance from the span of those before is above eps times
            the length of the first, 0..1.
        budget: bytes of all parameters, such as "40 kB": units go where the squared error of the
            mixes rises least for the bytes saved.
        macs: the share of all multiplications and additions of an input, 0..1: likewise.
        couples: layers to shrink; None for `couples_of(model)`.
        positions: of each image that a convolution reads, at most, drawn at random.
        seed: of the draw.
        progress: called with phase and fraction before each layer.

    Returns:
        The smaller model, and a row for each layer.

    Raises:
        BudgetError: all layers of one unit are above the budget.
        DataError: the model cannot be traced, nothing in it can be shrunk, batches are empty or
            can be gone through only once, or activations are not finite.
        IncompatibleError: `keep` names a layer that cannot be shrunk.
        TypeError: a number is none.
        ValueError: a number is out of range, or not one of the four ways is given.

    Example:
        >>> torch.manual_seed(0)                                    # doctest: +ELLIPSIS
        <torch...
        >>> model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 3))
        >>> x = torch.rand(500, 2)
        >>> small, (layer,) = interpolate(model, [x], eps=1e-4)
        >>> layer.after < 40, bool(torch.allclose(small(x), model(x), atol=1e-3))
        (True, True)
        >>> small[2]
        Linear(in_features=..., out_features=3, bias=True)
    """
    if sum(way is not None for way in (keep, eps, budget, macs)) != 1:
        raise ValueError("keep, eps, budget or macs must be given, exactly one of them")
    if iter(batches) is batches:
        raise DataError("batches must be gone through more than once, got an iterator")
    smaller = deepcopy(model).eval()
    pairs = couples_of(smaller) if couples is None else list(couples)
    if not pairs:
        raise DataError("model has no hidden layer that can be shrunk")
    rng = torch.Generator().manual_seed(seed)
    eyes = _Eyes(smaller, batches, whole("positions", positions, 1, 2**40), rng)
    sizes = _sizes(eyes, pairs, keep, budget, macs)
    limit = float(in_range("eps", eps, 0, 1)) if eps is not None else 0.0
    rows = []
    for done, pair in enumerate(pairs):
        if progress is not None:
            progress({"phase": "shrinking", "fraction": done / len(pairs)})
        rows.append(_shrink(eyes, pair, sizes.get(pair.producers[0]), limit, eps))
    return Interpolated(smaller.train(model.training), rows)


class _Eyes:
    """A model and the batches it is looked at with."""

    def __init__(
        self, model: nn.Module, batches: Iterable[Any], positions: int, rng: torch.Generator
    ) -> None:
        self.model, self.batches, self.positions, self.rng = model, batches, positions, rng
        self._shown: Tensor | None = None

    def triangles(self, pairs: Sequence[Couple]) -> list[Triangle]:
        """Of the inputs of each consumer, units as columns."""
        found = [Triangle(_units(self.model, pair)) for pair in pairs]
        hooks: dict[str, Callable[..., None]] = {
            pair.consumer: self._adder(found[i], pair.consumer) for i, pair in enumerate(pairs)
        }
        count, runs = 0, _Runs(self.model, [pair.consumer for pair in pairs])
        with _hooked(self.model, hooks), runs, torch.no_grad():
            for batch in self.batches:
                count, self._shown = count + 1, _shown(batch)
                with suppress(_Reached):
                    ask(self.model, batch)
                runs.end()
        if not count or any(len(t.rows) == 0 for t in found):
            raise DataError("batches must be at least one, got none")
        return found

    def _adder(self, triangle: Triangle, name: str) -> Callable[..., None]:
        def hook(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            rows = self._rows(layer, inputs[0].detach(), triangle.width).double().cpu().numpy()
            if not np.isfinite(rows).all():
                raise DataError(f"activations before {name!r} must be finite, got others")
            triangle.add(rows)

        return hook

    def _rows(self, layer: nn.Module, x: Tensor, units: int) -> Tensor:
        """(rows, units): positions of an image are rows, some of them."""
        if (isinstance(layer, nn.Linear) or turned(layer)) and x.shape[-1] == units:
            whole = self._shown is not None and self._shown.shape == x.shape[:-1]
            return x[self._shown] if whole else x.reshape(-1, units)
        places = x.reshape(len(x), units, -1).transpose(1, 2)
        if places.shape[1] > self.positions:
            drawn = torch.rand(places.shape[:2], generator=self.rng).argsort(dim=1)
            some = drawn[:, : self.positions, None].expand(-1, -1, units).to(places.device)
            places = places.gather(1, some)
        return places.reshape(-1, units)


class _Reached(Exception):
    """All that was looked for has run."""


class _Runs:
    """End runs at a layer, where it alone is looked at, and ran once in the first of them."""

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        self._layer, self._alone = model.get_submodule(names[0]), len(names) == 1
        self._seen, self._stops = 0, False

    def __enter__(self) -> None:
        self._hook = self._layer.register_forward_pre_hook(self._reach)

    def __exit__(self, *error: object) -> None:
        self._hook.remove()

    def _reach(self, *_: Any) -> None:
        self._seen += 1
        if self._stops:
            raise _Reached

    def end(self) -> None:
        """A run has ended."""
        self._stops, self._seen = self._alone and self._seen == 1, 0


def _shown(batch: Any) -> Tensor | None:
    """Which positions of a batch hold something, where it says so."""
    mask = batch.get("attention_mask") if isinstance(batch, Mapping) else None
    return None if mask is None else mask > 0


@contextmanager
def _hooked(model: nn.Module, hooks: Mapping[str, Callable[..., None]]) -> Iterator[None]:
    made = [model.get_submodule(n).register_forward_pre_hook(hook) for n, hook in hooks.items()]
    try:
        yield
    finally:
        for hook in made:
            hook.remove()


def _units(model: nn.Module, pair: Couple) -> int:
    return units_of(model.get_submodule(pair.producers[0]))


def _sizes(
    eyes: _Eyes,
    pairs: Sequence[Couple],
    keep: Keep | None,
    budget: int | str | None,
    macs: float | None,
) -> dict[str, int]:
    """Units that stay, by layer, where they are known before the layers are looked at."""
    units = {pair.producers[0]: _units(eyes.model, pair) for pair in pairs}
    if isinstance(keep, Mapping):
        if unknown := [name for name in keep if name not in units]:
            raise IncompatibleError(f"keep names {unknown[0]!r}, which cannot be shrunk")
        return units | {name: whole("keep", k, 1, units[name]) for name, k in keep.items()}
    if keep is not None:
        share = in_range("keep", keep, 0, 1)
        return {name: max(round(share * n), 1) for name, n in units.items()}
    if budget is None and macs is None:
        return {}
    errors = [interpolation(triangle).errors for triangle in eyes.triangles(pairs)]
    return fitting(eyes.model, pairs, errors, eyes.batches, budget=budget, macs=macs)


def _shrink(eyes: _Eyes, pair: Couple, k: int | None, limit: float, eps: float | None) -> Shrunk:
    units = _units(eyes.model, pair)
    if k == units and eps is None:
        return Shrunk(pair.producers[0], units, units, 0.0, np.arange(units))
    (triangle,) = eyes.triangles([pair])
    found = interpolation(triangle, k, eps=limit)
    _cut(eyes.model, pair, found)
    after, columns = len(found.columns), found.columns
    return Shrunk(pair.producers[0], units, after, float(found.errors[after]), columns)


def _cut(model: nn.Module, pair: Couple, found: Interpolation) -> None:
    """Keep the chosen units, and mix the others into what reads them."""
    columns = torch.from_numpy(found.columns)
    for name in (*pair.producers, *pair.followers):
        cut(model.get_submodule(name), columns)
    reader: Any = model.get_submodule(pair.consumer)
    read(reader, found.mix.shape[1], columns, torch.from_numpy(found.mix))
