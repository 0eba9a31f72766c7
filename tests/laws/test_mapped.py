"""Laws of indexes as files: a plain index keeps them, and each fault is seen by one."""

import numpy as np
import pytest

from thrifty.core import FormatError
from thrifty.index import FlatIndex
from thrifty.laws import LAWS
from thrifty.laws import mapped as laws


class Plain(FlatIndex):
    """Looks at all rows."""

    def __init__(self, dim=6, *, metric="l2", dtype="float32"):
        super().__init__(dim, metric=metric, dtype=dtype)


class ForgetsARow(Plain):
    """Broken: what comes back has lost a row."""

    @classmethod
    def restore(cls, spec, arrays):
        """All but the first."""
        index = super().restore(spec, arrays)
        return index.remove(arrays["ids"][:1]) if arrays else index


class ByChance(Plain):
    """Broken: what is saved differs from time to time."""

    times = 0

    def arrays(self):
        """With something that nobody asked for."""
        ByChance.times += 1
        return {**super().arrays(), "times": np.array([self.times])}


class Unchecked(Plain):
    """Broken: damage is not told."""

    @classmethod
    def from_bytes(cls, data):
        """Empty if the bytes are no good."""
        try:
            return super().from_bytes(data)
        except FormatError:
            return cls()


class OpensAnything(Plain):
    """Broken: a file that was cut is opened."""

    @classmethod
    def open(cls, path):
        """Empty if the file is no good."""
        try:
            return super().open(path)
        except FormatError:
            return cls()


@pytest.mark.parametrize("law", LAWS["mapped"], ids=lambda law: law.__name__)
def test_law(law):
    """A plain index keeps them."""
    law(Plain)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (laws.files_answer_alike, ForgetsARow),
        (laws.same_seed_same_bytes, ByChance),
        (laws.damaged_bytes_are_refused, Unchecked),
        (laws.damaged_files_do_not_crash, OpensAnything),
    ],
)
def test_the_law_notices(law, broken):
    """Each law sees its fault."""
    with pytest.raises(AssertionError):
        law(broken)
