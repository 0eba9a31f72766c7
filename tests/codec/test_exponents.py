"""Exponents: every bit pattern returns, at close to the entropy, in any stretch, however forged."""

import hashlib

import ml_dtypes
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from thrifty.codec import Encoded, ExponentCodec, ExponentReader, saving_of
from thrifty.codec._bitstreams import BLOCK, STEP, STREAM
from thrifty.codec._buffers import DTYPES
from thrifty.core import FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(ExponentCodec).laws for law in LAWS[name]]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=70)


def bfloat16s():
    """Arrays of bfloat16 with few exponents, so that they are coded, and now and then any bits."""
    small = hnp.arrays(np.uint16, SHAPES, elements=st.integers(0x3E00, 0x3F80), fill=st.nothing())
    whole = hnp.arrays(np.uint16, SHAPES, elements=st.integers(0, 2**16 - 1))
    return st.one_of(small, whole).map(lambda bits: bits.view(ml_dtypes.bfloat16))


def weights(size, dtype, seed=0):
    """Numbers as of a trained layer, scaled to what the dtype holds."""
    drawn = np.random.default_rng(seed).standard_t(4, size) * 0.02
    if np.dtype(dtype).itemsize == 1:
        drawn = drawn / np.abs(drawn).max() * 400
    return drawn.astype(dtype)


def fair_entropy(symbols):
    """Entropy of symbols in bits, by its definition."""
    share = np.bincount(symbols) / symbols.size
    share = share[share > 0]
    return -(share * np.log2(share)).sum()


