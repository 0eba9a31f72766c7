"""Compress plan: which tensor gets which setting, so that all fit the budget at the least loss."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from thrifty.core import BudgetError, format_bytes

__all__ = ["Option", "choose", "hull"]

ROUNDS = 1000


class Option(NamedTuple):
    """One way to compress one tensor.

    Args:
        setting: its name.
        nbytes: that it takes.
        loss: what it costs, 0 or more; the losses of tensors add up.
    """

    setting: str
    nbytes: int
    loss: float


def choose(options: Mapping[str, Sequence[Option]], budget: int) -> dict[str, Option]:
    """An option for each tensor: together within the budget, with little loss.

    Every tensor starts at its smallest option; then the step that saves the most loss a byte is
    taken, again and again, along the lower convex hull of each tensor (the choice that Lagrange's
    multiplier makes). What is left of the budget then goes to the options that save most and fit,
    also where another tensor takes a smaller one to make room. The loss is above the least one by
    at most that of one step.

    Args:
        options: by tensor, at least one each.
        budget: bytes for all.

    Raises:
        BudgetError: the smallest options together are larger.

    Example:
        >>> ways = [Option("int8", 8, 0.1), Option("int4", 4, 1.0)]
        >>> found = choose({"a": ways, "b": [Option("int8", 8, 0.0), Option("int4", 4, 9.0)]}, 12)
        >>> [found[name].setting for name in "ab"]
        ['int4', 'int8']
    """
    steps = {name: hull(found) for name, found in options.items()}
    taken = {name: found[0] for name, found in steps.items()}
    left = budget - sum(option.nbytes for option in taken.values())
    if left < 0:
        smallest = budget - left
        least = format_bytes(smallest, up=True)
        raise BudgetError(f"budget must be at least {least} for this model, got {budget}", smallest)
    waiting = [(_slope(found, 0), name, 0) for name, found in steps.items() if len(found) > 1]
    heapq.heapify(waiting)
    while waiting:
        _, name, at = heapq.heappop(waiting)
        found = steps[name]
        more = found[at + 1].nbytes - found[at].nbytes
        if more > left:
            continue
        left, taken[name] = left - more, found[at + 1]
        if at + 2 < len(found):
            heapq.heappush(waiting, (_slope(found, at + 1), name, at + 1))
    return _exchanged(options, taken, left)


def hull(options: Sequence[Option]) -> list[Option]:
    """The options on the lower convex hull of loss over bytes, from the smallest one.

    Example:
        >>> [o.setting for o in hull([Option("a", 1, 9), Option("b", 2, 8), Option("c", 3, 0)])]
        ['a', 'c']
    """
    found: list[Option] = []
    for option in sorted(options, key=lambda one: (one.nbytes, one.loss)):
        if found and option.loss >= found[-1].loss:
            continue
        while len(found) > 1 and _steeper(found[-2], found[-1], option):
            found.pop()
        found.append(option)
    return found


def _steeper(first: Option, middle: Option, last: Option) -> bool:
    """Whether the line from first to last lies below the middle."""
    one = (first.loss - middle.loss) * (last.nbytes - first.nbytes)
    return one <= (first.loss - last.loss) * (middle.nbytes - first.nbytes)


def _slope(found: Sequence[Option], at: int) -> float:
    """Change of loss a byte of the next step, the most negative first."""
    gain = found[at + 1].loss - found[at].loss
    return gain / (found[at + 1].nbytes - found[at].nbytes)


class _Table:
    """All options of all tensors as arrays, and which are taken.

    Args:
        options: by tensor.
        taken: of each tensor.
    """

    def __init__(
        self, options: Mapping[str, Sequence[Option]], taken: Mapping[str, Option]
    ) -> None:
        self.names, self.flat = list(options), [one for found in options.values() for one in found]
        counts = [len(found) for found in options.values()]
        self.of = np.repeat(np.arange(len(counts)), counts)
        self.nbytes = np.array([one.nbytes for one in self.flat], np.int64)
        self.loss = np.array([one.loss for one in self.flat], np.float64)
        firsts = np.cumsum([0, *counts])
        found = zip(firsts, self.names, strict=False)
        self.taken = np.array([int(at) + options[name].index(taken[name]) for at, name in found])

    def exchange(self, left: int) -> int:
        """Make the change of one tensor, or of two, that saves most; returns what is left then.

        Args:
            left: bytes.

        Returns:
            Bytes; -1 where no change saves anything.
        """
        more = self.nbytes - self.nbytes[self.taken][self.of]
        lost = self.loss - self.loss[self.taken][self.of]
        gains = np.flatnonzero(lost < 0)
        gains = gains[np.argsort(more[gains], kind="stable")]
        frees = np.flatnonzero((more < 0) & (lost >= 0))
        best, pair = -1e-12 * self.loss[self.taken].sum(), (-1, -1)
        for one, other in self._pairs(gains, more, lost, frees, left):
            change = lost[one] + (lost[other] if other >= 0 else 0.0)
            if change < best:
                best, pair = change, (one, other)
        for place in pair:
            if place >= 0:
                left -= int(more[place])
                self.taken[self.of[place]] = place
        return left if pair[0] >= 0 else -1

    def _pairs(
        self, gains: np.ndarray, more: np.ndarray, lost: np.ndarray, frees: np.ndarray, left: int
    ) -> Iterator[tuple[int, int]]:
        """For nothing freed, and for all that can be, the best gain of another tensor that fits."""
        first, second = self._leaders(gains, lost)
        for other in (-1, *frees.tolist()):
            room = left - (int(more[other]) if other >= 0 else 0)
            at = int(np.searchsorted(more[gains], room, side="right")) - 1
            if at < 0:
                continue
            one = int(first[at])
            if other >= 0 and self.of[one] == self.of[other]:
                one = int(second[at])
            if one >= 0:
                yield one, other

    def _leaders(self, gains: np.ndarray, lost: np.ndarray) -> tuple[list[int], list[int]]:
        """The best gain up to each place, and the best of another tensor than that; -1 for none."""
        first, second, one, two = [], [], -1, -1
        for place in gains.tolist():
            if one < 0 or lost[place] < lost[one]:
                two = one if one >= 0 and self.of[one] != self.of[place] else two
                one = place
            elif self.of[place] != self.of[one] and (two < 0 or lost[place] < lost[two]):
                two = place
            first.append(one)
            second.append(two)
        return first, second


def _exchanged(
    options: Mapping[str, Sequence[Option]], taken: Mapping[str, Option], left: int
) -> dict[str, Option]:
    """Spend what is left, and give up one option for a better one of another tensor."""
    table = _Table(options, taken)
    for _ in range(ROUNDS):
        left = table.exchange(left)
        if left < 0:
            break
    return {name: table.flat[at] for name, at in zip(table.names, table.taken, strict=True)}
