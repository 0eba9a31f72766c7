"""N of m: of each m neighbours the n largest, packed, with their places in a few bits."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from thrifty.codec._buffers import array_of, bits_of
from thrifty.codec.codec import Arrays, Codec
from thrifty.codec.masks import MOST_M, n_of_m
from thrifty.core import FormatError, method, taken, whole

__all__ = ["NOfM"]

BLOCK = 1 << 16  # groups at a time: their places fill whole bytes


@method(
    source="Mishra, Latorre, Pool, Stosic, Stosic, Venkatesh, Yu and Micikevicius 2021, "
    "arXiv:2104.08378",
    memory="rows * ceil(width / m) * n * itemsize + ceil(rows * ceil(width / m) * n * "
    "ceil(log2(m)) / 8): 9/16 of float16 at 2:4",
    time="a sort of m elements a group to encode; a pass to decode",
    error="|x| of the m - n least of each group, 0 of the others; 0 where they are zeros",
    exact="x",
    laws=("codec",),
    evidence=("sparse",),
)
class NOfM(Codec):
    """Keep the n largest of each m neighbours of the last axis, and their places.

    A place takes ceil(log2(m)) bits, as sparse tensor cores hold it at 2:4. An array that has at
    most n elements other than zero in each group comes back to the bit (but -0.0, which may come
    back as 0.0). The last group of a row is filled up with zeros.

    Args:
        n: kept of each group, 1..m.
        m: of a group, 1..256.

    Raises:
        TypeError: `n` or `m` is not a whole number.
        ValueError: one is out of its range.

    Example:
        >>> x = np.float32([[4, 0, -3, 1], [0, 0, 0, 2]])
        >>> small = NOfM().encode(x)
        >>> small.nbytes, small.decode().tolist()
        (17, [[4.0, 0.0, -3.0, 0.0], [0.0, 0.0, 0.0, 2.0]])
    """

    KIND = "nofm"
    FIXED_RATE = True

    def __init__(self, n: int = 2, m: int = 4) -> None:
        self.m = whole("m", m, 1, MOST_M)
        self.n = whole("n", n, 1, self.m)

    def spec(self) -> dict[str, Any]:
        """N and m."""
        return {"n": self.n, "m": self.m}

    def size(self, x: Any) -> int:
        """Bytes, exactly; only the shape and dtype of x are looked at."""
        found = array_of(x)
        kept = self._groups(found.shape) * self.n
        return kept * found.itemsize + -(-kept * self._place_bits // 8)

    def bound(self, x: Any) -> np.ndarray:
        """|x| where it is not kept, else 0."""
        sizes = _sizes(array_of(x))
        return np.where(n_of_m(sizes, self.n, self.m), 0.0, sizes)

    @property
    def _place_bits(self) -> int:
        return (self.m - 1).bit_length()

    def _groups(self, shape: tuple[int, ...]) -> int:
        width = shape[-1] if shape else 1
        return int(np.prod(shape[:-1], dtype=np.int64)) * -(-width // self.m)

    def _padded(self, bits: np.ndarray) -> tuple[np.ndarray, int]:
        """Groups of m, zeros behind the end of each row, and the width of a row."""
        width = bits.shape[-1] if bits.ndim else 1
        rows = bits.reshape(-1, width) if bits.size else bits.reshape(0, 1)
        full = np.zeros((len(rows), -(-width // self.m) * self.m), bits.dtype)
        if bits.size:
            full[:, :width] = rows
        return full.reshape(-1, self.m), width

    def _encode(self, x: np.ndarray) -> Arrays:
        groups, _ = self._padded(bits_of(x))
        each = self._place_bits
        values = np.empty(len(groups) * self.n, groups.dtype)
        packed = np.empty(-(-len(values) * each // 8), np.uint8)
        shifts = np.arange(each, dtype=np.uint8)
        for some, kept, stored in self._blocks(len(groups)):
            part = groups[some]
            mask = n_of_m(_sizes(part.view(x.dtype)), self.n, self.m)
            places = np.nonzero(mask)[1].astype(np.uint8)
            bits = places[:, None] >> shifts & np.uint8(1)
            values[kept], packed[stored] = part[mask], np.packbits(bits, bitorder="little")
        return {"values": values, "places": packed}

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        bits = bits_of(out)
        groups, width = self._padded(np.zeros_like(bits))
        count, each = len(groups) * self.n, self._place_bits
        values = taken(arrays, "values", bits.dtype, (count,))
        packed = taken(arrays, "places", np.uint8, (-(-count * each // 8),))
        for some, kept, stored in self._blocks(len(groups)):
            part, number = groups[some], kept.stop - kept.start
            loose = np.unpackbits(packed[stored], count=number * each, bitorder="little")
            places = loose.reshape(number, each) @ (1 << np.arange(each))
            if number and places.max(initial=0) >= self.m:
                raise FormatError(f"places must be below {self.m}, got {places.max()}")
            part[np.repeat(np.arange(len(part)), self.n), places] = values[kept]
        if out.size:
            bits[...] = groups.reshape(-1, -(-width // self.m) * self.m)[:, :width].reshape(
                bits.shape
            )

    def _blocks(self, count: int) -> Iterator[tuple[slice, slice, slice]]:
        """Some groups at a time: these, what is kept of them, and the bytes of its places."""
        for low in range(0, count, BLOCK):
            high = min(low + BLOCK, count)
            first, last = low * self.n, high * self.n
            bits = self._place_bits
            yield (
                slice(low, high),
                slice(first, last),
                slice(first * bits // 8, -(-last * bits // 8)),
            )


def _sizes(x: np.ndarray) -> np.ndarray:
    """|x| as float64; what is not a number is the largest, so that it is kept."""
    found = np.abs(x.astype(np.float64))
    return np.where(np.isnan(found), np.inf, found)
