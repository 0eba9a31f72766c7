"""Laws of codecs: broken by each codec that cheats."""

import numpy as np
import pytest

from thrifty.codec import Codec
from thrifty.laws.codecs import (
    bits_return,
    damage_is_refused,
    encoded_alike,
    error_within_bound,
    forgery_is_refused,
    right_on_average,
    rows_are_those_of_the_whole,
    shape_and_dtype_return,
    size_is_exact,
)


class Honest(Codec):
    """Keeps every number as it is."""

    KIND = "test-honest"

    def __init__(self, seed=0):
        self.seed = seed

    def spec(self):
        """The seed, which does nothing."""
        return {"seed": self.seed}

    def size(self, x):
        """Four bytes a number."""
        return 4 * np.size(x)

    def bound(self, x):
        """Nothing is lost."""
        return 0.0

    def _encode(self, x):
        return {"x": x.ravel().copy()}

    def _decode(self, arrays, out):
        out[...] = arrays["x"].reshape(out.shape) if arrays["x"].size == out.size else 0


class Short(Honest):
    """Says fewer bytes than it takes."""

    KIND = "test-short"

    def size(self, x):
        """One too few."""
        return max(4 * np.size(x) - 1, 0)


class Lossy(Honest):
    """Rounds and says it does not."""

    KIND = "test-lossy"

    def _encode(self, x):
        return {"x": np.rint(x).ravel()}


class Forgetful(Honest):
    """Its bytes do not say with which seed."""

    KIND = "test-forgetful"

    def spec(self):
        """Another each time."""
        Forgetful.count = getattr(Forgetful, "count", 0) + 1
        return {"seed": Forgetful.count}


class Trusting(Honest):
    """Fails on what was swapped."""

    KIND = "test-trusting-codec"

    def _decode(self, arrays, out):
        out[...] = arrays["x"].reshape(out.shape)


class Flat(Honest):
    """Writes elsewhere than it is told."""

    KIND = "test-flat"

    def _decode(self, arrays, out):
        np.array(out)[...] = 0


class Shifted(Honest):
    """Its rows are those behind the ones it is asked for."""

    KIND = "test-shifted"

    def _rows(self, arrays, shape, some):
        rows = np.roll(arrays["x"].reshape(shape), 1, axis=0)
        return {"x": rows[some].ravel()}


@pytest.mark.parametrize(
    ("law", "codec"),
    [
        (size_is_exact, Short),
        (error_within_bound, Lossy),
        (bits_return, Lossy),
        (right_on_average, Lossy),
        (encoded_alike, Forgetful),
        (shape_and_dtype_return, Flat),
        (rows_are_those_of_the_whole, Shifted),
    ],
)
def test_a_law_notices(law, codec):
    """Each law is broken by a codec that cheats, and kept by an honest one."""
    law(Honest)
    with pytest.raises(AssertionError):
        law(codec)


def test_forgery_and_damage():
    """A crash on forged arrays is not a refusal; damage is noticed by the container."""
    damage_is_refused(Honest)
    forgery_is_refused(Honest)
    with pytest.raises(ValueError, match=r"^cannot reshape "):
        forgery_is_refused(Trusting)
