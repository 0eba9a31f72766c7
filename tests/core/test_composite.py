"""Composite: members come back with their arrays; strangers and bad names are refused."""

import numpy as np
import pytest

from tests.core.test_summary import Counts
from thrifty.core import FormatError, packed, unpacked


def test_members_come_back():
    """Each member of its own width returns equal."""
    members = {"a": Counts(4).add([1, 2, 3]), "a b": Counts(8).add([7])}
    spec, arrays = packed(members)
    assert sorted(arrays) == ["a b/counts", "a/counts"]
    assert unpacked(spec, arrays, {"test-counts": Counts}) == members


def test_an_unknown_kind_is_refused():
    """The message names the member and the kind."""
    spec, arrays = packed({"a": Counts()})
    with pytest.raises(FormatError, match=r"^kind of member 'a' is not known: 'test-counts'$"):
        unpacked(spec, arrays, {})


def test_an_array_that_lies_is_refused():
    """A member checks its own arrays."""
    spec, _ = packed({"a": Counts()})
    with pytest.raises(FormatError, match=r"^array 'counts' must be there, got $"):
        unpacked(spec, {"b/counts": np.zeros(8, np.int64)}, {"test-counts": Counts})


def test_a_name_with_a_slash_is_refused():
    """It could be taken for another member's."""
    with pytest.raises(ValueError, match=r"^name of a member must hold no '/', got 'a/b'$"):
        packed({"a/b": Counts()})
