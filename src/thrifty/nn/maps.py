"""Maps: which slot of one small array each weight of a model is read from, and with which sign.

The weights of all modules are numbered by positions; a map works out slots from positions and a
seed, so that nothing but the seed is kept. In order of how much stands together: single weights
(the hashing trick), blocks (ROBE), tiles (ROAST), whole turns of the array (STABLE-RPS).
"""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, whole
from thrifty.hashing.keys import seed_key

__all__ = [
    "BlockMap",
    "CyclicMap",
    "NestedMap",
    "ParameterMap",
    "RandomMap",
    "SimilarityMap",
    "TileMap",
    "map_named",
]

LARGEST, SEEDS = 2**31 - 1, 2**63 - 1
NO_CODES = np.zeros((0, 1), np.uint16)
FIRST, SECOND = 0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64
LOW32, MOST = 0xFFFFFFFF, 2**16 - 1


class ParameterMap:
    """A map from positions to slots and signs; its subclasses say how.

    Args:
        size: slots of the array, 1..2**31 - 1.
        block: positions that stand side by side and share a sign, 1..size (1..2**31 - 1 for a
            map that goes round).
        hashes: a weight is the mean of so many slots, 1..64.
        signed: whether half of the runs are read with a minus sign.
        seed: of the map, 0..2**63 - 1.

    Raises:
        ValueError: an argument outside its range.
        TypeError: an argument that is no whole number.

    Example:
        >>> placed, signs = RandomMap(100, seed=1).slots(torch.arange(5))
        >>> placed.shape, bool((placed < 100).all()), bool((signs.abs() == 1).all())
        (torch.Size([1, 5]), True, True)
    """

    CYCLIC = False

    def __init__(
        self, size: int, *, block: int = 1, hashes: int = 1, signed: bool = True, seed: int = 0
    ) -> None:
        self.size = whole("size", size, 1, LARGEST)
        self.block = whole("block", block, 1, LARGEST if self.CYCLIC else self.size)
        self.hashes = whole("hashes", hashes, 1, 64)
        self.signed, self.seed = bool(signed), whole("seed", seed, 0, SEEDS)
        self.tile: tuple[int, int] | None = None
        self.codes: NDArray[np.uint16] = NO_CODES
        self.rows = 0
        self._work_out()

    def _work_out(self) -> None:
        self.keys = np.array([seed_key(self.seed, h) for h in range(self.hashes)], np.uint64)
        fields = (self.size, self.block, self.CYCLIC, self.signed)
        self.shape = np.array(fields, np.int64)

    def __repr__(self) -> str:
        names = ("block", "hashes", "signed", "seed")
        rest = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({self.size}, {rest})"

    def reseed(self, seed: int) -> Self:
        """This map with another seed, in place."""
        self.seed = whole("seed", seed, 0, SEEDS)
        self._work_out()
        return self

    def slots(
        self, positions: torch.Tensor, rows: torch.Tensor | None = None, width: int = 1
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Slots and signs by plain torch operations, on any device.

        Args:
            positions: (n,) int64, 0 or more.
            rows: (n,) int64 row of the codes of each position, where the map has codes.
            width: of those rows.

        Returns:
            slots: (hashes, n) int64 in 0..size - 1.
            signs: (hashes, n) int8, 1 or -1.
        """
        found = [self._slots(positions, rows, width, int(key)) for key in self.keys]
        placed, signs = zip(*found, strict=True)
        return torch.stack(placed), torch.stack(signs)

    def _slots(
        self, p: torch.Tensor, rows: torch.Tensor | None, width: int, key: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        number, within = p // self.block, p % self.block
        if self.CYCLIC:
            turn = _reduced(_mixed(_mixed(p // self.size + _signed(key))), self.size)
            word = _mixed(number + _signed(key))
            slot = (p % self.size + turn) % self.size
        else:
            if rows is None:
                word = _mixed(number + _signed(key))
            else:
                at = p % width
                number, within = at // self.block, at % self.block
                codes = torch.from_numpy(self.codes.astype(np.int64)).to(p.device)
                known = codes[rows.clamp(max=len(codes) - 1), number]
                code = torch.where(rows < len(codes), known, rows + MOST + 1)
                word = _mixed(code + _mixed(number + _signed(key)))
            slot = _reduced(word, self.size - self.block + 1) + within
        sign = 1 - 2 * (word & 1) if self.signed else torch.ones_like(word)
        return slot, sign.to(torch.int8)


class RandomMap(ParameterMap):
    """Every weight has a slot of its own chance (HashedNet, the hashing trick)."""


class BlockMap(ParameterMap):
    """Blocks of weights stand side by side (ROBE); rows shorter than a block share one.

    Args: as of `ParameterMap`; block 16 by default, at most size.
    """

    def __init__(self, size: int, *, block: int = 16, **rest: Any) -> None:
        super().__init__(size, block=min(block, size), **rest)


class TileMap(ParameterMap):
    """Tiles of a matrix stand side by side, row by row (ROAST), as a product reads them.

    Args:
        size: slots, 1..2**31 - 1.
        tile: rows and columns of a tile, each 1..2**15; a smaller array has smaller runs.
        rest: as of `ParameterMap`, but for block and hashes.
    """

    def __init__(self, size: int, *, tile: tuple[int, int] = (32, 128), **rest: Any) -> None:
        high, wide = (whole("tile", side, 1, 2**15) for side in tile)
        super().__init__(size, block=min(high * wide, size), **rest)
        self.tile = (high, wide)


class CyclicMap(ParameterMap):
    """Positions go round the array, each turn from a random start (STABLE-RPS).

    Every slot serves as many weights as any other, give or take one, and an array as large as
    the model is the model.

    Args:
        size: slots, 1..2**31 - 1.
        tile: as of `TileMap`; None counts the weights of a matrix row by row.
        rest: as of `ParameterMap`, but for block and hashes; a run of 1,024 shares a sign.
    """

    CYCLIC = True

    def __init__(self, size: int, *, tile: tuple[int, int] | None = (32, 128), **rest: Any) -> None:
        super().__init__(size, block=1024, **rest)
        self.tile = tile and (whole("tile", tile[0], 1, 2**15), whole("tile", tile[1], 1, 2**15))


class NestedMap(ParameterMap):
    """Single weights, an array of a power of two: a smaller array joins slots of a larger one.

    With one seed, slot s of an array holds the weights of slots 2 * s and 2 * s + 1 of the array
    twice as large (FAIR).

    Args: as of `ParameterMap`, but for block and hashes.

    Raises:
        ValueError: size is not a power of two.
    """

    def __init__(self, size: int, **rest: Any) -> None:
        super().__init__(size, **rest)
        if self.size & (self.size - 1):
            raise ValueError(f"size must be a power of two, got {size!r}")


class SimilarityMap(ParameterMap):
    """Rows share a block as often as their codes agree (LMA, SCMA).

    Args:
        size: slots, 1..2**31 - 1.
        codes: (rows, pieces) uint16, one code a block of a row; rows that are alike have codes
            in common, as `similar_codes` makes them.
        block: weights a code stands for, 1..size.
        rows: in all, where codes are of the first ones alone: a row beyond them goes by its
            number. None: as many as there are codes.
        rest: as of `ParameterMap`.

    Raises:
        ValueError: codes are not a table of whole numbers in 0..2**16 - 1, or more than rows.
    """

    def __init__(
        self,
        size: int,
        codes: ArrayLike,
        *,
        block: int = 4,
        rows: int | None = None,
        **rest: Any,
    ) -> None:
        table = np.asarray(codes)
        if table.ndim != 2 or table.dtype.kind not in "iu" or 0 in table.shape:
            raise ValueError(
                f"codes must be a table of whole numbers, got {table.dtype} {table.shape}"
            )
        if table.min() < 0 or table.max() > MOST:
            raise ValueError(f"codes must be in 0..{MOST}, got {table.min()}..{table.max()}")
        super().__init__(size, block=min(block, size), **rest)
        self.codes = np.ascontiguousarray(table, np.uint16)
        self.rows = len(table) if rows is None else whole("rows", rows, len(table), 2**40)


MAPS: dict[str, Callable[..., ParameterMap]] = {
    "random": RandomMap, "robe": BlockMap, "tile": TileMap, "cyclic": CyclicMap,
}  # fmt: skip


def map_named(map: str | Callable[..., ParameterMap], size: int, seed: int) -> ParameterMap:
    """The map of a name or of a function of size and seed, for an array of this size.

    Raises:
        ValueError: an unknown name.
        IncompatibleError: the function gives a map of another size.

    Example:
        >>> map_named("robe", 1000, 7)
        BlockMap(1000, block=16, hashes=1, signed=True, seed=7)
    """
    if isinstance(map, str) and map not in MAPS:
        raise ValueError(f"map must be one of {', '.join(MAPS)}, got {map!r}")
    made = (MAPS[map] if isinstance(map, str) else map)(size, seed=seed)
    if made.size != size:
        raise IncompatibleError(f"{made!r} does not fit an array of {size} slots")
    return made


def _signed(key: int) -> int:
    """An unsigned 64-bit number as torch has it."""
    return key - 2**64 if key >= 2**63 else key


def _mixed(x: torch.Tensor) -> torch.Tensor:
    """`hashing.keys.mix` in int64."""
    x = (x ^ ((x >> 30) & (2**34 - 1))) * FIRST
    x = (x ^ ((x >> 27) & (2**37 - 1))) * SECOND
    return x ^ ((x >> 31) & (2**33 - 1))


def _reduced(word: torch.Tensor, span: int) -> torch.Tensor:
    """The upper half of a word, scaled to 0..span - 1."""
    return (((word >> 32) & LOW32) * span) >> 32
