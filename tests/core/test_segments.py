"""Segments: their laws, the loop they replace, precision, edges and refusals."""

import numpy as np
import pytest

from thrifty.core import IncompatibleError, record_of
from thrifty.core.segments import (
    Segments,
    segment_argmax,
    segment_count,
    segment_max,
    segment_mean,
    segment_softmax,
    segment_sum,
)
from thrifty.laws.segments import LAWS

LAW_CASES = [law for name in record_of(Segments).laws for law in LAWS[name]]
FLOATS = (np.float16, np.float32, np.float64)
KINDS = (*FLOATS, np.int8, np.int32, np.int64, np.uint8, bool)


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(Segments)


def case(kind, width):
    """Rows of one dtype in 7 segments of which 2 and 6 are empty; width 0 is 1-D."""
    rng = np.random.default_rng(3)
    values = rng.integers(0, 2 if kind is bool else 50, (40, width) if width else 40).astype(kind)
    return values, rng.choice([0, 1, 3, 4, 5], 40)


@pytest.mark.parametrize("width", [0, 1, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_the_loop(kind, width):
    """Every reduction is that of NumPy on the rows of the segment, dtype included."""
    values, labels = case(kind, width)
    segments = Segments(labels, 7)
    is_float = np.dtype(kind).kind == "f"
    assert segments.sum(values).dtype == (kind if is_float else np.int64)
    assert segments.max(values).dtype == (np.int64 if kind is bool else kind)
    for s in (0, 1, 3, 4, 5):
        rows = values[labels == s]
        places = np.flatnonzero(labels == s)
        np.testing.assert_array_equal(segments.sum(values)[s], rows.sum(axis=0))
        np.testing.assert_array_equal(segments.max(values)[s], rows.max(axis=0))
        np.testing.assert_array_equal(segments.argmax(values)[s], places[rows.argmax(axis=0)])
        mean = rows.mean(axis=0, dtype=np.float64).astype(kind if is_float else np.float64)
        np.testing.assert_array_equal(segments.mean(values)[s], mean)
        power = np.exp(rows.astype(np.float64) - rows.max(axis=0).astype(np.float64))
        shares = (power / power.sum(axis=0)).astype(kind if is_float else np.float64)
        np.testing.assert_allclose(segments.softmax(values)[labels == s], shares, rtol=1e-12)


@pytest.mark.parametrize("width", [0, 3])
def test_empty_segments(width):
    """Empty segments have sum 0, mean NaN, the lowest maximum, place -1, or what is asked for."""
    values, labels = case(np.float32, width)
    segments = Segments(labels, 7)
    assert (segments.sum(values)[[2, 6]] == 0).all()
    assert np.isnan(segments.mean(values)[[2, 6]]).all()
    assert (segments.mean(values, empty=9)[[2, 6]] == 9).all()
    assert (segments.max(values)[[2, 6]] == -np.inf).all()
    assert (segments.max(values, empty=0)[[2, 6]] == 0).all()
    assert (segments.argmax(values)[[2, 6]] == -1).all()
    assert (segments.max(values.astype(int))[[2, 6]] == -(2**63)).all()


def test_functions_are_the_methods():
    """Each function is the method of the same name."""
    values, labels = case(np.float64, 2)
    segments = Segments(labels, 7)
    np.testing.assert_array_equal(segment_count(labels, 7), segments.count())
    pairs = {
        segment_sum: segments.sum,
        segment_mean: segments.mean,
        segment_max: segments.max,
        segment_argmax: segments.argmax,
        segment_softmax: segments.softmax,
    }
    for function, bound in pairs.items():
        np.testing.assert_array_equal(function(values, labels, 7), bound(values))


def test_offsets_are_labels_in_order():
    """Offsets with empty segments at both ends and inside mean rows in between."""
    segments = Segments.from_offsets([0, 0, 2, 2, 3, 3])
    assert segments.count().tolist() == [0, 2, 0, 1, 0]
    assert segments.sum([5, 6, 7]).tolist() == [0, 11, 0, 7, 0]
    assert Segments.from_offsets(np.array([0], np.int32)).num_segments == 0


def test_no_rows():
    """No rows and no segments give empty results; no rows in 3 segments give 3 empty ones."""
    assert Segments([]).sum([]).shape == (0,)
    assert segment_sum(np.zeros((0, 4), np.float32), [], 3).tolist() == [[0.0] * 4] * 3
    assert segment_softmax(np.zeros((0, 4)), []).shape == (0, 4)
    assert segment_sum(np.zeros((3, 0)), [0, 1, 1]).shape == (2, 0)


@pytest.mark.parametrize("width", [0, 1])
def test_long_float32_sums_are_precise(width):
    """A million equal float32 values sum to within one rounding; float32 alone is far off."""
    values = np.full((10**6, width) if width else 10**6, 0.1, np.float32)
    total = segment_sum(values, np.zeros(10**6, np.int64)).item()
    exact = 10**6 * float(np.float32(0.1))
    assert abs(total - exact) <= 2**-24 * exact
    assert abs(np.add.accumulate(values.ravel())[-1] - exact) > 1000 * 2**-24 * exact


def test_large_integers_are_exact():
    """Sums of int64 keep their lowest bit."""
    assert segment_sum([2**61, 1, 2**61], [0, 0, 0]).tolist() == [2**62 + 1]


def test_float16_sums_do_not_stall():
    """Float16 is summed in float64: 4000 ones are 4000, not 2048."""
    assert segment_sum(np.ones(4000, np.float16), np.zeros(4000, int)).tolist() == [4000]


def test_nan_and_infinity():
    """NaN wins a maximum at its first place, and infinity does not leak into other segments."""
    values = np.array([1.0, np.nan, 5.0, np.nan, -np.inf, np.inf, 2.0])
    segments = Segments([0, 0, 0, 0, 1, 2, 2])
    np.testing.assert_array_equal(segments.max(values), [np.nan, -np.inf, np.inf])
    assert segments.argmax(values).tolist() == [1, 4, 5]
    np.testing.assert_array_equal(segments.sum(values), [np.nan, -np.inf, np.inf])
    assert segment_softmax([1e4, 1e4, -1e4], [0, 0, 1]).tolist() == [0.5, 0.5, 1.0]
    assert np.isnan(segment_softmax([np.inf, 0.0], [0, 0])).all()


def test_strided_and_read_only_values():
    """Columns of a wider array and read-only arrays are taken as they are."""
    wide = np.arange(24.0).reshape(4, 6)
    wide.flags.writeable = False
    labels = [1, 0, 1, 0]
    np.testing.assert_array_equal(
        segment_sum(wide[:, ::2], labels), wide[[1, 0]][:, ::2] + wide[[3, 2]][:, ::2]
    )
    np.testing.assert_array_equal(segment_max(wide.T[2], labels), wide.T[2][[3, 2]])


def test_repr_shows_the_sizes():
    """The repr says how many rows and segments."""
    assert repr(Segments([0, 2], 5)) == "Segments(2 rows in 5 segments)"


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 3], ValueError, r"^labels must be in 0\.\.2, got 3$"),
        ([-1, 0], ValueError, r"^labels must be in 0\.\.2, got -1$"),
        ([0.0, 1.0], TypeError, r"^labels must be integers, got float64$"),
        ([[0, 1]], ValueError, r"^labels must be 1-D, got shape \(1, 2\)$"),
    ],
)
def test_bad_labels_are_refused(labels, error, message):
    """The message names the argument, the rule and the value."""
    with pytest.raises(error, match=message):
        Segments(labels, 3)


@pytest.mark.parametrize("offsets", [[], [1, 2], [0, 3, 2]])
def test_bad_offsets_are_refused(offsets):
    """Offsets begin at 0 and never fall."""
    with pytest.raises(ValueError, match=r"^offsets must be rising from 0, got \[.*\]$"):
        Segments.from_offsets(offsets)
    with pytest.raises(TypeError, match=r"^offsets must be integers, got float64$"):
        Segments.from_offsets([0.0, 1.0])


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), ()])
def test_values_that_do_not_fit_are_refused(shape):
    """Both shapes are in the message."""
    with pytest.raises(IncompatibleError, match=r"^values of shape \(.*\) do not fit Segments\(2 "):
        Segments([0, 1]).sum(np.zeros(shape))


@pytest.mark.parametrize("values", [["a", "b"], np.array([1, 2], np.uint64), [1j, 2j]])
def test_other_values_are_refused(values):
    """Text, complex numbers and uint64 (which int64 cannot hold) are named by dtype."""
    with pytest.raises(TypeError, match=r"^values must be floats, signed ints or bools, got .*$"):
        Segments([0, 1]).max(values)
