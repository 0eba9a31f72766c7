"""Reading: runs of one shared array copied into rows and matrices, and gradients back into it.

Each read is a node of torch's graph that works slots out again on its way back, so that nothing is
kept for it; all reads between two backward passes add up one gradient of the array.
"""

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from thrifty.nn._places import add_rows, add_tiles, read_rows, read_tiles
from thrifty.nn.maps import ParameterMap

__all__ = [
    "Door",
    "Matrix",
    "Region",
    "Rows",
    "Scaled",
    "add_matrix",
    "read_matrix",
    "tile_order",
]


@dataclass(frozen=True)
class Region:
    """The positions of one matrix of weights.

    Args:
        number: of its scale.
        first: its first position.
        row: number of its first row among all rows.
        rows, columns: of the matrix.
        tile: rows and columns of the tiles its positions go by, or None: row by row.
    """

    number: int
    first: int
    row: int
    rows: int
    columns: int
    tile: tuple[int, int] | None


class Door:
    """One gradient of an array for all that reads it between two backward passes.

    Args:
        values: the array.
        scaling: called without arguments in a backward pass; what to multiply the gradient by.
    """

    def __init__(self, values: torch.Tensor, scaling: Any) -> None:
        self.values, self.facts, self.scaling = values, _facts(values), scaling
        self.gradient: torch.Tensor | None = None
        self.task = -1
        self.handle: torch.Tensor = _Enter.apply(values, weakref.ref(self))

    def fits(self, values: torch.Tensor) -> bool:
        """Whether it stands for these values as they are now."""
        return values is self.values and _facts(values) == self.facts

    def buffer(self) -> np.ndarray:
        """Where gradients are added up in this backward pass."""
        task = torch._C._current_graph_task_id()
        if self.gradient is None or task != self.task:
            self.gradient, self.task = torch.zeros_like(self.values.detach()), task
        return self.gradient.numpy()

    def leave(self) -> torch.Tensor | None:
        """What was added up, scaled; the next pass begins anew."""
        gradient, self.gradient = self.gradient, None
        scaling = self.scaling()
        return gradient if gradient is None or scaling is None else gradient.mul_(scaling)


def _facts(values: torch.Tensor) -> tuple[Any, ...]:
    return values.dtype, values.device, values.requires_grad


class _Enter(torch.autograd.Function):
    """The array to a scalar that stands for it; backward hands out what was added up."""

    @staticmethod
    def forward(ctx, values, door):
        ctx.door = door
        return values.new_zeros(())

    @staticmethod
    def backward(ctx, *_):
        return ctx.door().leave(), None


class Rows(torch.autograd.Function):
    """Rows of a region by their numbers."""

    @staticmethod
    def forward(ctx, handle, door, values, map, region, scale, ids):
        ctx.kept = (door, map, region, scale, ids)
        out = values.new_empty((ids.numel(), region.columns))
        rest = (map.shape, map.codes, region.row, map.keys, scale)
        read_rows(values.numpy(), region.first, ids.numpy(), out.numpy(), *rest)
        return out

    @staticmethod
    def backward(ctx, *given):
        door, map, region, scale, ids = ctx.kept
        rest = (map.shape, map.codes, region.row, map.keys, scale)
        add_rows(door.buffer(), region.first, ids.numpy(), given[0].contiguous().numpy(), *rest)
        return door.handle.new_zeros(()), None, None, None, None, None, None


class Matrix(torch.autograd.Function):
    """All rows of a region."""

    @staticmethod
    def forward(ctx, handle, door, values, map, region, scale):
        ctx.kept = (door, map, region, scale)
        out = values.new_empty((region.rows, region.columns))
        read_matrix(values.numpy(), region, out.numpy(), map, scale)
        return out

    @staticmethod
    def backward(ctx, *given):
        door, map, region, scale = ctx.kept
        add_matrix(door.buffer(), region, given[0].contiguous().numpy(), map, map.shape, scale)
        return door.handle.new_zeros(()), None, None, None, None, None


class Scaled(torch.autograd.Function):
    """The array itself; its gradient is multiplied by `scaling`, slot by slot."""

    @staticmethod
    def forward(ctx, values, scaling):
        ctx.scaling = scaling
        return values.view_as(values)

    @staticmethod
    def backward(ctx, *given):
        return given[0] if ctx.scaling is None else given[0] * ctx.scaling, None


def read_matrix(
    values: np.ndarray, region: Region, out: np.ndarray, map: ParameterMap, scale: float
) -> None:
    """Copy the weights of a region to a matrix."""
    if region.tile is not None:
        tiles = (*region.tile, map.shape, map.codes, map.keys, scale)
        read_tiles(values, region.first, out, *tiles)
        return
    ids, rows = _as_rows(region, out, map)
    rest = (map.shape, map.codes, region.row, map.keys, scale)
    read_rows(values, region.first, ids, rows, *rest)


def add_matrix(
    target: np.ndarray,
    region: Region,
    given: np.ndarray,
    map: ParameterMap,
    shape: np.ndarray,
    scale: float,
) -> None:
    """Add a matrix to the slots its region is read from; shape is the map's, or without signs."""
    if region.tile is not None:
        add_tiles(target, region.first, given, *region.tile, shape, map.codes, map.keys, scale)
        return
    ids, rows = _as_rows(region, given, map)
    add_rows(target, region.first, ids, rows, shape, map.codes, region.row, map.keys, scale)


def _as_rows(
    region: Region, matrix: np.ndarray, map: ParameterMap
) -> tuple[np.ndarray, np.ndarray]:
    """The matrix as rows and their numbers: one long row where the map does not look at rows."""
    if map.codes.size:
        return np.arange(region.rows), matrix
    return np.zeros(1, np.int64), matrix.reshape(1, -1)


def tile_order(region: Region, device: torch.device) -> torch.Tensor:
    """Positions of a tiled region from its first on, (rows, columns) int64."""
    high, wide = region.tile or (1, region.columns)
    r = torch.arange(region.rows, device=device)[:, None]
    c = torch.arange(region.columns, device=device)[None, :]
    strip, column = r // high * high, c // wide * wide
    tall = torch.clamp(region.rows - strip, max=high)
    width = torch.clamp(region.columns - column, max=wide)
    return strip * region.columns + column * tall + (r - strip) * width + (c - column)
