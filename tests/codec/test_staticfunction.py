"""Static function: its laws, its values beside a dict, its size beside the entropy, its edges."""

import datetime as dt
import hashlib

import numpy as np
import pyarrow as pa
import pytest

from thrifty.codec import StaticFunction
from thrifty.codec._equations import places_of, try_word
from thrifty.codec._windows import OF, OVER, window_bytes
from thrifty.core import (
    BudgetError,
    DataError,
    FormatError,
    IncompatibleError,
    container,
    record_of,
)
from thrifty.laws import LAWS

RECORD = record_of(StaticFunction)
LAW_CASES = [law for name in RECORD.laws for law in LAWS[name]]
N = 20_000


@pytest.fixture(scope="module")
def words():
    """Twenty thousand distinct texts."""
    return [f"word {i}" for i in range(N)]


def column(kind):
    """Values of one distribution."""
    rng = np.random.default_rng(5)
    return {
        "zipf": lambda: np.minimum(rng.zipf(1.6, N), 10**6),
        "frequent": lambda: np.where(rng.random(N) < 0.9, 7, rng.integers(100, 356, N)),
        "rare": lambda: np.where(rng.random(N) < 0.99, -3, rng.integers(0, 16, N)),
        "even": lambda: rng.integers(0, 100, N),
        "distinct": lambda: rng.permutation(N),
    }[kind]()


# laws


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda keys, values: StaticFunction(keys, values, seed=3))


# agrees with exact


@pytest.mark.parametrize("kind", ["zipf", "frequent", "rare", "even", "distinct"])
def test_every_key_has_its_value(words, kind):
    """All keys answer as the dict, in 1.25 times the entropy and 128 bytes beside the values."""
    values = column(kind)
    made = StaticFunction(words, values)
    assert made.get(words).tolist() == values.tolist()
    assert made.get(words).dtype == values.dtype
    counts = np.unique(values, return_counts=True)[1] / N
    assert made.entropy == pytest.approx(-(counts * np.log2(counts)).sum())
    held = made.arrays()
    book = sum(held[name].nbytes for name in ("steps", "symbols") if name in held)
    assert 8 * (made.nbytes - book - 128) / N <= 1.25 * made.entropy
    assert made.sieve > 0 if kind in ("frequent", "rare") else made.sieve == 0


def test_the_bits_of_a_key_are_the_exclusive_or_of_three_windows():
    """Read bit by bit, as the definition has it, with the fixed codes of a narrow range."""
    keys, values = np.arange(3000), np.random.default_rng(2).integers(0, 64, 3000)
    made = StaticFunction(keys, values, seed=9)
    windows = made._reader.codes
    bits = np.unpackbits(windows.bits)
    ends = np.repeat(windows.bases, 64)[: windows.entries.size] + (windows.entries >> 8)
    from thrifty.codec._signatures import signatures_of

    first, second = signatures_of(keys, 9)
    for i in range(0, 3000, 37):
        group = int(first[i]) * (ends.size - 1) >> 64
        word = try_word(first[i], second[i], windows.key, np.uint64(windows.entries[group] & 255))
        slots = 8 * int(ends[group + 1] - ends[group]) - 5
        places = np.array(places_of(np.uint64(word), slots))
        assert len(set(places.tolist())) == 3
        assert 0 <= places.min() <= places.max() < slots
        window = np.bitwise_xor.reduce([bits[8 * ends[group] + p :][:6] for p in places])
        assert int("".join(map(str, window)), 2) == values[i] - values.min()


def test_places_are_distinct_and_even():
    """Over many words each ordered triple of five slots comes equally often, within 5 errors."""
    words = np.random.default_rng(0).integers(0, 2**64, 60_000, np.uint64)
    found = np.array([places_of(word, 5) for word in words])
    _, counts = np.unique(found @ [25, 5, 1], return_counts=True)
    assert counts.size == 60
    assert (np.diff(np.sort(found)) > 0).all()
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000)


# values and keys of other types


VALUES = {
    "text": ["a", "", "bc", "a", "a"],
    "bytes": [b"\0", b"", b"xy", b"xy", b"\xff"],
    "reals": [1.5, -0.25, 1.5, 0.0, float("inf")],
    "bools": [True, False, True, True, True],
    "wide": [-(2**63), 2**63 - 1, 0, 5, 5],
    "one": [4, 4, 4, 4, 4],
}
KEYS = {
    "text": ["", "a", "b", None, "caf\u00e9"],
    "bytes": [b"", b"a", b"b", b"\0", b"\0\0"],
    "reals": [0.5, 1.0, -7.25, 1e300, float("nan")],
    "dates": [dt.date(2020, 1, day) for day in range(1, 6)],
    "instants": [dt.datetime(2020, 1, 1, second=s, tzinfo=dt.UTC) for s in range(5)],
    "wide": [-(2**63), 2**63 - 1, 0, 5, -5],
}


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS.keys())
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_keys_and_values_of_any_type(keys, values):
    """Keys and values of many Arrow types, a null key included, all at once and one by one."""
    made = StaticFunction(keys, values)
    assert made.get(keys).tolist() == values
    assert [made[key] for key in keys] == values
    twin = StaticFunction.from_bytes(made.to_bytes())
    assert twin.get(keys).tolist() == values


