"""Laws of static functions: a sorted table keeps them, and each fault is seen by one."""

import numpy as np
import pytest

from thrifty.core import FormatError, MappedSummary, taken
from thrifty.laws import LAWS
from thrifty.laws.static_functions import (
    damage_is_refused,
    every_key_has_its_value,
    files_answer_alike,
    forgery_does_not_crash,
    merging_is_refused,
    order_does_not_matter,
    size_is_foretold,
    strangers_get_a_value,
)


class Table(MappedSummary):
    """Keys in order and their values."""

    KIND = "table-of-the-laws"

    def __init__(self, keys, values):
        order = np.argsort(keys)
        self.keys, self.values = np.asarray(keys)[order], np.asarray(values)[order]

    @classmethod
    def size(cls, values):
        """Eight bytes each."""
        return 16 * len(values)

    def spec(self):
        """Nothing."""
        return {}

    def arrays(self):
        """Both."""
        return {"keys": self.keys, "values": self.values}

    @classmethod
    def restore(cls, spec, arrays):
        """Checked."""
        keys = taken(arrays, "keys", np.int64, (None,))
        if (np.diff(keys) < 0).any():
            raise FormatError("keys must rise")
        return cls(keys, taken(arrays, "values", np.int64, keys.shape))

    def get(self, keys):
        """The value at or after the key."""
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return self.values[places]

    def __getitem__(self, key):
        """One."""
        return self.get([key])[0].item()

    def __len__(self):
        """How many."""
        return len(self.keys)


class OffByOne(Table):
    """Broken: the key before."""

    def get(self, keys):
        """Too far left."""
        return self.values[np.searchsorted(self.keys, keys) - 1]


class DropsStrangers(Table):
    """Broken: no answer for a stranger."""

    def get(self, keys):
        """Of known keys only."""
        return super().get([key for key in keys if key in self.keys])


class KeepsTheOrder(Table):
    """Broken: the bytes depend on the order of the rows."""

    def __init__(self, keys, values):
        super().__init__(keys, values)
        self.first = int(keys[0]) if len(keys) else 0

    def arrays(self):
        """And the first row."""
        return {**super().arrays(), "first": np.array([self.first])}


class OpensEmpty(Table):
    """Broken: an opened one has lost its values."""

    @classmethod
    def open(cls, path):
        """All zeros."""
        made = super().open(path)
        return cls(made.keys, made.values * 0 - 99)


class TrustsBytes(Table):
    """Broken: whatever is wrong with bytes, there is an answer."""

    @classmethod
    def from_bytes(cls, data):
        """Never refuses."""
        return cls([1], [2])


class TrustsArrays(Table):
    """Broken: values of another number are an IndexError later."""

    @classmethod
    def restore(cls, spec, arrays):
        """Unchecked."""
        made = cls([1], [2])
        made.keys, made.values = arrays["keys"], arrays["values"]
        return made


class SaysLess(Table):
    """Broken: it foretells the values alone."""

    @classmethod
    def size(cls, values):
        """Too few."""
        return 8 * len(values)


class Merges(Table):
    """Broken: it merges."""

    def _absorb(self, other):
        """In silence."""


@pytest.mark.parametrize("law", LAWS["static-function"], ids=lambda law: law.__name__)
def test_law(law):
    """A sorted table keeps them."""
    law(Table)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (every_key_has_its_value, OffByOne),
        (strangers_get_a_value, DropsStrangers),
        (order_does_not_matter, KeepsTheOrder),
        (files_answer_alike, OpensEmpty),
        (damage_is_refused, TrustsBytes),
        (size_is_foretold, SaysLess),
        (merging_is_refused, Merges),
    ],
)
def test_the_law_notices(law, broken):
    """Each law sees its fault."""
    with pytest.raises(AssertionError):
        law(broken)


def test_forgery_that_crashes_is_noticed():
    """What is not checked ends in another error than a FormatError."""
    with pytest.raises((IndexError, AssertionError, ValueError, ExceptionGroup)):
        forgery_does_not_crash(TrustsArrays)
