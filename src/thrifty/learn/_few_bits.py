"""Few bits: counters of tables as codes of two to eight bits and a step for each output."""

import numpy as np
from numpy.typing import NDArray

from thrifty.codec.packing import pack, unpack

__all__ = ["coded", "packed", "unpacked"]

SHARES = np.linspace(1.0, 0.15, 35)


def coded(
    counters: NDArray[np.float64], bits: int
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    """Codes, steps and middles of the outputs: counters are codes * steps + middles, nearly.

    A row reads one cell of each table, so that what a table adds to all its cells may be told once
    for all tables: codes are of what is left. Each step is that of the least squared error, which
    clips a few.

    Args:
        counters: (tables, width, outputs). bits: of a code, 2..8.
    """
    middles = counters.mean(axis=(0, 1))
    rest = counters - counters.mean(axis=1, keepdims=True)
    most, tops = 2 ** (bits - 1) - 1, np.maximum(np.abs(rest).max(axis=(0, 1)), 1e-30)
    steps = np.maximum(SHARES[:, None] * tops / most, 1e-30)
    errors = [np.square(_codes(rest, s, most) * s - rest).sum(axis=(0, 1)) for s in steps]
    best = np.take_along_axis(steps, np.argmin(errors, axis=0)[None], axis=0)[0]
    kept = best.astype(np.float32)
    return _codes(rest, kept, most).astype(np.int8), kept, middles.astype(np.float32)


def _codes(rest: NDArray[np.float64], steps: NDArray, most: int) -> NDArray[np.float64]:
    return np.clip(np.rint(rest / steps), -most, most)


def packed(counters: NDArray[np.int8], bits: int) -> NDArray[np.uint8]:
    """Counters (tables, width, outputs) in so many bits, a table a row."""
    codes = counters.astype(np.int16).reshape(len(counters), -1) + 2 ** (bits - 1)
    return pack(np.ascontiguousarray(codes, np.uint8), bits)


def unpacked(kept: NDArray[np.uint8], bits: int, shape: tuple[int, int, int]) -> NDArray[np.int8]:
    """The counters again."""
    codes = unpack(kept, bits, shape[1] * shape[2]).astype(np.int16)
    return (codes - 2 ** (bits - 1)).astype(np.int8).reshape(shape)