def test_a_dictionary_column_is_its_values():
    """Keys and values as Arrow dictionaries or chunks give the bytes of the plain columns."""
    keys, values = pa.array(["x", "y", "z", "w"]), pa.array(["p", "q", "p", "p"])
    plain = StaticFunction(keys, values)
    assert StaticFunction(keys.dictionary_encode(), values.dictionary_encode()) == plain
    cut = [pa.chunked_array([a.slice(0, 1), a.slice(1)]) for a in (keys, values)]
    assert StaticFunction(*cut) == plain
    assert plain.get(keys).equals(values)


@pytest.mark.parametrize("kind", ["int8", "uint64", "float32", "bool"])
def test_the_type_of_the_values_returns(kind):
    """What comes back is of the type that was given, the largest numbers of it included."""
    top = [np.iinfo(kind).max] if kind[0] in "iu" else [1]
    values = np.array([0, 1, 1, *top], kind)
    found = StaticFunction(np.arange(4), values).get(np.arange(4))
    assert found.dtype == values.dtype
    assert found.tolist() == values.tolist()


def test_a_key_twice_with_one_value_counts_once():
    """Equal pairs are one pair."""
    assert StaticFunction([1, 2, 1], [5, 6, 5]) == StaticFunction([1, 2], [5, 6])


# strangers


def test_strangers_are_found_out():
    """With a check of 8 bits one stranger in 256 is taken for a key, within 5 standard errors."""
    values = column("zipf")
    made = StaticFunction(np.arange(N), values, check=8)
    assert made.contains(np.arange(N)).all()
    missed = made.contains(np.arange(N, 11 * N)).mean()
    assert abs(missed - 2**-8) < 5 * np.sqrt(2**-8 / (10 * N))
    found = made.get(np.arange(2 * N), default=-1)
    assert found[:N].tolist() == values.tolist()
    assert (found[N:] == -1).mean() > 0.99
    with pytest.raises(KeyError, match=r"^'nobody'$"):
        made["nobody"]


def test_strangers_of_texts_get_the_default():
    """A default of texts is a text."""
    made = StaticFunction(["a", "b"], ["x", "y"], check=20)
    assert made.get(["a", "c", "b"], default="?").to_pylist() == ["x", "?", "y"]


@pytest.mark.parametrize("call", [lambda f: f.contains([1]), lambda f: f.get([1], default=0)])
def test_without_a_check_nobody_is_a_stranger(call):
    """What needs a check says so."""
    made = StaticFunction([1, 2], [3, 4])
    message = (
        r"^StaticFunction\(keys=2, check=0, seed=0, sieve=0\) must have a check to know "
        r"strangers, got check=0$"
    )
    with pytest.raises(IncompatibleError, match=message):
        call(made)


# size


def test_threads_and_seeds():
    """The bytes do not depend on threads, but on the seed; every seed answers."""
    keys, values = np.arange(N), column("even")
    one = StaticFunction(keys, values, threads=1)
    assert StaticFunction(keys, values, threads=3) == one
    other = StaticFunction(keys, values, seed=2**64 - 1)
    assert other != one
    assert (other.get(keys) == values).all()


def test_within_takes_the_check_that_fits():
    """The most bits of check that fit, foretold exactly; a budget below the smallest names it."""
    keys, values = np.arange(N), column("zipf")
    smallest = StaticFunction.size(values)
    made = StaticFunction.within(smallest + 2 * N, keys, values)
    assert made.check > 8
    assert made.nbytes == StaticFunction.size(values, check=made.check) <= smallest + 2 * N
    assert StaticFunction.size(values, check=made.check + 1) > smallest + 2 * N
    assert StaticFunction.within(smallest, keys, values).check == 0
    with pytest.raises(BudgetError, match=r"^budget must be at least .* for these values, got 99$"):
        StaticFunction.within(99, keys, values)


def test_bits_above_the_equations():
    """The windows take 9 of 100 more than the equations, and less than 2 of 100 beside."""
    assert 1 + OVER / OF < 8 * window_bytes(10**7, 20) / 10**7 < 1 + OVER / OF + 0.02


# refusals


