"""Groups: whole numbers of a few bits, with a scale for each group of neighbours."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._buffers import array_of
from thrifty.codec._machine import as_float, as_int
from thrifty.codec.blocks import Blocks, rows_of
from thrifty.codec.codec import Arrays
from thrifty.codec.rounding import Rounding
from thrifty.core import method, one_of, whole
from thrifty.core.kernels import njit

__all__ = ["Groups"]

CLIPS = ("none", "mse")
SHARES = np.linspace(1.0, 0.4, 25, dtype=np.float32)
LEAST_SCALE = np.float32(2.0**-120)  # its inverse is a normal number
MOST_SCALE = np.int32(0x7F7F0000)  # the largest finite bfloat16


@method(
    source="affine quantisation: Jacob et al. 2018, arXiv:1712.05877; scales of groups as in "
    "Frantar et al. 2022 (GPTQ), arXiv:2210.17323; clipping by squared error: Choukroun et al. "
    "2019, arXiv:1902.06822",
    memory="bits * size / 8 + (2 or 3) * rows * ceil(columns / group) bytes",
    time="O(1) an element, 26 times that with clip='mse'",
    error="half a step, which is (max - min) / (2**bits - 1) of the group, or "
    "max(abs(x)) / (2**(bits - 1) - 1) if symmetric, times 1 + 2**-7; a step if not to the nearest",
    exact="x",
    laws=("codec", "unbiased"),
    evidence=("formats",),
)
class Groups(Blocks):
    """Keep numbers as whole numbers of 2 to 8 bits times the scale of their group.

    A number is (code - zero) * scale. Scales are bfloat16, rounded up so that nothing is clipped;
    `zero` is 2**(bits - 1) if symmetric, else a byte for each group, so that 0.0 is on the grid.
    Arrays: `codes` (rows, bytes of a row) as `pack` has them; `scales` (rows, groups), the upper 16
    bits of a float32; `zeros` (rows, groups) uint8, if not symmetric.

    Args:
        bits: of a code, 2..8.
        group: neighbours along the last axis that share a scale.
        symmetric: zero is in the middle of the codes, and the lowest code is not used.
        clip: "mse" narrows the range of each group, to .4 of it at most, to what has the least
            squared error; "none" keeps the range.
        rounding: "nearest" (ties to even), "zero" or "stochastic"; by chance a range that is not
            symmetric spans one code less, so that both its ends have neighbours.
        seed: of stochastic rounding.

    Raises:
        TypeError: a number that is not whole, or x is not of floats.
        ValueError: one is out of its range, or x is not finite in float32.

    Example:
        >>> x = np.random.default_rng(0).standard_normal((256, 1024), dtype=np.float32)
        >>> small = Groups(4, 64).encode(x)
        >>> x.nbytes / small.nbytes, bool((abs(small.decode() - x) <= Groups(4, 64).bound(x)).all())
        (7.314285714285714, True)
    """

    KIND = "groups"

    def __init__(
        self, bits: int = 4, group: int = 64, *, symmetric: bool = False, clip: str = "none",
        rounding: str = "nearest", seed: int = 0,
    ) -> None:  # fmt: skip
        self.bits = whole("bits", bits, 2, 8)
        self.block = whole("group", group, 1, 2**20)
        self.symmetric = bool(symmetric)
        self.clip = one_of("clip", clip, CLIPS)
        self.rounding = Rounding(rounding, seed)

    def spec(self) -> dict[str, Any]:
        """Bits, group, symmetry, clipping and rounding."""
        return {
            "bits": self.bits, "group": self.block, "symmetric": self.symmetric, "clip": self.clip,
            "rounding": self.rounding.mode, "seed": self.rounding.seed,
        }  # fmt: skip

    def bound(self, x: Any) -> NDArray[np.float32]:
        """Half a step or a whole one; of what was clipped, the distance to the range."""
        flat = rows_of(x)
        scales, zeros = (
            np.repeat(kept, self.block, axis=1)[:, : flat.shape[1]].astype(np.float64)
            for kept in self._ready(self._scales(flat))
        )
        low, high = -zeros * scales, (2**self.bits - 1 - zeros) * scales
        beyond = np.maximum(flat - high, low + self.symmetric * scales - flat)
        part = self.rounding.part + 2.0**-14  # of the division in float32
        return np.maximum(part * scales, beyond).reshape(array_of(x).shape)

    def _scale_shapes(self, rows: int, blocks: int) -> dict[str, tuple[Any, tuple[int, int]]]:
        shapes = {"scales": (np.uint16, (rows, blocks)), "zeros": (np.uint8, (rows, blocks))}
        return {"scales": shapes["scales"]} if self.symmetric else shapes

    def _scales(self, x: np.ndarray) -> Arrays:
        blocks = -(-x.shape[1] // self.block)
        scales, zeros = np.empty((len(x), blocks), np.uint16), np.empty((len(x), blocks), np.uint8)
        chance = self.rounding.mode == "stochastic"
        shares = SHARES if self.clip == "mse" else SHARES[:1]
        settings = (self.bits, self.symmetric, chance)
        if not _group_scales(x, self.block, settings, shares, scales, zeros):
            raise ValueError("x must be finite in float32")
        return {"scales": scales} if self.symmetric else {"scales": scales, "zeros": zeros}

    def _ready(self, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
        scales = (arrays["scales"].astype(np.uint32) << np.uint32(16)).view(np.float32)
        if self.symmetric:
            return scales, np.full(scales.shape, 2 ** (self.bits - 1), np.float32)
        return scales, arrays["zeros"].astype(np.float32)

    def _codes(self, x: np.ndarray, scales: Any, thresholds: np.ndarray, out: np.ndarray) -> None:
        high = np.float32(2**self.bits - 1)
        low = np.float32(self.symmetric)
        _group_codes(x, self.block, *scales, thresholds, self.rounding.even, low, high, out)

    def _numbers(self, codes: np.ndarray, scales: Any, out: np.ndarray) -> None:
        _group_numbers(codes, self.block, *scales, out)


kernel = njit(nogil=True, cache=True, error_model="numpy")
loose = njit(
    forceinline=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"}
)  # sums in any order


@njit(forceinline=True, error_model="numpy")
def _range(x):
    """Least and largest of a group and of zero, and whether all is finite."""
    low, high = np.int32(0), np.int32(0)
    for i in range(x.size):
        bits = as_int(x[i])
        key = np.int32(bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF)))
        low = min(low, key)
        high = max(high, key)
    finite = high < 0x7F800000 and low > -0x7F800001
    return (
        as_float(np.int32(low ^ np.int32(0x7FFFFFFF)) if low < 0 else low),
        as_float(high),
        finite,
    )


@njit(forceinline=True, error_model="numpy")
def _affine(low, high, bits, symmetric, chance):
    """Scale, as a float that is a bfloat16, and zero of a range around zero."""
    codes = np.float32((1 << bits) - 1)
    if symmetric:
        half = np.float32((1 << (bits - 1)) - 1)
        step = max(-low, high) / half
    else:
        codes -= np.float32(chance)
        step = high / codes - low / codes
    if step == 0:
        return step, np.float32(1 << (bits - 1)) if symmetric else np.float32(0)
    step = max(step, np.float32(LEAST_SCALE))
    rounded = (np.int64(as_int(step)) + 0xFFFF) & 0x7FFF0000
    step = as_float(np.int32(min(rounded, np.int64(MOST_SCALE))))
    if symmetric:
        return step, np.float32(1 << (bits - 1))
    zero = np.ceil(-low / step) if chance else np.rint(-low / step)
    return step, min(zero, codes)


@loose
def _squares(x, step, zero, low, high):
    """Squared error of a group with this scale."""
    total = np.float32(0)
    inverse = np.float32(1) / step
    for i in range(x.size):
        code = min(max(np.rint(x[i] * inverse) + zero, low), high)
        error = (code - zero) * step - x[i]
        total += error * error
    return total


@kernel
def _group_scales(x, group, settings, shares, scales, zeros):
    bits, symmetric, chance = settings
    least, most = np.float32(symmetric), np.float32((1 << bits) - 1)
    for row in range(x.shape[0]):
        for block in range(scales.shape[1]):
            part = x[row, block * group : (block + 1) * group]
            low, high, finite = _range(part)
            if not finite:
                return False
            step, zero = _affine(low, high, bits, symmetric, chance)
            if shares.size > 1 and step > 0:
                best = np.float32(np.inf)
                for share in shares:
                    a, b = _affine(low * share, high * share, bits, symmetric, chance)
                    error = _squares(part, a, b, least, most)
                    if error < best:
                        best, step, zero = error, a, b
            scales[row, block] = np.uint16(np.int64(as_int(step)) >> 16)
            zeros[row, block] = np.uint8(zero)
    return True


@kernel
def _group_codes(x, group, scales, zeros, thresholds, even, low, high, out):
    for row in range(x.shape[0]):
        for block in range(scales.shape[1]):
            start, stop = block * group, min((block + 1) * group, x.shape[1])
            step, zero = scales[row, block], zeros[row, block]
            divisor = step if step > 0 else np.float32(1)
            part, cuts = x[row, start:stop], thresholds[row, start:stop]
            target = out[row, start:stop]
            for i in range(part.size):
                size = abs(part[i]) / divisor
                down = np.floor(size)
                rest = size - down
                odd = down != np.floor(down * np.float32(0.5)) * np.float32(2)
                up = (rest > cuts[i]) | ((rest == cuts[i]) & even & odd)
                size = down + np.float32(1) if up else down
                size = (-size if part[i] < 0 else size) + zero
                target[i] = np.uint8(np.int32(min(max(size, low), high)))


@kernel
def _group_numbers(codes, group, scales, zeros, out):
    for row in range(codes.shape[0]):
        for block in range(scales.shape[1]):
            start, stop = block * group, min((block + 1) * group, codes.shape[1])
            step, zero = scales[row, block], zeros[row, block]
            part, target = codes[row, start:stop], out[row, start:stop]
            for i in range(part.size):
                target[i] = (np.float32(part[i]) - zero) * step
