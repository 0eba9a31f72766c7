"""Static function keys: of every Arrow type, by their values, exactly, alone or in columns."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

from thrifty.codec import MultisetFunction, StaticFunction
from thrifty.codec._keys import signatures_of
from thrifty.core import DataError

WHOLE = [1, 2, -3, None]
TEXTS = ["a", "", "bcd", None]
TIMES = [0, 86_400_000_000_000, 172_800_000_000_000, None]
DECIMALS = [Decimal("1"), Decimal("2.5"), Decimal("-3.25"), Decimal("0.1"), None]
ROWS = [[1, 2], [], [1], [2, 1], None, [None]]
STRUCTS = [{"a": [{"c": [1.5]}]}, {"a": []}, {"a": None}, {"a": [{"c": None}]}, {"a": [None]}, None]


def union(mode):
    """Whole numbers and texts in turn."""
    codes, held = pa.array([0, 1, 0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]
    if mode == "dense":
        return pa.UnionArray.from_dense(codes, pa.array([0, 0, 1, 1], pa.int32()), held)
    wide = [pa.array([1, 9, 2, 9]), pa.array(["z", "a", "z", "b"])]
    return pa.UnionArray.from_sparse(codes, wide)


def columns():
    """A column of distinct keys of every Arrow type."""
    ints = (*(f"int{b}" for b in (8, 16, 32, 64)), "float", "double", "halffloat")
    yield from (pa.array(WHOLE, kind) for kind in ints)
    yield from (pa.array([1, 2, 3, None], f"uint{b}") for b in (8, 16, 32, 64))
    days = pa.array([0, 1, 2, None], pa.int32())
    yield from (days.cast(pa.date32()), days.cast(pa.date32()).cast(pa.date64()))
    yield from (days.cast(pa.time32(unit)) for unit in ("s", "ms"))
    longer = pa.array(TIMES, pa.int64())
    yield from (pa.array([0, 1000, 2000], pa.int64()).cast(pa.time64(u)) for u in ("us", "ns"))
    for unit in ("s", "ms", "us", "ns"):
        some = longer if unit == "ns" else days.cast(pa.int64())
        yield from (some.cast(pa.timestamp(unit, zone)) for zone in (None, "Europe/Paris"))
        yield some.cast(pa.duration(unit))
    yield pa.array([(1, 2, 3), (1, 2, 4), (0, 0, 0), None], pa.month_day_nano_interval())
    kinds = (pa.decimal32(9, 3), pa.decimal64(18, 3), pa.decimal128(38, 5), pa.decimal256(70, 20))
    yield from (pa.array(DECIMALS, kind) for kind in kinds)
    kinds = (pa.string(), pa.large_string(), pa.string_view())
    yield from (pa.array(TEXTS, kind) for kind in kinds)
    kinds = (pa.binary(), pa.large_binary(), pa.binary_view())
    yield from (pa.array(TEXTS, pa.string()).cast(kind) for kind in kinds)
    yield pa.array([b"ab", b"cd", None], pa.binary(2))
    yield from (pa.nulls(1), pa.array([True, False, None]))
    kinds = (pa.list_, pa.large_list, pa.list_view, pa.large_list_view)
    yield from (pa.array(ROWS, kind(pa.int32())) for kind in kinds)
    yield pa.array([[1, 2], [2, 1], None, [1, None]], pa.list_(pa.int16(), 2))
    entries = [[("a", 1)], [("a", 2)], [], None, [("a", 1), ("b", 1)]]
    yield pa.array(entries, pa.map_(pa.string(), pa.int32()))
    yield pa.array(STRUCTS)
    yield pa.array(TEXTS).dictionary_encode()
    places, lists = pa.array([0, 1, None, 2]), pa.array([[1], [2], []])
    yield pa.DictionaryArray.from_arrays(places, lists)
    yield pa.array([["a"], ["b", "a"], None], pa.list_(pa.dictionary(pa.int8(), pa.string())))
    yield pa.RunEndEncodedArray.from_arrays([1, 2, 3], lists)
    yield from (union("dense"), union("sparse"))
    yield pa.array([b"0" * 16, b"1" * 16, None], pa.uuid())
    yield pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1], pa.int8()))
    yield pa.array(['{"a":1}', "2", None], pa.json_())
    tensors = pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2))
    yield pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.int32(), [2]), tensors)


COLUMNS = list(columns())


@pytest.mark.parametrize("keys", COLUMNS, ids=lambda keys: str(keys.type))
def test_keys_of_every_type(keys):
    """All at once, in chunks, in a slice and as Arrow scalars, each key has its value."""
    n = len(keys)
    values = np.arange(n)
    made = StaticFunction(keys, values)
    assert made.get(keys).tolist() == values.tolist()
    assert made.get(pa.chunked_array([keys[:1], keys[1:]])).tolist() == values.tolist()
    assert made.get(keys[1:]).tolist() == values[1:].tolist()
    assert made.get(keys[:0]).tolist() == []
    assert [made[keys[i]] for i in range(n)] == values.tolist()
    assert StaticFunction.from_bytes(made.to_bytes()).get(keys).tolist() == values.tolist()


def test_every_type_is_there():
    """Nothing that Arrow can make is left out."""
    known = {getattr(pa.lib, name) for name in dir(pa.lib) if name.startswith("Type_")}
    held = {getattr(keys.type, "storage_type", keys.type).id for keys in COLUMNS}
    assert known - held <= {pa.lib.Type_INTERVAL_MONTHS, pa.lib.Type_INTERVAL_DAY_TIME}


PLAIN = [(1, 2), [], {"a": [1.5, None]}, Decimal("0.1"), dt.time(12), dt.timedelta(1), UUID(int=7)]


@pytest.mark.parametrize("key", PLAIN, ids=str)
def test_a_key_as_python_has_it(key):
    """Alone it is one key, not a column of what is in it."""
    column = pa.array([key.bytes if isinstance(key, UUID) else key])
    made = StaticFunction(pa.chunked_array([column]), [5], check=20)
    assert made[key] == 5
    with pytest.raises(KeyError):
        made[[9, 9, 9]]


def test_arrays_are_lists():
    """A NumPy array is one key that is a list, in a column a matrix is not one."""
    made = StaticFunction(pa.array([[1, 2], [3]]), ["a", "b"])
    assert (made[np.array([1, 2])], made[np.array([3.0])]) == ("a", "b")


def same(*held):
    """Whether all columns have the same signatures."""
    found = [signatures_of(column, 3) for column in held]
    return all((one == found[0]).all() for one in found)


def test_the_value_counts_not_the_storage():
    """Kinds of lists, widths, dictionaries, the order of fields, and the scale of decimals."""
    rows = [[1, 2], [3, 4]]
    kinds = (pa.list_(pa.int8()), pa.large_list(pa.float64()), pa.list_(pa.int64(), 2))
    assert same(*(pa.array(rows, kind) for kind in kinds), rows)
    assert same(pa.array([{"a": 1, "b": 2}]), pa.array([{"b": 2.0, "a": 1}]))
    assert not same(pa.array([{"a": 1, "b": 2}]), pa.array([{"a": 2, "b": 1}]))
    assert not same(pa.array([{"a": 1}]), pa.array([{"b": 1}]))
    numbers = [Decimal("1"), Decimal("-3.25"), Decimal("0.1"), Decimal("1234567.891")]
    kinds = (pa.decimal64(18, 3), pa.decimal128(38, 12), pa.decimal256(76, 30))
    assert same(*(pa.array(numbers, kind) for kind in kinds), [float(n) for n in numbers])
    assert same(pa.array([Decimal(2**60 + 1)]), [2**60 + 1])


def test_where_rows_end_is_part_of_them():
    """Lists of the same elements in a row, cut elsewhere; empty, null and of a null."""
    cuts = pa.array([[[1], [2, 3]], [[1, 2], [3]], [[1, 2, 3]], [[], [1, 2, 3]], [[1], None]])
    assert np.unique(signatures_of(cuts, 0), axis=1).shape == (2, 5)
    edges = pa.array([[], None, [None], [[]], [None, None]], pa.list_(pa.list_(pa.int8())))
    assert np.unique(signatures_of(edges, 0), axis=1).shape == (2, 5)


def test_long_decimals_are_told_apart():
    """Numbers of 30 digits that are one float64, beyond 64 bits and below one."""
    numbers = [Decimal(f"{10**29 + i}e{power}") for i in range(50) for power in (0, -7)]
    numbers += [Decimal(2**63), Decimal(-(2**63) - 1), Decimal("10000000000000.001")]
    made = StaticFunction(pa.array(numbers, pa.decimal256(60, 20)), np.arange(len(numbers)))
    assert made.get(pa.array(numbers, pa.decimal256(70, 30))).tolist() == list(range(len(numbers)))
    assert [made[number] for number in numbers] == list(range(len(numbers)))


def test_many_nested_keys():
    """Thousands of lists of structs, in pieces of several sizes."""
    rng = np.random.default_rng(0)
    rows = [
        [{"id": i, "tags": ["t"] * int(k)}] * (i % 3) + [i] * 0
        for i, k in enumerate(rng.integers(0, 4, 3000))
        if i % 3
    ]
    values = rng.integers(0, 9, len(rows))
    made = StaticFunction(rows, values)
    assert made.get(rows).tolist() == values.tolist()
    assert made.get(rows[7:11]).tolist() == values[7:11].tolist()
    assert made[rows[5]] == values[5]


def test_nested_keys_of_sets_of_values():
    """A multiset function takes them as well."""
    keys = pa.array([[1, 2], [3], None])
    made = MultisetFunction(keys, [["a", "b"], ["c"], []])
    assert [sorted(row) for row in made.get(keys).to_pylist()] == [["a", "b"], ["c"], []]
    assert sorted(made[[1, 2]]) == ["a", "b"]


def test_refusals():
    """What no Arrow type holds, and a nested key twice with two values."""
    made = StaticFunction([[1], [2]], [1, 2])
    for bad in (object(), {1, 2}, [1, "a"]):
        with pytest.raises(TypeError, match=r"^column must be values of one type, got "):
            made[bad]
    message = r"^keys must be unique, got \[1, 2\] with 3 and with 4$"
    with pytest.raises(DataError, match=message):
        StaticFunction([[1, 2], [1, 2]], [3, 4])