@pytest.mark.parametrize(
    ("keys", "values", "error", "message"),
    [
        (["a", "b", "a"], [1, 2, 3], DataError,
         "keys must be unique, got 'a' with 1 and with 3"),
        ([1, 1], ["x", "y"], DataError, "keys must be unique, got 1 with 'x' and with 'y'"),
        ([1, 2], [3], IncompatibleError, "2 keys do not fit 1 values"),
        ([], [], DataError, "keys must be at least 1, got none"),
        ([1, 2], [1, None], DataError, "values must be without nulls, got 1"),
        ([1, 2], [[1], [2]], TypeError,
         r"values must be numbers, bools, text or bytes, got list<item: int64>"),
        ([[1], "a"], [1, 2], TypeError,
         r"column must be values of one type, got .*"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be(keys, values, error, message):
    """Each refusal says which key or value and why."""
    with pytest.raises(error, match=rf"^{message}$"):
        StaticFunction(keys, values)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"check": 25}, ValueError, r"check must be in 0\.\.24, got 25"),
        ({"check": 1.0}, TypeError, r"check must be a whole number in 0\.\.24, got 1\.0"),
        ({"seed": -1}, ValueError, r"seed must be in 0\.\.18446744073709551615, got -1"),
        ({"threads": 0}, ValueError, r"threads must be in 1\.\.1024, got 0"),
    ],
)
def test_arguments_that_cannot_be(given, error, message):
    """Each refusal says which argument, which rule and which value."""
    with pytest.raises(error, match=rf"^{message}$"):
        StaticFunction([1], [2], **given)


def test_sizes_of_nothing_or_of_nulls_are_refused():
    """As the function itself."""
    with pytest.raises(DataError, match=r"^keys must be at least 1, got none$"):
        StaticFunction.size([])
    with pytest.raises(ValueError, match=r"^check must be in 0\.\.24, got -1$"):
        StaticFunction.size([1], check=-1)


# bytes


def damaged(made, **arrays):
    """A copy whose arrays were swapped, checksums and all."""
    held = {**made.arrays(), **arrays}
    data = container.dump(kind=made.KIND, version=made.VERSION, header=made.spec(), arrays=held)
    return lambda: StaticFunction.from_bytes(data)


def test_lies_are_refused():
    """Entries beyond the bits, codes that are none, ends that fall: FormatError, not a crash."""
    made = StaticFunction(np.arange(N), column("zipf"))
    held = made.arrays()
    far = held["code-entries"] | np.uint32(0xFFFFFF00)
    steps = held["steps"].copy()
    steps[3] += 1
    lies = [
        ({"code-entries": far}, r"^code-entries must rise and end in \d+ bytes$"),
        ({"code-bases": held["code-bases"] - 1}, r"^code-bases must lie in \d+ bytes, got"),
        ({"steps": steps}, r"^steps must make a complete code, got \[0, "),
        ({"symbols": held["symbols"][1:]}, r"^array 'symbols' must be of \d+, got"),
        ({"symbols": held["symbols"].astype(np.float32)}, r"^array 'symbols' must be of int64"),
    ]
    for arrays, message in lies:
        with pytest.raises(FormatError, match=message):
            damaged(made, **arrays)()
    texts = StaticFunction([1, 2, 3], ["a", "bc", "a"])
    for ends in ([0, 3, 2], [0, 1, 4], [1, 2, 3]):
        with pytest.raises(FormatError, match=r"^array 'ends' must rise to 3, got"):
            damaged(texts, ends=np.array(ends, np.int32))()
    with pytest.raises(FormatError, match=r"^static-function is damaged: "):
        damaged(texts, symbols=np.array([255, 255, 255], np.uint8))()


def test_a_file_is_opened_without_reading_it(tmp_path):
    """What is opened answers alike and its bits are views of the file."""
    path = tmp_path / "words.thrifty"
    values = column("frequent")
    made = StaticFunction(np.arange(N), values)
    made.save(path)
    found = StaticFunction.open(path)
    assert found.get(np.arange(N)).tolist() == values.tolist()
    assert not found.arrays()["code-bits"].flags.owndata
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match=r"promises"):
        StaticFunction.open(path)


def test_golden_bytes():
    """The format of a fixed function does not move between versions."""
    keys = [f"key {i}" for i in range(1000)]
    made = [
        StaticFunction(keys, [min(i % 7, i % 5) for i in range(1000)], seed=1),
        StaticFunction(keys, ["rare" if i % 20 == 0 else "often" for i in range(1000)]),
        StaticFunction(keys, range(1000), check=3),
    ]
    digests = [hashlib.sha256(one.to_bytes()).hexdigest()[:16] for one in made]
    assert digests == GOLDEN


GOLDEN = ["05062518f7ae0d5b", "46577b8427d01a15", "aeb7da1654a41314"]
