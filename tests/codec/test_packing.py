"""Packing: every width against single bits, rows, and what is refused."""

import numpy as np
import pytest

from thrifty.codec import pack, unpack
from thrifty.codec.packing import code_type, packed_size
from thrifty.core import IncompatibleError


@pytest.mark.parametrize("bits", range(1, 33))
def test_codes_are_bits_side_by_side(bits):
    """Code i takes bits i * bits on, the lowest first, for any number of codes; and they return."""
    rng = np.random.default_rng(bits)
    for n in (0, 1, 7, 8, 9, 15, 16, 17, 64, 1001):
        codes = rng.integers(0, 2**bits, n).astype(code_type(bits))
        single = codes[:, None].astype(np.int64) >> np.arange(bits) & 1
        wanted = np.packbits(single.astype(np.uint8), bitorder="little")
        packed = pack(codes, bits)
        assert packed.size == packed_size(n, bits)
        np.testing.assert_array_equal(packed, wanted)
        np.testing.assert_array_equal(unpack(packed, bits, n), codes)


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 8), (0, 5), (3, 0), (1, 1)])
@pytest.mark.parametrize("bits", [1, 3, 4, 8, 11, 16])
def test_rows_begin_with_a_byte(shape, bits):
    """Each row of the last axis is packed as it would be alone."""
    codes = np.random.default_rng(0).integers(0, 2**bits, shape).astype(code_type(bits))
    packed = pack(codes, bits)
    assert packed.shape == (*shape[:-1], packed_size(shape[-1], bits))
    rows = codes.reshape(-1, shape[-1]) if codes.size else codes[:0].reshape(0, shape[-1])
    for row, alone in zip(rows, packed.reshape(len(rows), -1) if len(rows) else [], strict=True):
        np.testing.assert_array_equal(pack(row, bits), alone)
    np.testing.assert_array_equal(unpack(packed, bits, shape[-1]), codes)


def test_refusals():
    """Codes of another type, widths out of range, bytes of another number of codes."""
    with pytest.raises(TypeError, match=r"^codes must be contiguous uint8 for 3 bits, got uint16$"):
        pack(np.zeros(3, np.uint16), 3)
    with pytest.raises(ValueError, match=r"^bits must be in 1\.\.32, got 33$"):
        pack(np.zeros(3, np.uint32), 33)
    with pytest.raises(
        IncompatibleError, match=r"^packed must be uint8 of 2 bytes a row, got uint8 \(3,\)$"
    ):
        unpack(np.zeros(3, np.uint8), 4, 4)
