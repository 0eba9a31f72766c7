"""Rows of encoded matrices, some or block by block: those of the whole, of every codec."""

import numpy as np
import pytest

from thrifty.codec import (
    NF4,
    BlockFloat,
    CodebookCodec,
    ExponentCodec,
    FixedPoint,
    FloatFormat,
    Groups,
    LeanCodec,
    RowReader,
    Sparse,
    TopLogits,
)
from thrifty.codec.rows import decoded_blocks
from thrifty.core import FormatError, IncompatibleError

X = np.random.default_rng(1).standard_normal((100, 48)).astype(np.float32)
ALONE = [
    Groups(4), NF4(16), NF4(8, double=False), BlockFloat.named("mxfp6_e3m2"), LeanCodec(3, group=7),
    CodebookCodec(4, 5, 2), CodebookCodec(4, 8, shared=False), ExponentCodec(), TopLogits(5),
    FixedPoint(6, 3), FloatFormat(4, 3),
]  # fmt: skip
CODECS = [*ALONE, Sparse()]


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_some_rows_are_those_of_the_whole(codec):
    """From one to another, none, the last, with steps, or by their numbers in any order."""
    encoded = codec.encode(X)
    whole, reader = encoded.decode(), RowReader(encoded)
    some = (slice(7, 19), slice(5, 5), slice(99, None), slice(None, None, -3), [3, 99, 3], [])
    for which in some:
        expected = whole[which if isinstance(which, slice) else np.array(which, np.int64)]
        for found in (encoded.rows(which), reader.read(which)):
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == np.float32
    assert reader.alone == (codec.KIND != "sparse")


@pytest.mark.parametrize("codec", ALONE, ids=repr)
def test_arrays_of_rows_are_cut_not_copied(codec):
    """What is decoded of some rows is a part of the arrays of all."""
    arrays = codec.encode(X).arrays()
    cut = codec._rows(arrays, X.shape, slice(3, 5))
    if codec.KIND == "exponents":
        assert cut is None  # a stream is read from within
        return
    assert cut.keys() == arrays.keys()
    assert all(np.shares_memory(part, arrays[name]) for name, part in cut.items())


def test_rows_of_codes_that_share_bytes_are_not_alone():
    """Seven codes of three bits end within a byte."""
    encoded = FixedPoint(3, 1).encode(X[:, :7])
    assert not RowReader(encoded).alone
    np.testing.assert_array_equal(encoded.rows([9]), encoded.decode()[[9]])


@pytest.mark.parametrize("codec", CODECS, ids=repr)
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
    """A vector, and codes that were cut, in whichever way they are read."""
    for read in (lambda e: next(decoded_blocks(e)), lambda e: e.rows([0])):
        with pytest.raises(IncompatibleError, match=r"^encoded must be a matrix, got Encoded"):
            read(Groups(4).encode(X[0]))
        encoded = Groups(4).encode(X)
        arrays = encoded.arrays()
        arrays["codes"] = arrays["codes"][:, :-1]
        damaged = type(encoded)(encoded.codec, encoded.shape, encoded.dtype, arrays)
        with pytest.raises(FormatError, match=r" must hold \d+ bytes, got \d+$"):
            read(damaged)


def test_arrays_of_fewer_rows_are_damage():
    """Also where the bytes are as many as they must be."""
    encoded = LeanCodec(8).encode(X)
    arrays = encoded.arrays()
    arrays["codes"] = arrays["codes"].reshape(50, -1)
    damaged = type(encoded)(encoded.codec, encoded.shape, encoded.dtype, arrays)
    with pytest.raises(FormatError, match=r"^arrays must have all rows: "):
        damaged.rows([99])
    with pytest.raises(FormatError, match=r"^array 'codes' must be uint8 of shape \(1, 48\), got "):
        damaged.rows(slice(99, 100))
