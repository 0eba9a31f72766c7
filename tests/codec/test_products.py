"""Products with encoded matrices: within their bound of the exact ones, however they are asked."""

import numpy as np
import pytest

from thrifty.codec import ExponentCodec, Groups
from thrifty.codec.products import PackedMatrix
from thrifty.core import FormatError, IncompatibleError, record_of
from thrifty.core.machine import has_instructions
from thrifty.laws import LAWS

able = pytest.mark.skipif(
    not has_instructions("avx512vnni", "avx512f"), reason="no AVX-512 VNNI here"
)
SHAPES = [(64, 256, 64), (70, 200, 64), (17, 33, 32), (1, 8, 8), (33, 640, 640)]


def matrix_of(bits, rows, columns, group, *, symmetric=False, seed=1):
    """An encoded matrix whose rows are of different sizes and not around 0."""
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((rows, columns)) + 0.3) * 10.0 ** rng.integers(-2, 3, (rows, 1))
    return Groups(bits, group, symmetric=symmetric).encode(x.astype(np.float32))


@able
@pytest.mark.parametrize("law", LAWS["products"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bits", [4, 8])
def test_laws(bits, shape, law):
    """Of both widths, of sizes that lines and groups do not divide."""
    assert record_of(PackedMatrix).laws == ("products",)
    law(lambda: PackedMatrix.of(matrix_of(bits, *shape)))


@able
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bits", [4, 8])
def test_what_is_laid_out_anew_is_the_same_matrix(bits, shape, symmetric):
    """Decoded from its lines it is what the codec decodes, also from the middle."""
    encoded = matrix_of(bits, *shape, symmetric=symmetric)
    found = PackedMatrix.of(encoded)
    np.testing.assert_array_equal(found.decode(), encoded.decode())
    if shape[0] > 20:
        np.testing.assert_array_equal(found.decode(16, 20), encoded.decode()[16:20])


@able
def test_bytes_are_those_of_the_codes():
    """Where sizes are even nothing is added; symmetric ones get their zeros."""
    encoded = matrix_of(4, 64, 256, 64)
    assert PackedMatrix.of(encoded).nbytes == encoded.nbytes == 64 * (128 + 4 * 3)


@able
def test_whole_numbers_are_exact():
    """Codes and vectors that int8 holds are multiplied without any error."""
    rng = np.random.default_rng(2)
    w = rng.integers(0, 16, (32, 64)).astype(np.float32)
    w[:, :2] = 0, 15
    x = rng.integers(-127, 128, (5, 64)).astype(np.float32)
    x[:, 0] = 127
    np.testing.assert_array_equal(PackedMatrix.of(Groups(4, 64).encode(w)).times(x), x @ w.T)


@able
def test_vectors_that_do_not_fit_are_refused():
    """Of another width or dtype."""
    found = PackedMatrix.of(matrix_of(4, 64, 256, 64))
    message = r"^x must be float32 of shape \(m, 256\), got float32 \(1, 255\)$"
    with pytest.raises(IncompatibleError, match=message):
        found.times(np.zeros((1, 255), np.float32))
    with pytest.raises(IncompatibleError, match=r"got float64 \(1, 256\)$"):
        found.times(np.zeros((1, 256)))


@pytest.mark.parametrize(
    "encoded",
    [
        Groups(3).encode(np.ones((16, 64), np.float32)),
        Groups(4, 12).encode(np.ones((16, 24), np.float32)),
        Groups(4).encode(np.ones(64, np.float32)),
        ExponentCodec().encode(np.ones((16, 64), np.float32)),
    ],
    ids=["bits", "group", "no matrix", "codec"],
)
def test_what_is_no_such_matrix_is_refused(encoded):
    """By `fits`, and by an error that says what it must be."""
    assert not PackedMatrix.fits(encoded)
    with pytest.raises(IncompatibleError, match=r"^encoded must be a matrix of Groups of 4 or 8 "):
        PackedMatrix.of(encoded)


@able
def test_arrays_of_another_matrix_are_refused():
    """Swapped arrays never reach the kernel."""
    found = PackedMatrix.of(matrix_of(4, 64, 256, 64))
    with pytest.raises(FormatError, match=r"^array 'codes' must be uint8 of shape \(8, 2048\)"):
        PackedMatrix(4, (128, 256), 64, **found.arrays())
