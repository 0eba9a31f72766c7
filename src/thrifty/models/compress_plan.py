"""Compress plan: which tensor gets which setting, so that all fit the budget at the least loss."""

import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from thrifty.core import BudgetError, format_bytes

__all__ = ["Option", "choose", "hull"]


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
    multiplier makes); what is left of the budget goes to the best steps that still fit. The loss
    is above the least one by at most that of one such step.

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
    return _filled(options, taken, left)


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


def _filled(
    options: Mapping[str, Sequence[Option]], taken: dict[str, Option], left: int
) -> dict[str, Option]:
    """Spend what is left on single options, the largest gain first."""
    while True:
        gains = [
            (taken[name].loss - option.loss, name, option)
            for name, found in options.items()
            for option in found
            if option.loss < taken[name].loss and option.nbytes - taken[name].nbytes <= left
        ]
        if not gains:
            return taken
        _, name, option = max(gains, key=lambda gain: gain[0])
        left -= option.nbytes - taken[name].nbytes
        taken[name] = option
