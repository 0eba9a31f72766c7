"""Shared: one small array that many modules read their weights from."""

import math
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from thrifty.core import IncompatibleError, method
from thrifty.nn._reading import Door, Matrix, Region, Rows, Scaled, add_matrix, tile_order
from thrifty.nn.maps import ParameterMap

__all__ = ["SharedParameter", "scale_updates"]

FAST = (torch.float32, torch.float64)
TINY = 1e-12


@method(
    source="Desai et al. 2022, Random offset block embedding array, arXiv:2108.02191 (ROBE); Desai "
    "et al. 2023, arXiv:2207.10702 (ROAST); Desai and Shrivastava 2024, In defense of parameter "
    "sharing (STABLE-RPS); Chen et al. 2015, arXiv:1504.04788 (HashedNet)",
    memory="itemsize * map.size bytes, 8 a region and 8; with `scaler` 4 * map.size more in "
    "training",
    time="O(weights) a read, copied in runs of map.block; no multiplication of matrices is saved",
    error="no bound on the model's error; a signed map keeps inner products of rows right on "
    "average over its seeds",
    exact="a parameter for every weight",
    laws=("module", "module gradients"),
    evidence=(
        "shared",
        "clicks",
        "recommend",
        "sharing_study",
        "sharing_cifar",
        "sharing_steps",
    ),
)
class SharedParameter(nn.Module):
    """Weights of many modules in one array: each is scale * sign * values[slot].

    What is kept is the array, the seed of the map and a scale a region (the bits of a float64, so
    that changing the dtype of a model leaves it). On the CPU, in float32
    and float64, runs of weights are copied by kernels that work slots out; elsewhere by torch's
    own indexing with the same slots.

    Args:
        map: which slot and sign each position has.
        scaler: divide the gradient of a slot by (sum of its scales)**2 / number of its weights,
            so that modules of different scale train alike and an array as large as the model
            trains as the model does (for SGD; see `scale_updates` for Adam).
        std: of the normal values it starts with, above 0.
        dtype: of the array.

    Example:
        >>> from thrifty.nn.maps import BlockMap
        >>> shared = SharedParameter(BlockMap(1000, block=8))
        >>> region = shared.region(500, 16)
        >>> shared.rows(region, torch.tensor([3, 499])).shape, shared.matrix(region).shape
        (torch.Size([2, 16]), torch.Size([500, 16]))
        >>> sorted(shared.state_dict())
        ['scales', 'seed', 'values']
    """

    seed: torch.Tensor
    scales: torch.Tensor

    def __init__(
        self,
        map: ParameterMap,
        *,
        scaler: bool = False,
        std: float = 1.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if not (isinstance(std, int | float) and 0 < std < math.inf):
            raise ValueError(f"std must be above 0 and finite, got {std!r}")
        self.map, self.scaler = map, scaler
        draws = torch.Generator().manual_seed(map.seed)
        self.values = nn.Parameter(std * torch.randn(map.size, generator=draws).to(dtype))
        self.register_buffer("seed", torch.tensor(map.seed, dtype=torch.int64))
        self.register_buffer("scales", torch.zeros(0, dtype=torch.int64))
        if map.codes.size:
            self.register_buffer("codes", torch.from_numpy(map.codes.view(np.int16)))
        self._regions: list[Region] = []
        self._shares: torch.Tensor | None = None
        self._door: Door | None = None

    def extra_repr(self) -> str:
        """The map and how many regions read from it."""
        return f"{self.map!r}, regions={len(self._regions)}"

    @property
    def positions(self) -> int:
        """Weights of all regions."""
        return sum(region.rows * region.columns for region in self._regions)

    def region(self, rows: int, columns: int, *, scale: float = 1.0, tiled: bool = False) -> Region:
        """The next free positions, for a matrix.

        Args:
            rows, columns: of the matrix, 1 or more.
            scale: its weights are this times values of the array; above 0.
            tiled: count positions by the tiles of the map, if it has any.

        Raises:
            IncompatibleError: rows do not fit the codes of the map.
        """
        last = self._regions[-1] if self._regions else Region(-1, 0, 0, 0, 0, None)
        row, codes = last.row + last.rows, self.map.codes
        if codes.size and (row + rows > self.map.rows or columns > codes.shape[1] * self.map.block):
            raise IncompatibleError(
                f"rows {row}..{row + rows} of {columns} weights do not fit codes {codes.shape} "
                f"for blocks of {self.map.block}"
            )
        first = last.first + last.rows * last.columns
        tile = self.map.tile if tiled and self.map.hashes == 1 else None
        made = Region(len(self._regions), first, row, rows, columns, tile)
        self._regions.append(made)
        given = torch.tensor([scale], dtype=torch.float64, device=self.scales.device)
        self.scales = torch.cat([self.scales, given.view(torch.int64)])
        self._shares = None
        return made

    def scale(self, region: Region) -> float:
        """What values of the array are multiplied by in this region."""
        return float(self.scales[region.number].view(torch.float64))

    def rows(self, region: Region, ids: torch.Tensor) -> torch.Tensor:
        """The rows of a region of these numbers.

        Args:
            region: of this array, not in tiles.
            ids: (n,) whole numbers in 0..rows - 1; outside of it the answer is of no row.

        Returns:
            (n, columns).
        """
        if self._is_fast():
            return Rows.apply(*self._opened(region), ids.to(torch.int64))
        ids = ids.to(self.values.device, torch.int64)
        steps = torch.arange(region.columns, device=ids.device)
        positions = region.first + ids[:, None] * region.columns + steps
        rows = (region.row + ids)[:, None].expand_as(positions) if self.map.codes.size else None
        return self._picked(region, positions, rows)

    def matrix(self, region: Region) -> torch.Tensor:
        """All rows of a region, (rows, columns)."""
        if self._is_fast():
            return Matrix.apply(*self._opened(region))
        if region.tile is None:
            return self.rows(region, torch.arange(region.rows, device=self.values.device))
        return self._picked(region, region.first + tile_order(region, self.values.device), None)

    def start_from(self, weights: list[tuple[Region, torch.Tensor]], *, mean: bool = False) -> None:
        """Set the array from the weights of regions; slots that no weight is on stay.

        Args:
            weights: pairs of a region and its matrix.
            mean: a slot becomes the mean of its weights: the best one for what was trained. Else
                their sum over the square root of their number, so that weights drawn at random
                keep their spread. Both are the weights themselves where the map is a permutation.
        """
        total = np.zeros(self.map.size)
        for region, matrix in weights:
            given = matrix.detach().to("cpu", torch.float64).contiguous().numpy()
            self._add(total, region, given, 1 / self.scale(region))
        counts = self._counts()[0]
        used = counts > 0
        total[used] /= counts[used] if mean else np.sqrt(counts[used])
        with torch.no_grad():
            found = torch.from_numpy(np.where(used, total, self.values.detach().double().cpu()))
            self.values.copy_(found)

    def shares(self) -> torch.Tensor:
        """What Adam's update of each slot is multiplied by: number of weights / sum of scales."""
        counts, sums = self._counts()
        return torch.from_numpy(np.where(counts > 0, counts / np.maximum(sums, TINY), 1.0))

    def _counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights on each slot, and the sum of their scales."""
        counts, sums = np.zeros(self.map.size), np.zeros(self.map.size)
        for region in self._regions:
            ones = np.ones((region.rows, region.columns))
            self._add(counts, region, ones, 1.0, signed=False)
            self._add(sums, region, ones, self.scale(region), signed=False)
        return counts, sums

    def _scaling(self) -> torch.Tensor | None:
        """What the gradient of each slot is multiplied by, or None."""
        if not self.scaler:
            return None
        if self._shares is None or self._shares.device != self.values.device:
            counts, sums = self._counts()
            scaling = 1 / (sums**2 / np.maximum(counts, 1) + TINY)
            self._shares = torch.from_numpy(scaling).to(self.values)
        return self._shares

    def _add(
        self,
        target: np.ndarray,
        region: Region,
        given: np.ndarray,
        scale: float,
        signed: bool = True,
    ) -> None:
        shape = self.map.shape.copy()
        shape[3] &= signed
        add_matrix(target, region, given, self.map, shape, scale)

    def _is_fast(self) -> bool:
        return self.values.device.type == "cpu" and self.values.dtype in FAST

    def _picked(
        self, region: Region, positions: torch.Tensor, rows: torch.Tensor | None
    ) -> torch.Tensor:
        flat = None if rows is None else rows.reshape(-1)
        width = region.columns
        start = positions if flat is None else positions - region.first
        slots, signs = self.map.slots(start.reshape(-1), flat, width)
        scaled = Scaled.apply(self.values, self._scaling())
        scales = self.scales.view(torch.float64)
        scale = (scales[region.number] / self.map.hashes).to(self.values.dtype)
        found = (scaled[slots] * signs.to(scaled.dtype)).sum(dim=0) * scale
        return found.reshape(positions.shape)

    def _opened(self, region: Region) -> tuple[Any, ...]:
        """What a read takes; its first is a scalar that stands for the array in the graph."""
        door = None
        if torch.is_grad_enabled():
            if self._door is None or not self._door.fits(self.values):
                scaling: Callable[[], Any] = weakref.WeakMethod(self._scaling)
                self._door = Door(self.values, lambda: scaling()())
            door = self._door
        scale = self.scale(region)
        handle = None if door is None else door.handle
        return handle, door, self.values.detach(), self.map, region, scale

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_door": None, "_shares": None}

    def _load_from_state_dict(self, state_dict: Any, prefix: Any, *rest: Any) -> None:  # pyrefly: ignore[bad-override]
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self.map.reseed(int(self.seed))
        if "codes" in self._buffers:
            self.map.codes = self.get_buffer("codes").cpu().numpy().view(np.uint16)
        self._shares = None


def scale_updates(optimizer: torch.optim.Optimizer, *shared: SharedParameter) -> None:
    """Multiply each update of shared slots by number of weights / sum of scales.

    For Adam and its kin, for which the scale of a gradient cancels: so a module's weights move as
    far as they would alone, and an array as large as the model trains as the model does.

    Args:
        optimizer: that steps the arrays; from now on its steps are scaled.
        shared: the arrays.

    Raises:
        IncompatibleError: an array is not among the optimizer's parameters.
    """
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    for one in shared:
        if id(one.values) not in held:
            raise IncompatibleError(f"the optimizer does not step {one!r}")
    before: list[torch.Tensor] = []
    shares = [one.shares().to(one.values) for one in shared]

    def keep(*_: Any) -> None:
        before[:] = [one.values.detach().clone() for one in shared]

    def scale(*_: Any) -> None:
        with torch.no_grad():
            for one, old, share in zip(shared, before, shares, strict=True):
                one.values.copy_(old + (one.values - old) * share)

    optimizer.register_step_pre_hook(keep)
    optimizer.register_step_post_hook(scale)
