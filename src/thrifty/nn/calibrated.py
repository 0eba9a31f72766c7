"""Calibrated: a module beside data: what its layers are fed, and what a change of them costs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from thrifty.core import DataError
from thrifty.nn.answers import Answer, answer, asked, few
from thrifty.nn.blocks import block_at
from thrifty.nn.linears import inputs_axis
from thrifty.nn.outcome import Outcome, distance
from thrifty.nn.slopes import slopes_of
from thrifty.nn.staged import Staged, matching
from thrifty.nn.tensors import copy_rows, tensor_of
from thrifty.nn.walk import Walk, moments_of

__all__ = ["Calibrated"]

PROBED, WIDEST = 4, 16_384


class Calibrated:
    """A module with the batches it is calibrated and judged on.

    Layers are calibrated one after the other: when a tensor is settled, those behind it are fed
    what the module puts out with it. Blocks that run in turn (`Walk`) are walked through once;
    in other modules each layer is asked by a run that ends there.

    Args:
        module: any; what is settled changes its weights, and probes put them back.
        batches: dicts of keywords (with "labels" for each position, if there are some), tuples
            of inputs and targets, or inputs. Every second one is learned from, the others measure;
            a single one does both.
        names: of tensors, which may be those of a checkpoint: where the module's own differ by a
            prefix, they are found.
        loss: of outputs and targets; None for cross entropy of classes, else squared differences.
        staged: what gives the module its weights, if they are not its own.

    Raises:
        DataError: there is no batch.

    Example:
        >>> layer = nn.Linear(2, 3)
        >>> data = Calibrated(layer, [torch.eye(2)], ["weight", "bias"])
        >>> data.gram("weight").tolist(), data.gram("bias") is None
        ([[0.5, 0.0], [0.0, 0.5]], True)
        >>> data.damage("weight", layer.weight.detach().numpy())
        0.0
    """

    def __init__(
        self,
        module: nn.Module,
        batches: Iterable[Any],
        names: Iterable[str],
        loss: Callable[[Any, Any], Any] | None = None,
        *,
        staged: Staged | None = None,
    ) -> None:
        found = list(batches)
        if not found:
            raise DataError("calibrate must have batches, got none")
        self.module, self.loss, self.staged = module, loss, staged
        self.learned, self.judged = found[0::2], found[1::2] or found
        own = dict(module.named_parameters())
        self.names = {name: key for name in names if (key := matching(name, own)) is not None}
        self._places = {key: place for place, key in enumerate(own)}
        self._walk = Walk(module, self.learned, self._answer)
        self._works: bool | None = None
        self._moments: tuple[Any, Mapping[str, Tensor]] = (None, {})
        self._slopes: dict[str, Tensor] | None = None
        self._before: Answer | None = None
        self._changed = False

    @property
    def whole(self) -> bool:
        """Whether all weights are in memory."""
        return self.staged is None or self.staged.whole

    def order(self, names: Iterable[str]) -> list[str]:
        """The names of tensors in the order of the module's own; others come first."""
        return sorted(names, key=lambda name: self._places.get(self.names.get(name, ""), -1))

    def axis(self, name: str) -> int | None:
        """The axis of a weight that its layer's inputs lie along; None for other tensors."""
        owner, _, own = self.names.get(name, "").rpartition(".")
        return inputs_axis(self.module.get_submodule(owner)) if own == "weight" else None

    def gram(self, name: str) -> np.ndarray | None:
        """Mean of x x^T over the inputs x of the linear layer whose weight this is, float32."""
        key = self.names.get(name, "")
        owner = key.rpartition(".")[0]
        axis = self.axis(name)
        if axis is None or self.module.get_parameter(key).shape[axis] > WIDEST:
            return None
        found = self._found(key, owner).get(key)
        return None if found is None else found.numpy()

    def slopes(self, name: str) -> np.ndarray | None:
        """Mean of g g^T over the gradients g at the outputs of that layer, float32.

        None where it has no such layer, or where all weights do not fit in memory together.
        """
        if not self.whole:
            return None
        if self._slopes is None:
            self._slopes = slopes_of(self.module, self.learned)
        found = self._slopes.get(self.names.get(name, ""))
        return None if found is None else found.numpy()

    def settle(self, name: str, start: int, rows: np.ndarray) -> None:
        """Rows of a tensor as they are from now on.

        Args:
            name: a tensor; one that the module does not have is passed over.
            start: number of the first row.
            rows: of its dtype.
        """
        key = self.names.get(name)
        if key is None:
            return
        self._changed = True
        block = block_at(key, self._walk.blocks)
        if block is None or block < self._walk.at:
            self._walk.at = -1
        if block is None or block != self._moments[0]:
            self._moments = (None, {})
        tensor = tensor_of(np.ascontiguousarray(rows))
        if self.staged is not None:
            self.staged.settle(name, start, tensor)
        else:
            copy_rows(self.module.get_parameter(key).detach(), start, tensor)

    def damage(self, name: str, array: np.ndarray) -> float:
        """What the module loses when this array stands for that weight: how its answers differ.

        Of scores the Kullback-Leibler divergence, of embeddings 1 - cosine, of other outputs the
        squared difference as a share of their squares.

        Args:
            name: a tensor of `names`.
            array: of its shape and dtype.
        """
        probe = self.learned[0]
        probe = few(probe, PROBED) if isinstance(probe, Mapping) else probe
        if self._before is None:
            self._before = self._answer(probe)
        with _replaced(self.module, self.names[name], array):
            return distance(self._before, self._answer(probe))

    def outcome(self) -> Outcome:
        """How good the module is on the batches that were held out."""
        made = Outcome()
        for batch in self.judged:
            made.judge(self.module, batch, self.loss)
        return made

    @torch.no_grad()
    def _answer(self, batch: Any) -> Answer:
        with asked(self.module):
            return answer(self.module, batch)

    def _found(self, key: str, owner: str) -> Mapping[str, Tensor]:
        """Moments of the inputs of a layer, and of those found in the same run."""
        if self._works is None:
            self._works = self._walk.works()
        block = block_at(key, self._walk.blocks) if self._works else None
        mark: Any = block if block is not None else key if self._changed else ""
        if mark == self._moments[0]:
            return self._moments[1]
        self._moments = (None, {})
        if block is not None:
            self._walk.go(block)
            if self.staged is not None:
                self.staged.forget()
            found = self._walk.moments(block)
        elif self._changed:
            found = moments_of(self.module.get_submodule(owner), self._run_to(owner), owner)
        else:
            found = moments_of(self.module, self._run)
        self._moments = (mark, found)
        return found

    def _run(self) -> None:
        for batch in self.learned:
            self._answer(batch)

    def _run_to(self, owner: str) -> Callable[[], None]:
        """Runs that end behind a layer."""

        def run() -> None:
            hook = self.module.get_submodule(owner).register_forward_hook(_stop)
            try:
                for batch in self.learned:
                    with suppress(_Reached):
                        self._answer(batch)
            finally:
                hook.remove()

        return run


class _Reached(Exception):
    """The layer has run."""


def _stop(*_: Any) -> None:
    raise _Reached


@contextmanager
def _replaced(module: nn.Module, key: str, array: np.ndarray) -> Iterator[None]:
    """Other numbers in a parameter, for a while."""
    parameter = module.get_parameter(key)
    before = parameter.detach().clone()
    with torch.no_grad():
        copy_rows(parameter, 0, tensor_of(np.ascontiguousarray(array)))
        try:
            yield
        finally:
            parameter.copy_(before)
