"""FloatFormat: its laws, every number and tie, ml_dtypes and torch to the bit, edges, bytes."""

import hashlib

import ml_dtypes
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.codec.grids import by_hand, grid_of, hard_numbers
from thrifty.codec import FloatFormat, quantize
from thrifty.codec.floats import NAMED
from thrifty.core import record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(FloatFormat).laws if name == "codec" for law in LAWS[name]]
INSIDE = hnp.arrays(np.float32, hnp.array_shapes(max_side=9), elements=st.floats(-6, 6, width=32))
SPLITS = [(1, 3), (2, 0), (2, 1), (3, 2), (4, 3), (5, 2), (6, 1), (7, 3), (8, 2)]


def dtype_of(name):
    """NumPy's dtype of this name."""
    return np.dtype(getattr(ml_dtypes, name, name))


def every_kind_of_float32(seed):
    """Many bit patterns, infinities and NaN among them, and as many ordinary numbers."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**32, 2**18, dtype=np.uint64).astype(np.uint32).view(np.float32)
    scales = np.exp2(rng.integers(-20, 18, 2**18)).astype(np.float32)
    return np.concatenate([bits, rng.standard_normal(2**18).astype(np.float32) * scales])


@pytest.mark.parametrize(
    ("split", "rounding"), [((2, 1), "nearest"), ((4, 3), "stochastic"), ((8, 12), "nearest")]
)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, split, rounding):
    """The laws the record names hold."""
    law(lambda: FloatFormat(*split, saturate=True, rounding=rounding, seed=2))


@pytest.mark.parametrize("law", LAWS["unbiased"], ids=lambda law: law.__name__)
def test_rounding_by_chance_is_right_on_average(law):
    """Within the range, subnormals too."""
    law(lambda seed: FloatFormat(2, 1, specials="none", rounding="stochastic", seed=seed), INSIDE)
    law(lambda seed: FloatFormat(8, 7, rounding="stochastic", seed=seed))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", ["nearest", "zero"])
@pytest.mark.parametrize("specials", ["inf", "none"])
@pytest.mark.parametrize("split", SPLITS, ids=str)
def test_every_number_and_every_tie(split, specials, mode, dtype):
    """Numbers of the grid stay, those between go where the slow way puts them."""
    if specials == "inf" and split[1] == 0:
        pytest.skip("no mantissa, no NaN")
    form = FloatFormat(*split, specials=specials, saturate=True, rounding=mode)
    numbers, codes = grid_of(form)
    with np.errstate(over="ignore"):
        x = hard_numbers(numbers).astype(dtype)
        most = np.finfo(dtype).max
        wanted = np.clip(by_hand(x, numbers, codes, mode), -most, most).astype(dtype)
    np.testing.assert_array_equal(form.quantized(x), wanted)
    np.testing.assert_array_equal(np.signbit(form.quantized(x)), np.signbit(x))
    np.testing.assert_array_equal(form.codes(numbers), codes)
    np.testing.assert_array_equal(form.encode(x).decode(), form.quantized(x))


@pytest.mark.parametrize("name", NAMED)
def test_all_codes_decode_as_in_ml_dtypes(name):
    """Every bit pattern, infinities, NaN and zeros with a sign among them."""
    dtype, form = dtype_of(name), FloatFormat.named(name)
    codes = np.arange(2**form.bits)
    with np.errstate(invalid="ignore"):  # signalling NaN
        theirs = codes.astype(f"u{dtype.itemsize}").view(dtype).astype(np.float64)
    ours = form.values(codes)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(np.signbit(ours), np.signbit(theirs))
    assert form.largest == float(ml_dtypes.finfo(dtype).max)


@pytest.mark.parametrize("wide", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMED)
def test_codes_are_those_of_ml_dtypes(name, wide):
    """To the bit: ties, subnormals, overflow, infinities, NaN."""
    dtype, form = dtype_of(name), FloatFormat.named(name)
    with np.errstate(all="ignore"):
        grid = hard_numbers(grid_of(form)[0])
        x = np.concatenate([grid.astype(np.float32), every_kind_of_float32(1)]).astype(wide)
        if form.specials == "none":
            x = x[~np.isnan(x)]
        theirs = x.astype(dtype).view(f"u{dtype.itemsize}")
    ours = form.codes(x)
    if name == "float16":  # NumPy keeps some bits of a NaN there
        theirs = np.where(np.isnan(x), ours, theirs)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.peers
@pytest.mark.parametrize("name", ["bfloat16", "float16", "float8_e5m2", "float8_e4m3fn"])
def test_codes_are_those_of_torch(name):
    """To the bit; of float8_e4m3fn torch saturates what is finite."""
    torch = pytest.importorskip("torch")
    x = every_kind_of_float32(2)
    theirs = torch.from_numpy(x).to(getattr(torch, name))
    word = torch.uint8 if name.startswith("float8") else torch.uint16
    ours = FloatFormat.named(name).codes(x)
    if name == "float8_e4m3fn":
        ours = np.where(np.isinf(x), ours, FloatFormat.named(name, saturate=True).codes(x))
    numbers = ~np.isnan(x)
    np.testing.assert_array_equal(ours[numbers], theirs.view(word).numpy()[numbers])
    assert np.isnan(theirs.float().numpy()[~numbers]).all()


@pytest.mark.parametrize("name", NAMED)
def test_a_tensor_in_the_format_comes_back_whole(name):
    """Of the format's own dtype, where it has one here, every bit pattern but NaN."""
    if name not in ("bfloat16", "float16", "float8_e5m2", "float8_e4m3fn"):
        pytest.skip("no dtype of arrays that codecs take")
    dtype, form = dtype_of(name), FloatFormat.named(name)
    x = np.arange(2**form.bits).astype(f"u{dtype.itemsize}").view(dtype)
    x = x[~np.isnan(x.astype(np.float32))]
    assert form.encode(x).decode().tobytes() == x.tobytes()


