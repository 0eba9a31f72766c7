"""Classes: numbers by first appearance, the same however the names come."""

import numpy as np
import pyarrow as pa
import pytest

from thrifty.models.classes import Classes

NAMES = [f"class {n % 701} \u00e9" for n in range(5000)]


@pytest.mark.parametrize("size", [1, 7, 5000], ids=str)
def test_numbers_are_by_first_appearance(size):
    """As a dictionary would give them, in batches of any size."""
    exact: dict[str, int] = {}
    for name in NAMES:
        exact.setdefault(name, len(exact))
    classes = Classes()
    count = 5000 if size > 1 else 300
    found = [classes.add(pa.array(NAMES[i : i + size])) for i in range(0, count, size)]
    assert np.concatenate(found).tolist() == [exact[name] for name in NAMES[:count]]
    assert classes.names.to_pylist() == list(exact)[: len(classes)]


def test_round_trip():
    """Bytes and offsets give the same classes back; an empty one too."""
    classes = Classes()
    classes.add(pa.array(NAMES))
    again = Classes.from_arrays(**classes.arrays())
    assert again.names.equals(classes.names)
    assert again.find(pa.array([*NAMES[:3], "?"])).tolist() == [0, 1, 2, -4]
    assert len(Classes.from_arrays(**Classes().arrays())) == 0


def test_bytes_are_counted():
    """At most 60 bytes a class besides its name."""
    classes = Classes()
    names = [str(n) for n in range(100_000)]
    classes.add(pa.array(names))
    assert classes.nbytes < 60 * len(names) + sum(map(len, names))


@pytest.mark.parametrize(
    ("text", "offsets", "message"),
    [
        (b"ab", [0, 1], "offsets must be ascending and end with the text"),
        (b"ab", [0, 2, 1], "offsets must be ascending and end with the text"),
        (b"aa", [0, 1, 2], "names must be distinct, got 1 of 2"),
    ],
)
def test_damage_is_refused(text, offsets, message):
    """Arrays that are not of distinct names are an error."""
    with pytest.raises(ValueError, match=f"^{message}$"):
        Classes.from_arrays(np.frombuffer(text, np.uint8), np.array(offsets, np.int64))
