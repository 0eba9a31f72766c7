"""Walk: what the blocks of a module are fed, one block after the other."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from thrifty.nn._submodules import put
from thrifty.nn.blocks import blocks_of
from thrifty.nn.linears import linear_layers

__all__ = ["Walk", "moments_of"]

STATES, CACHES = "hidden_states", {"past_key_values", "past_key_value"}
CLOSE = 1e-3
WIDEST = 16_384


class Call(NamedTuple):
    """What a block was called with, beside the states.

    Args:
        args: behind the states. keywords: others. named: whether the states are a keyword.
    """

    args: tuple[Any, ...]
    keywords: dict[str, Any]
    named: bool


class Walk:
    """Run the blocks of a module one after the other, each once, on some batches.

    The states between two blocks are kept, so a walk through all blocks costs one run of the
    module, whatever happens to the weights of a block before the walk goes on behind it; and of a
    module whose parts are in memory only while they run, one block is in memory at a time.

    Args:
        module: any; its blocks are those of `blocks_of`.
        batches: that it is called with.
        call: the module with a batch.

    Attributes:
        at: number of the block that the states are for; -1 begins anew.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1))
        >>> walk = Walk(model, [torch.eye(2)], lambda batch: model(batch))
        >>> found = walk.moments(0)
        >>> found["0.weight"].tolist(), walk.works()
        ([[0.5, 0.0], [0.0, 0.5]], True)
    """

    def __init__(
        self, module: nn.Module, batches: Sequence[Any], call: Callable[[Any], Any]
    ) -> None:
        self.module, self.batches, self._call = module, batches, call
        self.blocks = blocks_of(module)
        self._calls: list[list[Call]] = []
        self._states: list[Tensor] = []
        self.at = -1

    @torch.no_grad()
    def works(self) -> bool:
        """Whether the blocks one after the other put out what they do inside of the module."""
        if not self.blocks:
            return False
        whole = list[Tensor]()
        last = self.module.get_submodule(self.blocks[-1])
        hook = last.register_forward_hook(lambda *given: whole.append(_first(given[2])))
        one = Walk(self.module, self.batches[:1], self._call)
        try:
            self._call(self.batches[0])
            one.go(len(self.blocks))
        except (IndexError, KeyError, TypeError, AttributeError, RuntimeError, ValueError):
            return False
        finally:
            hook.remove()
        return bool(whole and one._states and _close(one._states[0], whole[0]))

    @torch.no_grad()
    def go(self, number: int) -> None:
        """Go to a block: the states are then what it is fed. A block behind begins anew.

        Args:
            number: of the block, 0..blocks.
        """
        if not 0 <= self.at <= number:
            self._begin()
        while self.at < number:
            self._run()
            self.at += 1

    def moments(self, number: int) -> dict[str, Tensor]:
        """Means of x x^T over the inputs x of the linear layers of a block, by their weights.

        Args:
            number: of the block.
        """
        self.go(number)
        name = self.blocks[number]
        return moments_of(self.module.get_submodule(name), self._once, name)

    def _once(self) -> None:
        """The present block on all states, which stay what they are."""
        block = self.module.get_submodule(self.blocks[self.at])
        for state, calls in zip(self._states, self._calls, strict=True):
            _called(block, state, calls[self.at])

    def _run(self) -> None:
        block = self.module.get_submodule(self.blocks[self.at])
        for place, calls in enumerate(self._calls):
            self._states[place] = _first(_called(block, self._states[place], calls[self.at]))

    def _begin(self) -> None:
        """What every block is called with, and what the first is fed: the others do not run."""
        own = [self.module.get_submodule(name) for name in self.blocks]
        self._calls, self._states, self.at = [], [], 0
        shape: list[Any] = []
        try:
            for batch in self.batches:
                calls: list[Call] = []
                for place, (name, block) in enumerate(zip(self.blocks, own, strict=True)):
                    last = place == len(own) - 1
                    noting = _Pass(block, place, last, calls, self._states, shape)
                    put(self.module, name, noting)
                try:
                    self._call(batch)
                except _Stop:
                    self._calls.append(calls)
        finally:
            for name, block in zip(self.blocks, own, strict=True):
                put(self.module, name, block)


class _Stop(Exception):
    """All is known."""


class _Pass(nn.Module):
    """In the place of a block: notes what it is called with and gives the states back."""

    def __init__(
        self, block: nn.Module, place: int, last: bool, calls: list[Call], states: list[Tensor],
        shape: list[Any],
    ) -> None:  # fmt: skip
        super().__init__()
        self._whole = (block,)
        self.place, self.last = place, last
        self.calls, self.states, self.answers = calls, states, shape

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["_whole"][0], name)

    def forward(self, *args: Any, **keywords: Any) -> Any:
        """The states, in the form that the block has."""
        named = not args
        state = keywords.pop(STATES) if named else args[0]
        keywords |= dict.fromkeys(keywords.keys() & CACHES)  # a block runs more than once
        call = Call(args[1:], keywords, named)
        if len(self.calls) != self.place:
            raise RuntimeError("a block must run once, in its turn")
        self.calls.append(call)
        if not self.place:
            self.states.append(state)
        if self.last:
            raise _Stop
        if not self.answers:
            self.answers.append(_called(self._whole[0], state, call))
        answer = self.answers[0]
        return (state, *answer[1:]) if isinstance(answer, tuple) else state


def _called(block: nn.Module, state: Tensor, call: Call) -> Any:
    if call.named:
        return block(*call.args, **{**call.keywords, STATES: state})
    return block(state, *call.args, **call.keywords)


def _close(one: Tensor, two: Tensor) -> bool:
    if one.shape != two.shape:
        return False
    return bool((one - two).double().norm() <= CLOSE * two.double().norm())


def _first(answer: Any) -> Tensor:
    return answer[0] if isinstance(answer, (tuple, list)) else answer


def moments_of(part: nn.Module, run: Callable[[], Any], name: str = "") -> dict[str, Tensor]:
    """Means of x x^T over the inputs x of the linear layers of a part, while something runs.

    Args:
        part: with linear layers; those of more than 16,384 inputs are left out.
        run: what is to be run.
        name: of the part, put before the names of the weights.
    """
    layers = linear_layers(part, 1, WIDEST, name)
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    hooks = [layer.register_forward_hook(_adder(n, sums, counts)) for n, layer in layers.items()]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return {name: total.div_(max(1, counts[name])) for name, total in sums.items()}


def _adder(name: str, sums: dict[str, Tensor], counts: dict[str, int]) -> Callable[..., None]:
    def hook(layer: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        rows = inputs[0].detach().reshape(-1, inputs[0].shape[-1]).float()
        if name not in sums:
            sums[name] = torch.zeros(rows.shape[1], rows.shape[1])
        sums[name].addmm_(rows.T, rows)
        counts[name] = counts.get(name, 0) + len(rows)

    return hook
