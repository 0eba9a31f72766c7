"""Gather: equal to Arrow's own take on every kind of column."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thrifty.data.gather import gather

TYPES = {
    "int32": (pa.list_(pa.int32()), st.lists(st.integers(-5, 5))),
    "uint16": (pa.list_(pa.uint16()), st.lists(st.integers(0, 65_535))),
    "float32": (pa.list_(pa.float32()), st.lists(st.floats(width=32, allow_nan=False))),
    "item_null": (pa.list_(pa.int64()), st.lists(st.none() | st.integers(0, 9))),
    "bool": (pa.list_(pa.bool_()), st.lists(st.booleans())),
    "text": (pa.string(), st.text()),
    "text_null": (pa.string(), st.none() | st.text()),
    "list_null": (pa.list_(pa.int32()), st.none() | st.lists(st.integers(0, 9))),
    "texts": (pa.list_(pa.string()), st.lists(st.text())),
    "number": (pa.float64(), st.none() | st.floats(allow_nan=False)),
}


@pytest.mark.parametrize("name", TYPES)
def test_equals_take(name):
    """Any rows in any order, also of a slice, are those of RecordBatch.take."""
    kind, values = TYPES[name]

    @given(st.lists(values, min_size=1, max_size=8), st.data())
    def check(items, data):
        whole = pa.RecordBatch.from_arrays([pa.array(items, kind)], ["x"])
        batch = whole.slice(data.draw(st.integers(0, len(items) - 1)))
        rows = data.draw(st.lists(st.integers(0, len(batch) - 1), max_size=9))
        found = gather(batch, np.array(rows, dtype=np.int64))
        found.validate(full=True)
        assert found.to_pylist() == batch.take(pa.array(rows, pa.int64())).to_pylist()

    check()


def test_no_rows_of_no_rows():
    """An empty batch gives an empty batch of its schema."""
    batch = pa.RecordBatch.from_pydict({"x": pa.array([], pa.list_(pa.int32())), "y": pa.array([])})
    assert gather(batch, np.zeros(0, np.int64)) == batch


def test_items_that_are_a_slice_themselves():
    """Lists over a slice of longer items read from the slice's start."""
    items = pa.array(range(10), pa.int32()).slice(3)
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 5], pa.int32()), items)
    batch = pa.RecordBatch.from_arrays([lists], ["x"])
    assert gather(batch, np.array([1, 0])).to_pylist() == [{"x": [5, 6, 7]}, {"x": [3, 4]}]
