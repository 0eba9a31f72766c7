"""NF4: sixteen levels, the quantiles of a normal variable, times the largest of a block."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from thrifty.codec._buffers import array_of
from thrifty.codec.blocks import Blocks, rows_of
from thrifty.codec.codec import Arrays
from thrifty.codec.groups import Groups
from thrifty.codec.rounding import Rounding
from thrifty.core import method, taken, whole
from thrifty.core.kernels import njit

__all__ = ["NF4"]

SCALES = Groups(8, 256)
LEAST = np.float32(2.0**-120)  # its inverse is a normal number


def normal_levels() -> NDArray[np.float32]:
    """The sixteen levels: quantiles of the normal distribution on both sides of zero, up to 1.

    Example:
        >>> normal_levels()[[0, 1, 7, 8, 15]].round(4).tolist()
        [-1.0, -0.6962000131607056, 0.0, 0.07959999889135361, 1.0]
    """
    outermost = 1 - (1 / 32 + 1 / 30) / 2
    above = norm.ppf(np.linspace(outermost, 0.5, 9)[:-1])
    below = -norm.ppf(np.linspace(outermost, 0.5, 8)[:-1])
    levels = np.sort(np.concatenate([below, [0.0], above]))
    return (levels / levels[-1]).astype(np.float32)


LEVELS = normal_levels()


@method(
    source="Dettmers et al. 2023 (QLoRA), arXiv:2305.14314",
    memory="size / 2 + 4 * rows * ceil(columns / block) bytes; double: a byte a block, and 3 bytes "
    "for each 256 blocks of a row",
    time="O(1) an element",
    error="0.152 of the largest of the block, half the widest gap between levels; double: and the "
    "distance of the block's scale to what is kept of it",
    exact="x",
    laws=("codec", "unbiased"),
    evidence=("formats",),
)
class NF4(Blocks):
    """Keep numbers as one of sixteen normal quantiles times the largest of their block.

    Arrays: `codes` (rows, bytes of a row), two a byte, the first in the low half; and the largest
    of every block as `scales` (rows, blocks) float32, or, if double, as `Groups(8, 256)` has them:
    `scale_codes`, `scale_scales` and `scale_zeros`.

    Args:
        block: neighbours along the last axis that share a scale.
        double: quantise the scales too.
        rounding: "nearest" (ties toward the lower level), "zero" or "stochastic"; unbiased only
            where the scales are not quantised.
        seed: of stochastic rounding.

    Raises:
        TypeError: a number that is not whole, or x is not of floats.
        ValueError: one is out of its range, or x is not finite in float32.

    Example:
        >>> x = np.random.default_rng(0).standard_normal((256, 1024), dtype=np.float32)
        >>> small = NF4().encode(x)
        >>> round(small.nbytes * 8 / x.size, 3), bool(np.abs(small.decode() - x).mean() < 0.08)
        (4.148, True)
    """

    KIND = "nf4"
    bits = 4

    def __init__(
        self, block: int = 64, *, double: bool = True, rounding: str = "nearest", seed: int = 0
    ) -> None:
        self.block = whole("block", block, 1, 2**20)
        self.double = bool(double)
        self.rounding = Rounding(rounding, seed)

    def spec(self) -> dict[str, Any]:
        """Block, double quantisation and rounding."""
        return {
            "block": self.block, "double": self.double,
            "rounding": self.rounding.mode, "seed": self.rounding.seed,
        }  # fmt: skip

    def bound(self, x: Any) -> NDArray[np.float64]:
        """Half the widest gap of levels or a whole one; beyond the scale, the distance to it."""
        flat = rows_of(x)
        (scales,) = self._ready(self._scales(flat))
        wide = np.repeat(scales, self.block, axis=1)[:, : flat.shape[1]].astype(np.float64)
        gap = float(np.diff(LEVELS).max()) + 2.0**-20
        found = np.maximum(self.rounding.part * gap * wide, np.abs(flat) - wide)
        return found.reshape(array_of(x).shape)

    def _scale_shapes(self, rows: int, blocks: int) -> dict[str, tuple[Any, tuple[int, int]]]:
        if not self.double:
            return {"scales": (np.float32, (rows, blocks))}
        return {
            "scale_codes": (np.uint8, (rows, blocks)),
            **{
                f"scale_{name}": kept
                for name, kept in SCALES._scale_shapes(rows, -(-blocks // 256)).items()
            },
        }

    def _scales(self, x: np.ndarray) -> Arrays:
        scales = np.empty((len(x), -(-x.shape[1] // self.block)), np.float32)
        if not _largest(x, self.block, scales):
            raise ValueError("x must be finite in float32")
        if not self.double:
            return {"scales": scales}
        return {f"scale_{name}": array for name, array in SCALES._encode(scales).items()}

    def _ready(self, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
        if not self.double:
            return (arrays["scales"],)
        kept = {name.removeprefix("scale_"): array for name, array in arrays.items()}
        scales = np.empty(taken(kept, "codes", np.uint8, (None, None)).shape, np.float32)
        SCALES._decode(kept, scales)
        return (scales,)

    def _codes(self, x: np.ndarray, scales: Any, thresholds: np.ndarray, out: np.ndarray) -> None:
        cuts, gaps = _cuts(self.rounding.mode)
        _level_codes(x, self.block, scales[0], thresholds, cuts, gaps, out)

    def _numbers(self, codes: np.ndarray, scales: Any, out: np.ndarray) -> None:
        _level_numbers(codes, self.block, scales[0], LEVELS, out)


def _cuts(mode: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where one level gives way to the next, and how far there a threshold may move it."""
    low, high = LEVELS[:-1], LEVELS[1:]
    if mode == "stochastic":
        return low, high - low
    none = np.zeros(15, np.float32)
    if mode == "nearest":
        return (low + high) / np.float32(2), none
    return np.where(high <= 0, low, np.nextafter(high, np.float32(0))), none


@njit(nogil=True, cache=True, error_model="numpy")
def _largest(x, block, out):
    """The largest size of each block; False if something is not finite."""
    for row in range(x.shape[0]):
        for j in range(out.shape[1]):
            part = x[row, j * block : (j + 1) * block]
            top = np.float32(0)
            for i in range(part.size):
                size = abs(part[i])
                top = top if top > size else size
                if not size < np.inf:
                    return False
            out[row, j] = max(top, LEAST) if top > 0 else top
    return True


@njit(nogil=True, cache=True, error_model="numpy")
def _level_codes(x, block, scales, thresholds, cuts, gaps, out):
    """How many cuts are below each element; loops by cut, so that elements go side by side."""
    share = np.empty(block, np.float32)
    for row in range(x.shape[0]):
        for j in range(scales.shape[1]):
            start, stop = j * block, min((j + 1) * block, x.shape[1])
            part, chance = x[row, start:stop], thresholds[row, start:stop]
            target = out[row, start:stop]
            divisor = scales[row, j] if scales[row, j] > 0 else np.float32(1)
            for i in range(part.size):
                share[i] = part[i] / divisor
                target[i] = 0
            for k in range(cuts.size):
                cut, gap = cuts[k], gaps[k]
                for i in range(part.size):
                    target[i] += np.uint8(share[i] > cut + chance[i] * gap)


@njit(nogil=True, cache=True, error_model="numpy")
def _level_numbers(codes, block, scales, levels, out):
    for row in range(codes.shape[0]):
        for j in range(scales.shape[1]):
            start, stop = j * block, min((j + 1) * block, codes.shape[1])
            scale = scales[row, j]
            part, target = codes[row, start:stop], out[row, start:stop]
            for i in range(part.size):
                target[i] = levels[part[i]] * scale
