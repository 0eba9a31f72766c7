"""OverQ: its laws, slots by hand, coverage as chance has it, forged flags, refusals, bytes."""

import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from thrifty.codec import OverQ, unpack
from thrifty.core import FormatError, record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(OverQ).laws for law in LAWS[name]]
SPARSE = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9),
    elements=st.one_of(st.just(0.0), st.floats(0, 100, width=32)),
)


MADE = [
    {"bits": 4},
    {"bits": 2, "cascade": 9, "largest": 5.0},
    {"bits": 3, "largest": 7.0, "precision": True},
    {"bits": 8, "cascade": 0, "precision": True},
]


@pytest.mark.parametrize("made", MADE, ids=str)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, made):
    """The laws the record names hold."""
    law(lambda: OverQ(**made), SPARSE)


def test_slots_of_a_cascade():
    """An outlier, the three between moved on by one, and the zero's place flagged."""
    x = np.array([9, 1, 2, 3, 0, 2], np.float32)
    arrays = OverQ(2, cascade=4, largest=3).encode(x).arrays()
    assert unpack(arrays["codes"], 2, 6).tolist() == [[1, 2, 1, 2, 3, 2]]
    assert unpack(arrays["flags"], 1, 6).tolist() == [[1, 0, 0, 0, 1, 0]]
    assert OverQ(2, cascade=3, largest=3).encode(x).decode().tolist() == [3, 1, 2, 3, 0, 2]
    assert OverQ(2, cascade=4, largest=3).encode(x).decode().tolist() == x.tolist()


def test_rows_do_not_lend_zeros():
    """The zero that begins a row is not for the outlier that ends the row before."""
    x = np.array([[0, 9], [0, 1]], np.float32)
    assert OverQ(2, largest=3).encode(x).decode().tolist() == [[0, 3], [0, 1]]


@pytest.mark.parametrize("cascade", [1, 2, 4])
@pytest.mark.parametrize("zeros", [0.3, 0.6])
def test_coverage_is_that_of_chance(zeros, cascade):
    """Of rare outliers among independent zeros 1 - (1 - p0)**c find one, within 5 errors."""
    rng = np.random.default_rng(0)
    n = 400_000
    x = np.where(rng.random(n) < zeros, 0, rng.integers(1, 4, n)).astype(np.float32)
    x[rng.random(n) < 0.01] = 9
    above, found = OverQ(2, cascade=cascade, largest=3).covered(x)
    wanted = 1 - (1 - zeros * 0.99) ** cascade
    assert abs(found / above - wanted) < 5 * np.sqrt(wanted * (1 - wanted) / above) + 0.012


def test_never_worse_than_clipping():
    """Each number is at least as near as without overwriting, unless it is itself moved."""
    rng = np.random.default_rng(1)
    x = np.maximum(rng.standard_normal((50, 200)), 0).astype(np.float32) ** 2
    errors = [np.abs(OverQ(3, cascade=c, largest=2).encode(x).decode() - x) for c in (0, 1)]
    assert (errors[1] <= errors[0] + 1e-6).all()
    assert errors[1].sum() < 0.8 * errors[0].sum()


def test_slots_of_precision():
    """Within the range bits - 1 low bits more, above it the top bit and what is beyond."""
    x = np.array([1.75, 0, 5, 0, 6.25, 0, 40, 1, 0, 0.4, 0.2, 2], np.float32)
    codec = OverQ(3, cascade=2, largest=7, precision=True)
    arrays = codec.encode(x).arrays()
    slots, flags = (
        unpack(arrays[name], bits, 12)[0] for name, bits in (("codes", 3), ("flags", 1))
    )
    assert flags.tolist() == [1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0]
    assert slots.tolist() == [7, 0, 5, 0, 1, 3, 7, 7, 1, 2, 0, 2]
    assert codec.encode(x).decode().tolist() == [1.75, 0, 5, 0, 6.25, 0, 39, 1, 0, 0.5, 0, 2]
    assert codec.covered(x) == (1, 1)


@pytest.mark.parametrize("bits", range(2, 9))
def test_precision_is_two_to_the_bits_of_half_a_step(bits):
    """Numbers of the range with zeros between; of outliers the nearest step up to the reach."""
    fine, top = 2.0 ** (1 - bits), 2**bits - 1
    x = np.zeros(2000, np.float32)
    x[::2] = np.linspace(0, top + 0.4, 1000)
    codec = OverQ(bits, largest=top, precision=True)
    assert np.abs(codec.encode(x).decode() - x).max() <= fine / 2 + 1e-4
    reach = 2 ** (2 * bits - 1) + 2**bits - 1
    far = np.array([2**bits, 0, reach, 0, reach + 9, 0], np.float32)
    assert codec.encode(far).decode().tolist() == [2**bits, 0, reach, 0, reach, 0]


def test_precision_costs_no_bytes_and_lessens_the_error():
    """Of halves of normal numbers, with the same range; an outlier keeps its zero."""
    rng = np.random.default_rng(2)
    x = np.maximum(rng.standard_normal((50, 200)), 0).astype(np.float32)
    plain, finer = (OverQ(4, largest=2, precision=p) for p in (False, True))
    assert plain.size(x) == finer.size(x) == finer.encode(x).nbytes
    errors = [np.abs(c.encode(x).decode() - x) for c in (plain, finer)]
    assert np.square(errors[1]).sum() < 0.8 * np.square(errors[0]).sum()
    assert (errors[1] <= errors[0] + 1e-6).all()
    assert finer.covered(x) == plain.covered(x)


def test_what_was_written_without_precision_is_read():
    """A file of the first version names no precision."""
    assert "precision" not in OverQ(3).spec()
    small = OverQ(3, precision=True).encode(np.ones(4, np.float32))
    assert type(small).from_bytes(small.to_bytes()).codec.precision


def test_odd_flags_are_refused():
    """A flag without its end."""
    small = OverQ(2, largest=3).encode(np.zeros(8, np.float32))
    arrays = small.arrays() | {"flags": np.array([[0b100]], np.uint8)}
    with pytest.raises(FormatError, match=r"^flags must come in pairs, got an odd one$"):
        type(small)(small.codec, small.shape, small.dtype, arrays).decode()


def test_refusals():
    """What is negative or not finite, and arguments out of range."""
    for bad in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"^x must be finite in float32 and not negative$"):
            OverQ().encode(np.array([0, bad], np.float32))
    with pytest.raises(ValueError, match=r"^cascade must be in 0\.\.255, got -1$"):
        OverQ(cascade=-1)
    with pytest.raises(TypeError, match=r"^x must be of floats, got int64$"):
        OverQ().encode(np.zeros(3, np.int64))


def test_golden_bytes():
    """What is written to disk does not change."""
    x = np.maximum(np.linspace(-5, 9, 64, dtype=np.float32) % 3 - 1, 0)
    assert (
        hashlib.sha256(OverQ(3, largest=1).encode(x).to_bytes()).hexdigest()[:16]
        == "143d93b5b5e0953b"
    )