# laws


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold for float32, as they are fed."""
    law(ExponentCodec)


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law_of_bfloat16(law):
    """They hold for bfloat16 of few exponents, and of any bits."""
    if law.__name__ != "error_within_bound":  # NaN has no distance
        law(ExponentCodec, bfloat16s())


# exact


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e4m3fn", "float8_e5m2"])
@pytest.mark.parametrize("alone", [True, False])
def test_every_bit_pattern_returns(dtype, alone):
    """NaN with any payload, both zeros, infinities, denormals: alone, and rare among weights."""
    kind = DTYPES[dtype]
    unsigned = np.uint8 if kind.itemsize == 1 else np.uint16
    every = np.arange(1 << 8 * kind.itemsize, dtype=unsigned)
    if not alone:
        many = weights(40 * every.size, kind).view(unsigned)
        every = np.random.default_rng(1).permutation(np.concatenate([every, many]))
    x = every.view(kind)
    encoded = ExponentCodec().encode(x)
    assert encoded.decode().tobytes() == x.tobytes()
    assert alone or "0.bits" in encoded.arrays()


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("kind", ["weights", "same", "few", "bits"])
def test_every_dtype_returns(dtype, kind):
    """All dtypes there are, of weights, of one number, of two and of random bits."""
    size, rng = 3 * STEP + 5, np.random.default_rng(2)
    width = DTYPES[dtype].itemsize
    if kind == "bits" and dtype != "bool":
        x = np.frombuffer(rng.bytes(size * width), DTYPES[dtype])
    elif kind == "weights":
        x = (1000 * rng.normal(size=size)).astype(np.float32).astype(DTYPES[dtype])
    else:
        x = rng.integers(0, 1 if kind == "same" else 2, size).astype(DTYPES[dtype])
    encoded = ExponentCodec().encode(x)
    assert encoded.decode().tobytes() == x.tobytes()
    assert encoded.nbytes <= x.nbytes + 8
    if kind == "same":
        assert encoded.nbytes == (2 if dtype == "float8_e4m3fn" else width)


@pytest.mark.parametrize(
    "size", [1, 2, 63, STREAM - 1, STREAM, STREAM + 1, STEP, STEP + 1, BLOCK - 1, BLOCK, BLOCK + 1]
)
def test_every_size_returns(size):
    """Streams, steps and blocks that end one element early or late."""
    for dtype in ("bfloat16", "float8_e4m3fn"):
        x = weights(size, dtype, size)
        encoded = ExponentCodec().encode(x)
        assert encoded.decode().tobytes() == x.tobytes()
        assert encoded.nbytes <= x.nbytes + 1


@pytest.mark.parametrize(
    ("dtype", "bits", "fixed"), [("bfloat16", 8, 8), ("float16", 5, 11), ("float8_e4m3fn", 4, 4)]
)
def test_size_is_near_the_entropy(dtype, bits, fixed):
    """Bits an element: sign, mantissa and the entropy of exponents, and at most .08 bits more."""
    x = weights(4 * BLOCK, dtype)
    unsigned = x.view(np.uint8 if x.itemsize == 1 else np.uint16)
    exponents = (unsigned >> (fixed - 1)) & ((1 << bits) - 1)
    least = fixed + fair_entropy(exponents)
    got = 8 * ExponentCodec().encode(x).nbytes / x.size
    assert least - 0.03 <= got <= least + 0.08  # float16 codes three bits of mantissas too


def test_codes_follow_the_array():
    """Blocks of very different scale have codes of their own, and like blocks share one."""
    one = weights(BLOCK, "bfloat16").astype(np.float32)
    two = one * 2.0**40
    one[:80] = two[:80] = 2.0 ** np.arange(-35, 45)  # exponents of either come in both
    same = ExponentCodec().encode(np.tile(one, 2).astype("bfloat16"))
    other = np.concatenate([one, two]).astype("bfloat16")
    own = ExponentCodec().encode(other)
    assert len(same.arrays()["0.codes"]) == 1
    assert len(own.arrays()["0.codes"]) == 2
    assert own.nbytes < 1.001 * same.nbytes
    assert own.decode().tobytes() == other.tobytes()


def test_streams_of_very_different_length():
    """A block of which some streams have one exponent and others many."""
    x = weights(BLOCK, "bfloat16").reshape(-1, STREAM)
    x[::3] = 1.0
    encoded = ExponentCodec().encode(x)
    assert encoded.arrays()["0.blocks"][0, 1] % 256 > 0
    assert encoded.decode().tobytes() == x.tobytes()


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float32"])
def test_any_stretch_is_read(dtype):
    """Every stretch of the array, whole steps or not, is what it is in the whole."""
    x = weights(2 * BLOCK + 777, dtype)
    reader = ExponentReader.of(ExponentCodec().encode(x))
    rng = np.random.default_rng(3)
    edges = [0, 1, STEP - 1, STEP, BLOCK, x.size - 1, x.size, *rng.integers(0, x.size, 4)]
    for start in edges:
        for stop in (edge for edge in edges if edge >= start):
            out = np.empty(stop - start, x.dtype)
            reader.read(int(start), out)
            assert out.tobytes() == x[start:stop].tobytes()


def test_threads_agree():
    """One thread and three decode the same."""
    x = weights(33 * BLOCK + 1, "bfloat16")
    encoded = ExponentCodec(threads=1).encode(x)
    other = Encoded(ExponentCodec(threads=3), encoded.shape, encoded.dtype, encoded.arrays())
    assert encoded.decode().tobytes() == other.decode().tobytes() == x.tobytes()


def test_saving_is_told_before():
    """The saving that is told is that of encoding, within 1 %, and none where there is none."""
    for dtype in ("bfloat16", "float16", "float32", "float8_e4m3fn"):
        x = weights(3 * BLOCK, dtype)
        assert abs(ExponentCodec().size(x) / saving_of(x).nbytes - 1) < 0.01
    noise = np.frombuffer(np.random.default_rng(0).bytes(BLOCK), np.uint8)
    assert saving_of(noise).ratio > 0.99


def test_a_file_that_is_mapped_is_read_in_place(tmp_path):
    """Arrays that cannot be written to are decoded all the same."""
    x = weights(BLOCK, "bfloat16")
    encoded = ExponentCodec().encode(x)
    encoded.save(tmp_path / "x")
    back = Encoded.load(tmp_path / "x")
    assert back.decode().tobytes() == x.tobytes()
    frozen = encoded.arrays()
    for array in frozen.values():
        array.flags.writeable = False
    out = np.empty_like(x)
    ExponentReader(frozen, x.size, x.dtype).read(0, out)
    assert out.tobytes() == x.tobytes()


# edges and refusals


def test_forged_bits_stay_inside():
    """Any bits, stream lengths and codes give numbers or are refused; none leads out of memory."""
    x = weights(2 * BLOCK, "bfloat16")
    encoded, rng, refused = ExponentCodec().encode(x), np.random.default_rng(4), 0
    for trial in range(60):
        forged = {name: array.copy() for name, array in encoded.arrays().items()}
        name = sorted(forged)[trial % len(forged)]
        part = forged[name].reshape(-1).view(np.uint8)
        many = rng.integers(0, part.size, rng.integers(1, 20))
        part[many] = rng.integers(0, 256, many.size)
        try:
            Encoded(ExponentCodec(), encoded.shape, encoded.dtype, forged).decode()
        except FormatError:
            refused += 1
    assert 10 < refused < 60


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("0.symbols", lambda a: a[:0], r"symbols must rise below 256, got \[\]"),
        ("0.symbols", lambda a: a[:1].repeat(a.size), r"symbols must rise below 256, got \[.*\]"),
        ("0.codes", lambda a: a * 0, r"code lengths must make a complete code, got \[\]"),
        ("0.blocks", lambda a: a * 0, r"blocks must name one of 1 codes each, got others"),
        ("0.blocks", lambda a: a + 1, r"array 'bits' must have \d+ bytes, got \d+"),
        ("0.bits", lambda a: a[:-1], r"array 'bits' must have \d+ bytes, got \d+"),
        ("0.streams", lambda a: a[1:], r"array 'streams' must be uint8 of shape \(32,\), got .*"),
        ("1.raw", lambda a: a[1:], r"array 'raw' must be uint8 of shape \(65536,\), got .*"),
    ],
)
def test_what_is_forged_is_named(name, change, message):
    """Each array that does not fit the others is said."""
    encoded = ExponentCodec().encode(weights(BLOCK, "bfloat16"))
    forged = encoded.arrays()
    forged[name] = change(forged[name])
    with pytest.raises(FormatError, match=f"^{message}$"):
        Encoded(ExponentCodec(), encoded.shape, encoded.dtype, forged).decode()


def test_missing_planes_are_named():
    """No array at all of a plane."""
    with pytest.raises(FormatError, match=r"^array 'symbols' must be there, got $"):
        Encoded(ExponentCodec(), (5,), "bfloat16", {}).decode()


def test_symbols_of_half_a_byte():
    """An exponent of 16 or more does not fit float8_e4m3fn."""
    arrays = {"0.symbols": np.array([16], np.uint8), "1.symbols": np.array([0], np.uint8)}
    with pytest.raises(FormatError, match=r"^symbols must rise below 16, got \[16\]$"):
        Encoded(ExponentCodec(), (5,), "float8_e4m3fn", arrays).decode()


def test_nothing_is_encoded_as_nothing():
    """An array without elements has no arrays."""
    x = np.zeros((0, 3), np.float32)
    encoded = ExponentCodec().encode(x)
    assert encoded.arrays() == {}
    assert encoded.decode().shape == (0, 3)
    with pytest.raises(ValueError, match=r"^x must have at least one element, got none$"):
        saving_of(x)


def test_stretches_outside_are_refused():
    """Elements that are not there, and what another codec made."""
    encoded = ExponentCodec().encode(weights(100, "bfloat16"))
    reader = ExponentReader.of(encoded)
    with pytest.raises(IndexError, match=r"^elements must be in 0\.\.100, got 99\.\.101$"):
        reader.read(99, np.empty(2, "bfloat16"))
    with pytest.raises(IndexError, match=r"^elements must be in 0\.\.100, got -1\.\.0$"):
        reader.read(-1, np.empty(1, "bfloat16"))
    other = Encoded(object(), (100,), "bfloat16", {})
    with pytest.raises(IncompatibleError, match=r"^encoded must be of ExponentCodec, got <object"):
        ExponentReader.of(other)


def test_threads_are_a_number():
    """At least one thread."""
    with pytest.raises(ValueError, match=r"^threads must be in 1\.\.1024, got 0$"):
        ExponentCodec(threads=0)


# golden bytes


@pytest.mark.parametrize(
    ("dtype", "golden"),
    [
        ("bfloat16", "3edd364e414adeac"),
        ("float8_e4m3fn", "560b9a7c653fe287"),
        ("float8_e5m2", "432c14f4080810e3"),
        ("float32", "bad7d80b447120d9"),
    ],
)
def test_bytes_do_not_move(dtype, golden):
    """Golden: what is stored of whole numbers in these dtypes."""
    x = (np.arange(70_000) * 2654435761 % 2**32 % 97 - 48).astype(np.float32).astype(DTYPES[dtype])
    data = ExponentCodec().encode(x).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == golden
