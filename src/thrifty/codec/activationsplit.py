"""Activation splitting: a layer's inputs in a few bits, with outliers' channels in parts."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.codec._buffers import array_of
from thrifty.codec.blocks import rows_of
from thrifty.codec.codec import Arrays, Codec, Encoded
from thrifty.codec.numberformat import in_dtype, real
from thrifty.codec.packing import pack, packed_size, unpack
from thrifty.core import DataError, IncompatibleError, in_range, method, one_of, taken, whole

__all__ = ["ActivationSplit"]

SHARES = np.linspace(1.0, 0.1, 46)
WAYS = ("max", "often")
CLIPS = ("none", "mse")
OFTEN = 0.99  # what of all magnitudes counts as ordinary


@method(
    source="Zhao et al. 2019, arXiv:1901.09504 (OCS, activations)",
    memory="rows * ceil(bits * (columns + extra) / 8) bytes; a layer's weights take extra columns "
    "more",
    time="O(rows * columns)",
    error="half a step up to the range of a channel, which is as many times that of one code as "
    "it has parts",
    exact="x",
    laws=("codec",),
    evidence=("activationsplit",),
)
class ActivationSplit(Codec):
    """Keep a layer's inputs in codes of one step; channels with outliers are several codes.

    The code n of a channel of k parts is kept as floor(n / k), ..., floor((n + k - 1) / k), whose
    sum is n: splitting adds no error, and the channel reaches k times as far. The layer's weights
    are duplicated to match, and nothing else changes: codes @ duplicated(weight).T is what the
    unsplit codes give. `calibrated` chooses channels and step. Array: `codes`, each row packed.

    Args:
        bits: of a code, 2..8.
        columns: channels, at least 1.
        extra: channels that have a part more, for each time they are named.
        step: of the codes, greater than 0.
        signed: whether codes are of -(2**(bits - 1) - 1) and up, else of 0..2**bits - 1.

    Raises:
        TypeError: an argument is not a number, or x is not of floats.
        ValueError: one is out of its range, or x is not finite in float32.
        IncompatibleError: x is of other columns.

    Example:
        >>> x = np.abs(np.random.default_rng(0).standard_normal((500, 50))).astype(np.float32)
        >>> x[:, 7] *= 5
        >>> plain, split = (ActivationSplit.calibrated(x, 4, ratio) for ratio in (0, 0.06))
        >>> split.extra, round(plain.step / split.step)
        ((7, 7, 5), 3)
        >>> w = np.random.default_rng(1).integers(-7, 8, (3, 50))
        >>> codes = split.expanded(split.encode(x))
        >>> bool((codes @ split.duplicated(w).T == split.rounded(x) @ w.T).all())
        True
    """

    KIND = "activation split"
    FIXED_RATE = True

    def __init__(
        self,
        bits: int,
        columns: int,
        extra: Sequence[int] = (),
        *,
        step: float = 1.0,
        signed: bool = True,
    ) -> None:
        self.bits = whole("bits", bits, 2, 8)
        self.columns = whole("columns", columns, 1, 2**31)
        self.extra = tuple(whole("extra", c, 0, columns - 1) for c in extra)
        self.step = float(np.float32(in_range("step", step, 1e-30, 1e30)))
        self.signed = bool(signed)
        self.most = 2 ** (self.bits - self.signed) - 1

    @classmethod
    def calibrated(
        cls,
        inputs: Any,
        bits: int = 8,
        ratio: float = 0.02,
        *,
        by: str = "max",
        clip: str = "none",
    ) -> Self:
        """Choose channels, step and sign by sample inputs of the layer.

        Args:
            inputs: (..., columns) floats, at least one row.
            bits: of a code, 2..8.
            ratio: added channels per channel, 0..1.
            by: "max" splits the channel whose part is the largest; "often" the one whose parts
                are most often beyond 99 % of all magnitudes.
            clip: "mse" narrows the range to what has the least squared error; "none" keeps all.

        Raises:
            ValueError: an argument is out of its range, or inputs are not finite in float32.
            DataError: inputs have no rows or no columns.
        """
        one_of("by", by, WAYS), one_of("clip", clip, CLIPS)
        x = rows_of(real(np.asarray(array_of(inputs)))).astype(np.float64)
        if not x.size:
            raise DataError("inputs must be at least one row and column, got none")
        if not np.isfinite(x).all():
            raise ValueError("inputs must be finite in float32")
        added = int(np.ceil(in_range("ratio", ratio, 0, 1) * x.shape[1] - 1e-9))
        extra = _largest_parts(x, added) if by == "max" else _frequent_parts(x, added)
        signed = bool(x.min() < 0)
        unit = cls(bits, x.shape[1], extra, signed=signed)
        step = float((np.abs(x).max(axis=0) / unit.parts).max() / unit.most)
        sample = x[:: -(-x.size // 2**20)]
        steps = np.maximum(step * (SHARES if clip == "mse" else SHARES[:1]), 1e-30)
        made = [cls(bits, x.shape[1], extra, step=float(s), signed=signed) for s in steps]
        return min(made, key=lambda m: np.square(m.rounded(sample) * m.step - sample).sum())

    @property
    def parts(self) -> NDArray[np.int64]:
        """Codes of each channel, (columns,)."""
        return 1 + np.bincount(np.array(self.extra, np.int64), minlength=self.columns)

    @property
    def index(self) -> NDArray[np.int64]:
        """The channel each code is of, (columns + extra,)."""
        return np.concatenate([np.arange(self.columns), np.array(self.extra, np.int64)])

    def spec(self) -> dict[str, Any]:
        """Bits, columns, which are split, step and sign."""
        return {
            "bits": self.bits, "columns": self.columns, "extra": list(self.extra),
            "step": self.step, "signed": self.signed,
        }  # fmt: skip

    def size(self, x: Any) -> int:
        """Bytes, exactly: a code of each part."""
        shape = array_of(x).shape
        if not shape or shape[-1] != self.columns:
            raise IncompatibleError(f"x must have {self.columns} columns, got shape {shape}")
        rows = int(np.prod(shape[:-1], dtype=np.int64))
        return rows * packed_size(self.columns + len(self.extra), self.bits)

    def bound(self, x: Any) -> NDArray[np.float64]:
        """Half a step, or the distance to what the parts of a channel reach."""
        numbers = np.asarray(array_of(x), np.float64)
        top = self.parts * self.most * self.step
        beyond = np.maximum(numbers - top, (-top if self.signed else 0) - numbers)
        return np.maximum(self.step * (0.5 + 2.0**-20), beyond)

    def rounded(self, x: ArrayLike) -> NDArray[np.int64]:
        """The codes that the parts add up to, of the shape of x."""
        most = self.parts * self.most
        codes = np.floor(np.asarray(x, np.float64) / self.step + 0.5)
        return np.clip(codes, -most if self.signed else 0, most).astype(np.int64)

    def expanded(self, encoded: Encoded) -> NDArray[np.int16]:
        """What a layer computes with: step * (codes @ duplicated(weight).T).

        Args:
            encoded: inputs (..., columns) that this codec encoded.

        Returns:
            Codes (..., columns + extra).

        Raises:
            IncompatibleError: another codec encoded it.
        """
        if encoded.codec != self:
            raise IncompatibleError(f"encoded must be of {self!r}, got {encoded!r}")
        rows = int(np.prod(encoded.shape[:-1], dtype=np.int64))
        return self._codes(encoded.arrays(), rows).reshape(*encoded.shape[:-1], -1)

    def duplicated(self, weight: ArrayLike) -> NDArray[Any]:
        """A weight (outputs, columns) for expanded codes: (outputs, columns + extra).

        Raises:
            IncompatibleError: the weight is of other columns.
        """
        array = np.asarray(array_of(weight))
        if array.ndim != 2 or array.shape[1] != self.columns:
            raise IncompatibleError(
                f"weight must be (outputs, {self.columns}), got shape {array.shape}"
            )
        return array[:, self.index]

    def _encode(self, x: np.ndarray) -> Arrays:
        self.size(x)
        flat = rows_of(real(x))
        if not np.isfinite(flat).all():
            raise ValueError("x must be finite in float32")
        low = self.most if self.signed else 0
        codes = (self.rounded(flat)[:, self.index] + self._turns()) // self.parts[self.index]
        return {"codes": pack(np.ascontiguousarray(codes + low, np.uint8), self.bits)}

    def _turns(self) -> NDArray[np.int64]:
        """Which part of its channel each code is: 0, 1, ..."""
        turns, met = np.zeros(self.columns + len(self.extra), np.int64), {}
        for k, c in enumerate(self.extra, self.columns):
            turns[k] = met[c] = met.get(c, 0) + 1
        return turns

    def _codes(self, arrays: Mapping[str, np.ndarray], rows: int) -> NDArray[np.int16]:
        wide = self.columns + len(self.extra)
        packed = taken(arrays, "codes", np.uint8, (rows, packed_size(wide, self.bits)))
        low = self.most if self.signed else 0
        return unpack(packed, self.bits, wide).astype(np.int16) - np.int16(low)

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        codes = self._codes(arrays, int(np.prod(out.shape[:-1], dtype=np.int64)))
        sums = codes[:, : self.columns].astype(np.int64)
        np.add.at(sums.T, self.index[self.columns :], codes[:, self.columns :].T)
        out[...] = in_dtype(sums * self.step, out.dtype).reshape(out.shape)


def _largest_parts(x: NDArray[np.float64], added: int) -> list[int]:
    """The channel of the largest part, again and again."""
    tops, parts = np.abs(x).max(axis=0), np.ones(x.shape[1])
    extra = []
    for _ in range(added):
        extra.append(int((tops / parts).argmax()))
        parts[extra[-1]] += 1
    return extra


def _frequent_parts(x: NDArray[np.float64], added: int) -> list[int]:
    """The channel whose part is most often beyond what is ordinary, again and again."""
    sizes = np.abs(x)
    ordinary = np.quantile(sizes, OFTEN)
    counts, parts = (sizes > ordinary).sum(axis=0), np.ones(x.shape[1])
    extra = []
    for _ in range(added):
        c = int(counts.argmax())
        parts[c] += 1
        counts[c] = (sizes[:, c] > ordinary * parts[c]).sum()
        extra.append(c)
    return extra
