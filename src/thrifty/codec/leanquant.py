"""LeanQuant: a matrix as codes of 1 to 8 bits, packed by row, and a grid of values for each row."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.codec._buffers import array_of, bits_of
from thrifty.codec._grids import fit_grid, grid_tables, look_up, nearest_codes, slices
from thrifty.codec._units import checked_unit, in_units, out_of_units
from thrifty.codec.codec import Arrays, Codec, Some
from thrifty.codec.packing import pack, packed_size, unpack
from thrifty.core import method, one_of, taken, whole

__all__ = ["LeanCodec", "matrix_shape"]

FORMS = ("codebook", "affine")
WIDEST = 2**31
BLOCK = 1 << 18  # codes that are unpacked at once


@method(
    source="Zhang and Shrivastava 2024, arXiv:2407.10032",
    memory="rows * ceil(columns * bits / 8) of codes; for each row, or each `group` columns of it, "
    "2 * 2**bits of a codebook, or 4 of a scale and a least value; 8",
    time="O(2**bits * columns * log(columns)) a row to encode, a look-up a weight to decode",
    error="codebook: range * min(1, sqrt(columns) / 2**(bits + 1)); affine: range / (2**bits - 1) "
    "/ 2; and the rounding of the grid to float16",
    exact="x",
    laws=("codec",),
    evidence=("gptq", "leanquant", "leanquant_retrieval"),
)
class LeanCodec(Codec):
    """A code for each weight, and for each row the values that the codes stand for.

    `encode` rounds to the nearest value of a grid that looks at the weights alone: the best 2**bits
    means of each row, or even steps from its least to its largest. With inputs to calibrate on,
    `gptq` makes the same kind of `Encoded` with less error in what the layer puts out.

    An array (out, ...) is taken as the matrix (out, all the rest). What is encoded holds "codes"
    (rows, bytes) uint8, code j of a row in its bits j * bits and up, the least bit first; "unit"
    (1,) float64; and "codebook" (rows, groups, 2**bits) float16, ascending, in units, or "scale"
    and "low" (rows, groups) float16, in units: a weight is low + scale * code.

    Args:
        bits: of a code, 1..8.
        form: "codebook" or "affine".
        group: columns that share a grid; None for whole rows.

    Raises:
        TypeError: `bits` or `group` is not a whole number; x is not of floats.
        ValueError: an argument is out of its range; x is not finite.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(64, 512)).astype(np.float32)
        >>> small = LeanCodec(4).encode(x)
        >>> small.nbytes == 64 * 256 + 64 * 16 * 2 + 8 == LeanCodec(4).size(x)
        True
        >>> bool((abs(small.decode() - x) <= LeanCodec(4).bound(x)).all())
        True
    """

    KIND = "lean"
    FIXED_RATE = True

    def __init__(self, bits: int = 4, form: str = "codebook", group: int | None = None) -> None:
        self.bits = whole("bits", bits, 1, 8)
        self.form = one_of("form", form, FORMS)
        self.group = None if group is None else whole("group", group, 1, WIDEST)

    def spec(self) -> dict[str, Any]:
        """Bits, form and group."""
        return {"bits": self.bits, "form": self.form, "group": self.group}

    def size(self, x: Any) -> int:
        """Bytes, exactly; only the shape of x is looked at."""
        rows, columns = matrix_shape(array_of(x).shape)
        each = 4 if self.form == "affine" else 2 << self.bits
        grids = len(slices(columns, self.step(columns)))
        return rows * packed_size(columns, self.bits) + rows * grids * each + 8

    def step(self, columns: int) -> int:
        """Columns that share a grid, in a matrix of so many."""
        return columns if self.group is None else min(self.group, columns)

    def bound(self, x: Any) -> NDArray[np.float64]:
        """Of what `encode` makes: a share of the range of each row or group, and float16's step."""
        found = array_of(x)
        values, unit = in_units(found)
        matrix = values.reshape(matrix_shape(found.shape))
        errors = np.zeros(matrix.shape)
        for part in slices(matrix.shape[1], self.step(matrix.shape[1])):
            errors[:, part] = self._bound(matrix[:, part].astype(np.float64))[:, None]
        return (errors * unit).reshape(found.shape)

    def _bound(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        low, high = block.min(axis=1), block.max(axis=1)
        count, rounding = 2**self.bits, 2.0**-10 * np.maximum(abs(low), abs(high)) + 2.0**-24
        if self.form == "affine":
            step = (high - low) / (count - 1)
            return step / 2 + rounding + (count - 1) * (step * 2.0**-11 + 2.0**-24)
        return (high - low) * min(1.0, math.sqrt(block.shape[1]) / (2 * count)) + rounding

    def tables(self, arrays: Mapping[str, np.ndarray], shape: tuple[int, ...], dtype: Any) -> Any:
        """The values of all codes, (rows, groups, 2**bits), of a dtype.

        Args:
            arrays: of what this codec encoded.
            shape: of what was encoded.
            dtype: of floats; what is beyond its largest number is that number.

        Raises:
            FormatError: the arrays are none of such a shape.
        """
        rows, columns = matrix_shape(shape)
        groups = len(slices(columns, self.step(columns)))
        unit = checked_unit(taken(arrays, "unit", np.float64, (1,))[0])
        names = ("codebook",) if self.form == "codebook" else ("scale", "low")
        grid = {name: arrays[name] for name in names if name in arrays}
        with np.errstate(all="ignore"):
            values = grid_tables(grid, self.form, (rows, groups), self.bits)
        return out_of_units(values, unit, np.dtype(dtype))

    def encoded_arrays(self, codes: NDArray[np.uint8], unit: float, grid: Arrays) -> Arrays:
        """The arrays of what is encoded, of unpacked codes (rows, columns)."""
        packed = np.zeros((len(codes), packed_size(codes.shape[1], self.bits)), np.uint8)
        if codes.size:
            packed = pack(codes, self.bits)
        return {"codes": packed, "unit": np.array([unit]), **grid}

    def _encode(self, x: np.ndarray) -> Arrays:
        values, unit = in_units(x)
        matrix = values.reshape(matrix_shape(x.shape))
        step = self.step(matrix.shape[1])
        kind = "kmeans" if self.form == "codebook" else "affine"
        grid = fit_grid(matrix, kind, self.bits, step, None)
        shape = (len(matrix), len(slices(matrix.shape[1], step)))
        tables = grid_tables(grid, self.form, shape, self.bits)
        return self.encoded_arrays(nearest_codes(matrix, tables, step), unit, grid)

    def _rows(self, arrays: Mapping[str, np.ndarray], shape: tuple[int, int], some: Some) -> Arrays:
        return {name: a if name == "unit" else a[some] for name, a in arrays.items()}

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        rows, columns = matrix_shape(out.shape)
        packed = taken(arrays, "codes", np.uint8, (rows, packed_size(columns, self.bits)))
        tables = bits_of(self.tables(arrays, out.shape, out.dtype))
        into = bits_of(out).reshape(rows, columns)
        step = max(1, BLOCK // max(1, columns))
        for low in range(0, rows if columns else 0, step):
            some = slice(low, min(low + step, rows))
            codes = unpack(packed[some], self.bits, columns)
            look_up(codes, tables[some], self.step(columns), into[some])


def matrix_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of an array (out, ...) as a matrix; one row if it has one axis or none."""
    if len(shape) < 2:
        return 1, math.prod(shape)
    return shape[0], math.prod(shape[1:])
