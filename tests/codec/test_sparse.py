"""Sparse: its laws, sizes by every convention, every bit pattern, and what is refused."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import csr_array

from thrifty.codec import Encoded, Sparse, sparse_sizes
from thrifty.codec._buffers import dtype_named
from thrifty.core import FormatError, record_of
from thrifty.laws import LAWS
from thrifty.laws.codecs import ARRAYS, SHAPES

LAW_CASES = [law for name in record_of(Sparse).laws for law in LAWS[name]]
NEAR_EMPTY = hnp.arrays(np.float32, SHAPES, elements=st.sampled_from([0.0, 0.0, 0.0, -0.0, 1.5]))


@pytest.mark.parametrize("index", ["least", "bitmap", "csr"])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, index):
    """The laws the record names hold, for full arrays and for nearly empty ones."""
    law(lambda: Sparse(index=index))
    law(lambda: Sparse(index=index), NEAR_EMPTY)
    assert ARRAYS is not NEAR_EMPTY


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float8_e4m3fn", "float64", "int8"])
def test_every_bit_pattern_returns(name):
    """NaN payloads, infinities and minus zero among zeros, of each dtype."""
    rng, dtype = np.random.default_rng(1), dtype_named(name)
    x = np.frombuffer(rng.bytes(600 * dtype.itemsize), np.uint8).copy().view(dtype).reshape(20, 30)
    x[rng.random(x.shape) < 0.8] = 0
    assert Sparse().encode(x).decode().tobytes() == x.tobytes()


def test_sizes_are_what_scipy_holds():
    """4 bytes a column and a start are SciPy's; wide rows take 4 bytes a column, others 2."""
    x = (np.random.default_rng(0).random((50, 300)) < 0.1).astype(np.float32)
    peer, sizes = csr_array(x), sparse_sizes(x)
    assert sizes["csr32"] == peer.data.nbytes + peer.indices.nbytes + peer.indptr.nbytes
    assert sizes["csr"] == peer.data.nbytes + 2 * peer.nnz + 8 * 51
    assert sizes["least"] == sizes["bitmap"] == peer.data.nbytes + 1875
    wide = np.zeros((1, 2**16 + 1), np.float32)
    wide[0, -1] = 1
    assert Sparse(index="csr").size(wide) == 4 + 4 + 16
    assert Sparse(index="csr").encode(wide).decode()[0, -1] == 1


def test_another_index_is_refused():
    """By name."""
    with pytest.raises(ValueError, match=r"^index must be one of least, bitmap, csr, got 'coo'$"):
        Sparse(index="coo")


def forged(codec, x, **arrays):
    """What is encoded, with some arrays in place of its own."""
    made = codec.encode(x)
    return Encoded(made.codec, made.shape, made.dtype, made.arrays() | arrays)


def test_stored_places_are_checked():
    """A place outside the array, or counts that do not add up, are never followed."""
    x = np.eye(3, dtype=np.float32)
    csr, bitmap = Sparse(index="csr"), Sparse(index="bitmap")
    with pytest.raises(FormatError, match=r"^columns must be below 3, got 3$"):
        forged(csr, x, columns=np.array([0, 1, 3], np.uint16)).decode()
    for starts in ([0, 1, 2, 2], [0, 2, 1, 3], [1, 1, 2, 3]):
        with pytest.raises(FormatError, match=r"^starts must be rows of 3 elements, got others$"):
            forged(csr, x, starts=np.array(starts)).decode()
    with pytest.raises(FormatError, match=r"^bitmap must mark 3 elements, got 0$"):
        forged(bitmap, x, bitmap=np.zeros(2, np.uint8)).decode()


def test_bytes_are_stable():
    """Golden: the bytes of a fixed array do not move between versions."""
    x = np.where(np.arange(60) % 7 == 3, np.arange(60), 0).reshape(5, 12).astype(np.float32)
    found = [
        hashlib.sha256(Sparse(index=index).encode(x).to_bytes()).hexdigest()[:16]
        for index in ("bitmap", "csr")
    ]
    assert found == ["6584abddfb10bc56", "e0d026d34cf07c90"]
