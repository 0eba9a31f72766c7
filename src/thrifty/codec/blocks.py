"""Blocks: formats in which neighbours along the last axis share a scale."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from thrifty.codec._buffers import array_of, values_of
from thrifty.codec.codec import Arrays, Codec, Some
from thrifty.codec.numberformat import narrow, real
from thrifty.codec.packing import code_type, pack_into, packed_size, unpack_into
from thrifty.codec.rounding import Rounding
from thrifty.core import taken

__all__ = ["Blocks"]

CHUNK = 2**15  # elements at a time, about


class Blocks(Codec):
    """Base of formats with one scale for each `block` neighbours along the last axis.

    The codes of a row are packed into whole bytes of its own, so that rows are read alone: array
    `codes` is (rows, bytes of a row), and what a kind keeps of blocks is (rows, blocks of a row) or
    at least has a line for every row. The last block of a row may be shorter.

    A kind gives `block`, `bits`, `rounding`, and: `_scales`, what it keeps of the blocks of some
    rows; `_codes` of a tile of whole blocks, from these; `_numbers`, the way back; `_scale_size`.
    """

    FIXED_RATE = True
    bits: int
    block: int
    rounding: Rounding

    def _scales(self, x: np.ndarray) -> Arrays:
        """What is kept of blocks: x is (rows, columns) float32."""
        raise NotImplementedError

    def _scale_shapes(self, rows: int, blocks: int) -> dict[str, tuple[Any, tuple[int, int]]]:
        """Dtype and shape of each array of `_scales`."""
        raise NotImplementedError

    def _codes(self, x: np.ndarray, scales: Any, thresholds: np.ndarray, out: np.ndarray) -> None:
        """Codes of a tile (rows, columns) of whole blocks."""
        raise NotImplementedError

    def _numbers(self, codes: np.ndarray, scales: Any, out: np.ndarray) -> None:
        """Numbers of the codes of a tile into `out`, float32."""
        raise NotImplementedError

    def _ready(self, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
        """What `_codes` and `_numbers` take of the blocks, each (rows, blocks)."""
        raise NotImplementedError

    def size(self, x: Any) -> int:
        """Bytes, exactly: the codes of every row and the scales."""
        rows, columns = _sides(array_of(x).shape)
        kept = self._scale_shapes(rows, -(-columns // self.block)).values()
        scales = sum(np.dtype(dtype).itemsize * math.prod(shape) for dtype, shape in kept)
        return rows * packed_size(columns, self.bits) + scales

    def _encode(self, x: np.ndarray) -> Arrays:
        flat = rows_of(real(x))
        scales = self._scales(flat)
        ready = self._ready(scales)
        packed = np.empty((len(flat), packed_size(flat.shape[1], self.bits)), np.uint8)
        room, thresholds = np.empty(2 * CHUNK, code_type(self.bits)), np.empty(0, np.float32)
        for rows, columns, blocks in self._tiles(flat.shape):
            tile = flat[rows, columns]
            room = room if tile.size <= room.size else np.empty(tile.size, room.dtype)
            codes = room[: tile.size].reshape(tile.shape)
            fresh = tile.size > thresholds.size
            thresholds = np.empty(tile.size, np.float32) if fresh else thresholds
            first = rows.start * flat.shape[1] + columns.start
            self.rounding.fill(thresholds[: tile.size], first, fresh)
            mine = tuple(kept[rows, blocks] for kept in ready)
            self._codes(tile, mine, thresholds[: tile.size].reshape(tile.shape), codes)
            pack_into(codes, self.bits, packed[rows, self._bytes(columns)])
        return {"codes": packed, **scales}

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        flat = out.reshape(_sides(out.shape))
        rows, columns = flat.shape
        packed = taken(arrays, "codes", np.uint8, (rows, packed_size(columns, self.bits)))
        shapes = self._scale_shapes(rows, -(-columns // self.block))
        ready = self._ready({name: taken(arrays, name, *kept) for name, kept in shapes.items()})
        for some, part, blocks in self._tiles(flat.shape):
            tile = flat[some, part]
            codes = np.empty(tile.shape, code_type(self.bits))
            unpack_into(np.ascontiguousarray(packed[some, self._bytes(part)]), self.bits, codes)
            direct = flat.dtype == np.float32
            numbers = tile if direct else np.empty(tile.shape, np.float32)
            self._numbers(codes, tuple(kept[some, blocks] for kept in ready), numbers)
            if not direct:
                narrow(numbers.reshape(-1), tile.reshape(-1))

    def _rows(self, arrays: Mapping[str, np.ndarray], shape: tuple[int, int], some: Some) -> Arrays:
        return {name: array[some] for name, array in arrays.items()}

    def _tiles(self, shape: tuple[int, ...]) -> Iterator[tuple[slice, slice, slice]]:
        """Rows, columns and blocks of the tiles: some whole rows, or a part of one long row."""
        rows, columns = shape
        wide = CHUNK // (8 * self.block) * 8 * self.block or 8 * self.block
        tall = max(CHUNK // max(columns, 1), 1)
        for top in range(0, rows, tall):
            for left in range(0, columns, max(wide, columns) if tall > 1 else wide):
                right = columns if tall > 1 else min(left + wide, columns)
                yield (
                    slice(top, min(top + tall, rows)),
                    slice(left, right),
                    slice(left // self.block, -(-right // self.block)),
                )

    def _bytes(self, columns: slice) -> slice:
        return slice(columns.start * self.bits // 8, packed_size(columns.stop, self.bits))

    def with_rounding(self, rounding: str, seed: int = 0) -> Self:
        """The same format, rounding otherwise."""
        return type(self)(**(self.spec() | {"rounding": rounding, "seed": seed}))


def single(x: np.ndarray) -> np.ndarray:
    """Floats as float32; those too large become infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return x.astype(np.float32, copy=False)


def rows_of(x: Any) -> np.ndarray:
    """The numbers of an array or tensor as contiguous rows of float32."""
    found = single(values_of(x))
    return np.ascontiguousarray(found).reshape(_sides(found.shape))


def _sides(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns: all axes but the last, and the last."""
    return (math.prod(shape[:-1]), shape[-1]) if shape else (1, 1)
