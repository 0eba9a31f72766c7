"""Outlier channel splitting: weights of a narrower range, with a few input channels twice."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._buffers import array_of
from thrifty.codec.blocks import rows_of
from thrifty.codec.codec import Arrays, Codec, Encoded
from thrifty.codec.numberformat import in_dtype, real
from thrifty.codec.packing import pack, packed_size, unpack
from thrifty.core import FormatError, IncompatibleError, in_range, method, one_of, taken, whole

__all__ = ["OutlierSplit"]

SHARES = np.linspace(1.0, 0.3, 36)
SCALES = ("tensor", "row")
CLIPS = ("none", "mse")


@method(
    source="Zhao et al. 2019, arXiv:1901.09504 (OCS)",
    memory="rows * ceil(bits * (columns + extra) / 8) + 4 * extra + 4 bytes, or 4 * rows if the "
    "scales are of rows, with extra = ceil(ratio * columns)",
    time="O(rows * columns), and O(columns) a split",
    error="half a step, which is the largest weight after splitting over 2**(bits - 1) - 1",
    exact="x",
    laws=("codec",),
    evidence=("outliersplit",),
)
class OutlierSplit(Codec):
    """Keep a layer's weights in a few bits; columns that hold the largest are kept as two halves.

    The column of the largest weight is split until ratio * columns are added, and the step follows
    from what is largest then. Halves are (w - step / 2) / 2 and (w + step / 2) / 2, whose codes add
    up to that of w: splitting adds no error. A layer that computes with the codes gathers its
    inputs by `expanded`'s index. Arrays: `codes` (rows, bytes of a row), code plus 2**(bits - 1),
    of all columns and then the added ones; `extra` uint32, the column each added one is of;
    `scales` float32.

    Args:
        bits: of a code, 2..8.
        ratio: added columns per column, 0..1.
        scales: "tensor" for one step, "row" for one for each output.
        clip: "mse" narrows each range to what has the least squared error; "none" keeps it.

    Raises:
        TypeError: a number of bits that is not whole, or x is not of floats.
        ValueError: one is out of its range, or x is not finite in float32.

    Example:
        >>> w = np.random.default_rng(0).standard_normal((64, 100)).astype(np.float32)
        >>> w[3, 7] = 9
        >>> codec = OutlierSplit(4, 0.05)
        >>> codes, scales, index = codec.expanded(codec.encode(w))
        >>> codes.shape, index[100:].tolist()[0], int(abs(codes).max())
        ((64, 105), 7, 7)
        >>> inputs = np.ones((1, 100), np.float32)
        >>> plain = inputs @ codec.encode(w).decode().T
        >>> bool(np.allclose(inputs[:, index] @ (codes * scales).T, plain, atol=1e-4))
        True
    """

    KIND = "outlier split"
    FIXED_RATE = True

    def __init__(
        self, bits: int = 4, ratio: float = 0.02, *, scales: str = "tensor", clip: str = "none"
    ) -> None:
        self.bits = whole("bits", bits, 2, 8)
        self.ratio = float(in_range("ratio", ratio, 0, 1))
        self.scales = one_of("scales", scales, SCALES)
        self.clip = one_of("clip", clip, CLIPS)

    def spec(self) -> dict[str, Any]:
        """Bits, ratio, scales and clipping."""
        return {"bits": self.bits, "ratio": self.ratio, "scales": self.scales, "clip": self.clip}

    def _shape(self, x: Any) -> tuple[int, int, int, int]:
        """Rows, columns, added columns and scales."""
        shape = array_of(x).shape
        rows, columns = (int(np.prod(shape[:-1], dtype=np.int64)), shape[-1]) if shape else (1, 1)
        extra = int(np.ceil(self.ratio * columns - 1e-9)) if rows else 0
        return rows, columns, extra, rows if self.scales == "row" else 1

    def size(self, x: Any) -> int:
        """Bytes, exactly: codes with the added columns, whose they are, and scales."""
        rows, columns, extra, steps = self._shape(x)
        return rows * packed_size(columns + extra, self.bits) + 4 * extra + 4 * steps

    def bound(self, x: Any) -> NDArray[np.float64]:
        """Half a step; of what is clipped, the distance to the range and half a step a part."""
        flat = rows_of(x).astype(np.float64)
        parts, owners, scales = self._split(flat)
        most = 2 ** (self.bits - 1) - 1
        beyond = np.zeros(flat.shape)
        over = np.maximum(np.abs(parts) - most * scales[:, None], 0)
        np.add.at(beyond.T, owners, over.T)
        counts = np.bincount(owners, minlength=flat.shape[1])
        halves = np.where(beyond > 0, counts, 1) * (0.5 + 2.0**-20)
        return (scales[:, None] * halves + beyond).reshape(array_of(x).shape)

    def _split(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Columns and added ones in final halves, whose they are, and the steps of rows."""
        extra = self._shape(x)[2]
        columns = x.shape[1]
        owners = np.concatenate([np.arange(columns), np.zeros(extra, np.int64)])
        tops = np.concatenate([np.abs(x).max(axis=0, initial=0), np.zeros(extra)])
        order = np.zeros(extra, np.int64)
        for k in range(extra):
            order[k] = tops.argmax()
            tops[order[k]] /= 2
            tops[columns + k] = tops[order[k]]
            owners[columns + k] = owners[order[k]]
        halves = np.concatenate([x, np.zeros((len(x), extra))], axis=1)
        for k in range(extra):
            halves[:, order[k]] /= 2
            halves[:, columns + k] = halves[:, order[k]]
        scales = self._steps(halves)
        parts = np.concatenate([x, np.zeros((len(x), extra))], axis=1)
        for k in range(extra):
            w = parts[:, order[k]].copy()
            parts[:, order[k]] = (w - scales / 2) / 2
            parts[:, columns + k] = (w + scales / 2) / 2
        return parts, owners, scales

    def _steps(self, x: np.ndarray) -> NDArray[np.float64]:
        """The step of each row, a float32."""
        most = 2 ** (self.bits - 1) - 1
        groups = x if self.scales == "row" else x.reshape(1, -1)
        tops = np.abs(groups).max(axis=1, initial=0)
        steps = np.maximum(tops / most, 2.0**-120)
        if self.clip == "mse":
            errors = []
            for share in SHARES:
                step = (steps * share)[:, None]
                codes = np.clip(np.floor(groups / step + 0.5), -most, most)
                errors.append(np.square(codes * step - groups).sum(axis=1))
            steps = steps * SHARES[np.argmin(errors, axis=0)]
        return np.broadcast_to(steps.astype(np.float32).astype(np.float64), (len(x),))

    def _encode(self, x: np.ndarray) -> Arrays:
        flat = rows_of(real(x))
        if not np.isfinite(flat).all():
            raise ValueError("x must be finite in float32")
        parts, owners, scales = self._split(flat.astype(np.float64))
        half = 2 ** (self.bits - 1)
        codes = np.clip(np.floor(parts / scales[:, None] + 0.5), 1 - half, half - 1)
        kept = scales if self.scales == "row" else np.resize(scales, 1) if len(scales) else [0]
        return {
            "codes": pack((codes + half).astype(np.uint8), self.bits),
            "extra": owners[flat.shape[1] :].astype(np.uint32),
            "scales": np.asarray(kept, np.float32),
        }

    def _parts(
        self, arrays: Mapping[str, np.ndarray], x: Any
    ) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.int64]]:
        rows, columns, extra, steps = self._shape(x)
        owners = taken(arrays, "extra", np.uint32, (extra,))
        if extra and owners.max() >= columns:
            raise FormatError(f"extra must be columns below {columns}, got {owners.max()}")
        wide = columns + extra
        packed = taken(arrays, "codes", np.uint8, (rows, packed_size(wide, self.bits)))
        codes = unpack(packed, self.bits, wide).astype(np.int16) - 2 ** (self.bits - 1)
        scales = taken(arrays, "scales", np.float32, (steps,))
        index = np.concatenate([np.arange(columns), owners.astype(np.int64)])
        return codes.astype(np.int8), scales[:, None], index

    def expanded(
        self, encoded: Encoded
    ) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.int64]]:
        """What a layer computes with: x[..., index] @ (codes * scales).T.

        Args:
            encoded: a matrix (outputs, inputs) that this codec encoded.

        Returns:
            Codes (outputs, inputs + extra), scales (outputs or 1, 1), index (inputs + extra,).

        Raises:
            IncompatibleError: another codec encoded it, or it is no matrix.
        """
        if encoded.codec != self or len(encoded.shape) != 2:
            raise IncompatibleError(f"encoded must be a matrix of {self!r}, got {encoded!r}")
        return self._parts(encoded.arrays(), np.broadcast_to(np.float32(0), encoded.shape))

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        codes, scales, index = self._parts(arrays, out)
        columns = len(index) - len(arrays["extra"])
        sums = codes[:, :columns].astype(np.int64)
        np.add.at(sums.T, index[columns:], codes[:, columns:].T)
        with np.errstate(over="ignore", invalid="ignore"):  # forged scales
            numbers = sums * scales.astype(np.float64)
        out[...] = in_dtype(numbers, out.dtype).reshape(out.shape)
