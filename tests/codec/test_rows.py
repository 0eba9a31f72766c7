"""Rows of encoded matrices, block by block: those of the whole, of every codec."""

import numpy as np
import pytest

from thrifty.codec import NF4, ExponentCodec, Groups, LeanCodec, Sparse
from thrifty.codec.rows import decoded_blocks
from thrifty.core import FormatError, IncompatibleError

X = np.random.default_rng(1).standard_normal((100, 48)).astype(np.float32)
CODECS = [Groups(4), NF4(), LeanCodec(3), ExponentCodec(), Sparse()]


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.KIND)
@pytest.mark.parametrize("block", [1, 500, 10_000])
def test_blocks_are_the_rows_of_the_whole(codec, block):
    """In order, without a gap, whatever their size; one block where only all can be decoded."""
    encoded = codec.encode(X)
    parts = list(decoded_blocks(encoded, block))
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in parts]), encoded.decode())
    assert [start for start, _ in parts] == np.cumsum([0, *map(len, (r for _, r in parts))])[
        :-1
    ].tolist()
    several = codec.KIND != "sparse" and block < X.size
    assert (len(parts) > 1) == several


def test_no_rows_give_no_blocks():
    """A matrix without rows or columns is none or one empty block."""
    assert list(decoded_blocks(Groups(4).encode(X[:0]))) == []
    assert [rows.shape for _, rows in decoded_blocks(Groups(4).encode(X[:, :0]))] == [(100, 0)]


def test_what_is_no_matrix_or_damaged_is_refused():
    """A vector, and codes that were cut."""
    with pytest.raises(IncompatibleError, match=r"^encoded must be a matrix, got Encoded"):
        next(decoded_blocks(Groups(4).encode(X[0])))
    encoded = Groups(4).encode(X)
    arrays = encoded.arrays()
    arrays["codes"] = arrays["codes"][:, :-1]
    damaged = type(encoded)(encoded.codec, encoded.shape, encoded.dtype, arrays)
    with pytest.raises(FormatError, match=r"^"):
        next(decoded_blocks(damaged))