def test_overflow_as_the_format_has_it():
    """Infinite, NaN or the largest number; toward zero what is finite stays so."""
    x = np.array([1e9, -1e9, np.inf, -np.inf], np.float32)
    inf = np.inf
    cases = {
        (4, 3, "inf", False): [inf, -inf, inf, -inf],
        (4, 3, "inf", True): [240, -240, 240, -240],
        (4, 3, "nan", True): [448, -448, 448, -448],
        (2, 1, "none", False): [6, -6, 6, -6],
    }
    for (exponent, mantissa, specials, saturate), wanted in cases.items():
        form = FloatFormat(exponent, mantissa, specials=specials, saturate=saturate)
        assert quantize(x, form).tolist() == wanted
    assert quantize(x, FloatFormat(4, 3), rounding="zero").tolist() == [240, -240, inf, -inf]
    assert np.isnan(quantize(x, FloatFormat.named("float8_e4m3fn"))).all()


def test_numbers_too_large_for_the_dtype():
    """A float16 array keeps finite what the format rounds up beyond it."""
    x = np.array([65504, -65504], np.float16)
    assert quantize(x, FloatFormat.named("bfloat16")).tolist() == [65504, -65504]


def test_refusals():
    """NaN where there is none, splits out of range, infinities without a mantissa."""
    with pytest.raises(ValueError, match=r"^x must be without NaN, which FloatFormat.* has not$"):
        FloatFormat.named("float4_e2m1fn").encode(np.array([np.nan], np.float32))
    with pytest.raises(ValueError, match=r"^exponent must be in 1\.\.8, got 9$"):
        FloatFormat(9, 3)
    with pytest.raises(ValueError, match=r"^mantissa must be in 1\.\.22 where .* is 'inf', got 0$"):
        FloatFormat(4, 0)
    with pytest.raises(ValueError, match=r"^name must be one of bfloat16, .*, got 'fp8'$"):
        FloatFormat.named("fp8")
    with pytest.raises(TypeError, match=r"^x must be of floats, got bool$"):
        FloatFormat(4, 3).encode(np.zeros(3, bool))


def test_golden_bytes():
    """What is written to disk does not change."""
    x = np.linspace(-9, 9, 100, dtype=np.float32)
    data = b"".join(
        FloatFormat.named(name, rounding="stochastic", seed=1).encode(x).to_bytes()
        for name in NAMED
    )
    assert hashlib.sha256(data).hexdigest()[:16] == "145690b8276fb8c0"
