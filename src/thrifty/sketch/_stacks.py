"""Stacks: many summaries of one kind and spec, as few arrays."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from thrifty.core import FormatError, Summary, taken

__all__ = ["kind_named", "stacked", "unstacked"]

SHAPES = ".shapes"


def stacked(members: Sequence[Summary]) -> dict[str, np.ndarray]:
    """Arrays of summaries end to end: of each name all items in one row, and all shapes.

    Args:
        members: at least one, all of one kind and spec.
    """
    held = [member.arrays() for member in members]
    arrays = {}
    for name in held[0]:
        parts = [np.asarray(each[name]) for each in held]
        arrays[name] = np.concatenate([part.reshape(-1) for part in parts])
        shapes = np.array([part.shape for part in parts], np.int64)
        arrays[name + SHAPES] = shapes.reshape(len(parts), -1)
    return arrays


def unstacked(
    kind: type[Summary], spec: dict, arrays: dict[str, np.ndarray], count: int
) -> list[Summary]:
    """Inverse of `stacked`, everything checked.

    Raises:
        FormatError: the arrays are not those of so many summaries.
    """
    names = [name for name in arrays if not name.endswith(SHAPES)]
    split = {}
    for name in names:
        shapes = taken(arrays, name + SHAPES, np.int64, (count, None))
        items = arrays[name]
        if items.ndim != 1 or (shapes < 0).any() or shapes.shape[1] > 4:
            raise FormatError(f"shapes of {name!r} are none")
        sizes = shapes.astype(np.float64).prod(axis=1)
        if sizes.sum() != items.size or (shapes > items.size).any():
            raise FormatError(f"shapes of {name!r} do not fill {items.size} items")
        ends = np.cumsum(sizes.astype(np.int64))[:-1]
        parts = np.split(items, ends)
        split[name] = [
            part.reshape(shape).copy() for part, shape in zip(parts, shapes.tolist(), strict=True)
        ]
    return [kind.restore(spec, {name: split[name][i] for name in names}) for i in range(count)]


def kind_named(kind: str) -> type[Summary]:
    """The class of a kind: one of the sketches, else any summary that is defined by now.

    Raises:
        FormatError: there is none.
    """
    known = _sketches()
    if kind in known:
        return known[kind]
    others = {getattr(each, "KIND", ""): each for each in _below(Summary)}
    if kind not in others or not kind:
        raise FormatError(f"kind is not known: {kind!r}")
    return others[kind]


@cache
def _sketches() -> dict[str, type[Summary]]:
    from thrifty import sketch

    things = [getattr(sketch, name) for name in sketch.__all__]
    return {
        thing.KIND: thing
        for thing in things
        if isinstance(thing, type) and issubclass(thing, Summary)
    }


def _below(kind: type[Summary]) -> list[type[Summary]]:
    return [each for child in kind.__subclasses__() for each in (child, *_below(child))]
