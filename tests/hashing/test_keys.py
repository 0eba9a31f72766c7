"""Keys: their laws, equality of values, quality against a perfect hash, edges and golden words."""

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import chi2, norm

from thrifty.core import record_of
from thrifty.hashing import hash_column, mix64
from thrifty.hashing.keys import hash_bytes, join, mix, seed_key
from thrifty.laws.hashing import LAWS

LAW_CASES = [law for name in record_of(hash_column).laws for law in LAWS[name]]
TEXTS = ["", "a", "seven b", "eight by", "nine byte", "sixteen bytes ok", "seventeen bytes .."]
TEXTS += ["x" * n for n in range(15, 70)]
NOON = dt.datetime(2020, 2, 29, 12, 30, 15)


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda seed=3: lambda texts: hash_column(pa.array(texts, pa.string()), seed))


def formula(data: bytes, seed: int) -> int:
    """The hash of bytes in plain integers: 16 bytes folded at a time, the last 16 twice mixed."""
    whole = 2**64 - 1
    first, second = 0xA0761D6478BD642F, 0xE7037ED1A0B428DB
    words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, max(len(data), 16), 8)]
    key, last = int(seed_key(seed)), words[:2]
    if len(data) > 16:
        for i in range(0, (len(data) - 1) // 16 * 2, 2):
            product = (words[i] ^ first) * (words[i + 1] ^ key)
            key = (product & whole) ^ (product >> 64)
        last = [int.from_bytes(data[-16:-8], "little"), int.from_bytes(data[-8:], "little")]
    product = (last[0] ^ second) * (last[1] ^ key)
    low, up = (product & whole) ^ first ^ len(data), (product >> 64) ^ second
    return ((low * up) & whole) ^ ((low * up) >> 64)


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_agrees_with_the_formula(seed):
    """Texts of every length, at the end of the buffer and inside it, hash as the slow formula."""
    expected = [formula(text.encode(), seed) for text in TEXTS]
    assert hash_column(TEXTS, seed).tolist() == expected
    assert [int(hash_column([text], seed)[0]) for text in TEXTS] == expected


def test_mix_is_splitmix64():
    """The first outputs of SplitMix64 from seed 1234567, as its author publishes them."""
    state = [(1234567 + k * 0x9E3779B97F4A7C15) % 2**64 for k in (1, 2, 3)]
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [mix(np.uint64(s)) for s in state] == expected


def test_join_depends_on_order():
    """Two hashes joined the other way round are another hash."""
    a, b = np.uint64(5), np.uint64(6)
    assert join(a, b) != join(b, a)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(TEXTS),
        pa.array(TEXTS, pa.large_string()),
        pa.array(TEXTS, pa.string_view()),
        pa.array([t.encode() for t in TEXTS], pa.binary()),
        pa.array([t.encode() for t in TEXTS], pa.large_binary()),
        pa.array([t.encode() for t in TEXTS], pa.binary_view()),
        pa.array(TEXTS).dictionary_encode(),
        pa.chunked_array([TEXTS[:3], [], TEXTS[3:]]),
        pa.array(["cut", *TEXTS, "cut"]).slice(1, len(TEXTS)),
        np.array(TEXTS),
        TEXTS,
        pa.table({"t": TEXTS})["t"],
        pa.RunEndEncodedArray.from_arrays(np.arange(1, len(TEXTS) + 1), pa.array(TEXTS)),
    ],
    ids=lambda column: str(getattr(column, "type", type(column).__name__)),
)
def test_text_is_hashed_by_value(column):
    """However a text is stored, its hash is that of its bytes."""
    np.testing.assert_array_equal(hash_column(column, 9), [formula(t.encode(), 9) for t in TEXTS])


INTEGERS = [0, 1, 5, 127]
KINDS = [pa.int8(), pa.uint8(), pa.int16(), pa.uint32(), pa.int64(), pa.uint64(), pa.float16()]
KINDS += [pa.float32(), pa.float64(), pa.decimal128(9, 2)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_numbers_are_hashed_by_value(kind):
    """Whole numbers share one hash in every width, also in a slice and beside nulls."""
    values = [decimal.Decimal(v) if pa.types.is_decimal(kind) else v for v in INTEGERS]
    np.testing.assert_array_equal(hash_column(pa.array(values, kind), 4), mix64(INTEGERS, 4))
    padded = pa.array([None, values[1], *values, None], kind)
    np.testing.assert_array_equal(hash_column(padded, 4)[2:-1], mix64(INTEGERS, 4))
    np.testing.assert_array_equal(hash_column(padded.slice(2, 4), 4), mix64(INTEGERS, 4))


def test_bools_are_zero_and_one():
    """Bools at any bit offset hash as 0 and 1."""
    bits = pa.array([True, False, True, None, True, False, False, True, True, False])
    expected = mix64([0, 0, 1, 1, 0], 4)
    np.testing.assert_array_equal(hash_column(bits.slice(5, 5), 4), expected)


def test_reals_are_hashed_by_value():
    """Zeros agree, all NaN agree, widths agree where the value does, and fractions differ."""
    other_nan = np.array([0x7FF8000000000001], np.uint64).view(np.float64)[0]
    words = hash_column(np.array([0.0, -0.0, np.nan, -np.nan, other_nan, 1.5, 2.5, np.inf]))
    assert words[0] == words[1] == mix64(0)
    assert words[2] == words[3] == words[4]
    assert len(set(words.tolist())) == 5
    assert hash_column(np.array([1.5], np.float32)) == words[5]


def test_whole_reals_end_at_two_to_the_63():
    """The largest floats that are whole int64 hash as ints; 2**63 and -2**63 do not crash."""
    edge = float(2**63 - 1024)
    assert hash_column([edge])[0] == mix64(2**63 - 1024)
    assert len(set(hash_column([2.0**63, -(2.0**63), 1e300, -1e300]).tolist())) == 4


TIMES = [pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")]


@pytest.mark.parametrize("kind", [*TIMES, pa.timestamp("us", "Europe/Paris")], ids=str)
def test_instants_are_hashed_by_value(kind):
    """An instant has one hash in any unit, null slots beside it do not matter."""
    base = hash_column(pa.array([NOON], pa.timestamp("s")))
    column = pa.array([None, NOON], pa.timestamp("ns")).cast(pa.timestamp("s")).cast(kind)
    np.testing.assert_array_equal(hash_column(column.slice(1)), base)


def test_dates_are_their_midnight():
    """Dates of both widths hash as the instant they begin."""
    days = [dt.date(1969, 12, 31), dt.date(2020, 2, 29)]
    midnights = hash_column(pa.array(days).cast(pa.timestamp("us")))
    for kind in (pa.date32(), pa.date64()):
        np.testing.assert_array_equal(hash_column(pa.array(days, kind)), midnights)


@pytest.mark.parametrize("pair", [(pa.time32("s"), pa.time64("ns")), ("s", "ms")], ids=str)
def test_times_and_durations_are_hashed_by_value(pair):
    """A time of day and a duration have one hash in any unit."""
    kinds = [pa.duration(k) if isinstance(k, str) else k for k in pair]
    values = [[dt.time(3, 4, 5)], [dt.timedelta(hours=3)]][isinstance(pair[0], str)]
    first, second = (hash_column(pa.array(values, kind)) for kind in kinds)
    assert first == second


def test_fractions_of_a_second_count():
    """Instants that differ by a nanosecond differ."""
    nanos = pa.array(np.arange(1000), pa.timestamp("ns"))
    assert len(set(hash_column(nanos).tolist())) == 1000


def test_nulls_share_one_hash():
    """A null has the same hash in every type, and in indices and values of a dictionary."""
    null = hash_column(pa.nulls(1), 5)[0]
    coded = pa.DictionaryArray.from_arrays(pa.array([0, None, 1]), pa.array(["a", None]))
    words = hash_column(coded, 5)
    assert words[1] == words[2] == null != words[0]
    for column in (pa.array([1, None]), pa.array(["a", None]), pa.array([NOON, None])):
        assert hash_column(column, 5)[1] == null


def flips(hash_of, inputs: np.ndarray, bits: int) -> np.ndarray:
    """Share of inputs for which flipping input bit i flips output bit j, (bits, 64)."""
    base, table = hash_of(inputs), []
    for bit in range(bits):
        other = inputs.copy()
        other[:, bit // 8] ^= 1 << (bit % 8)
        changed = (base ^ hash_of(other))[:, None] >> np.arange(64, dtype=np.uint64)
        table.append((changed & np.uint64(1)).mean(axis=0))
    return np.array(table)


@pytest.mark.parametrize("length", [3, 8, 13, 16, 21, 40])
def test_avalanche_of_bytes(length):
    """Each input bit flips each output bit half the time, within the largest of that many z."""
    n = 2000
    inputs = np.random.default_rng(length).integers(0, 256, (n, length), dtype=np.uint8)

    def hash_of(rows):
        return hash_column(pa.array([row.tobytes() for row in rows], pa.binary()))

    table = flips(hash_of, inputs, 8 * min(length, 5))
    bound = norm.isf(1e-6 / 2 / table.size) * 0.5 / np.sqrt(n)
    assert np.abs(table - 0.5).max() <= bound


def test_avalanche_of_ints():
    """The same for small sequential integers."""
    n = 20_000
    inputs = np.arange(n, dtype=np.int64).view(np.uint8).reshape(n, 8)
    table = flips(lambda rows: mix64(rows.view(np.int64).ravel()), inputs, 64)
    bound = norm.isf(1e-6 / 2 / table.size) * 0.5 / np.sqrt(n)
    assert np.abs(table - 0.5).max() <= bound


COLUMNS = {
    "sequential": np.arange(200_000),
    "strided": np.arange(200_000) << 20,
    "decimal texts": [str(i) for i in range(200_000)],
    "long texts": [f"https://example.org/a/long/prefix/{i}" for i in range(200_000)],
    "one bit": [bytes([(i >> k) & 1 for k in range(18)]) for i in range(200_000)],
}


@pytest.mark.parametrize("shift", [0, 20, 52])
@pytest.mark.parametrize("name", COLUMNS)
def test_buckets_are_even(name, shift):
    """Any 12 bits spread 200,000 alike keys over 4,096 buckets as a fair die would."""
    words = hash_column(COLUMNS[name], 1) >> np.uint64(shift)
    counts = np.bincount((words & np.uint64(4095)).astype(int), minlength=4096)
    mean = len(words) / 4096
    statistic = ((counts - mean) ** 2 / mean).sum()
    assert chi2.ppf(1e-6, 4095) < statistic < chi2.isf(1e-6, 4095)


def test_seeds_are_unrelated():
    """Words of two seeds agree in half their bits, within 5 standard errors."""
    same = ~(mix64(np.arange(5000), 1) ^ mix64(np.arange(5000), 2))
    share = np.bitwise_count(same).mean() / 64
    assert abs(share - 0.5) <= 5 * 0.5 / np.sqrt(64 * 5000)


def test_mix64_keeps_shape_and_wraps():
    """Any shape and width is taken; -1 and 2**64 - 1 are the same 64 bits."""
    assert mix64(np.zeros((2, 3), np.int8)).shape == (2, 3)
    assert mix64(-1) == mix64(np.uint64(2**64 - 1))
    assert mix64([]).shape == (0,)
    assert mix64(np.arange(10)[::3], 2).tolist() == mix64([0, 3, 6, 9], 2).tolist()


def test_empty_columns_are_empty():
    """No rows give no words, whatever the type."""
    for column in ([], pa.array([], pa.string()), pa.chunked_array([], pa.int32()), pa.nulls(0)):
        assert hash_column(column).shape == (0,)


@pytest.mark.parametrize("call", [hash_column, mix64])
@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seed_out_of_range_is_refused(call, seed):
    """The message names the argument, its range and its value."""
    with pytest.raises(
        ValueError, match=rf"^seed must be in 0\.\.18446744073709551615, got {seed}$"
    ):
        call([1], seed)


def test_columns_without_a_hash_are_refused():
    """Lists are named by type, mixtures say what does not fit, floats are not ints."""
    message = r"^column must be of text, numbers, times or bools, got list<item: int64>$"
    with pytest.raises(TypeError, match=message):
        hash_column([[1], [2]])
    with pytest.raises(TypeError, match=r"^column must be values of one type, got Could not .*$"):
        hash_column([1, "a"])
    with pytest.raises(TypeError, match=r"^ints must be integers, got float64$"):
        mix64([0.5])


def test_kernels_can_call_hash_bytes():
    """The helper hashes a piece of a buffer as the column hashes that text."""
    data = np.frombuffer(b"..a piece of text..", np.uint8)
    assert hash_bytes(data, 2, 15, seed_key(6)) == hash_column(["a piece of text"], 6)[0]


def test_words_are_stable():
    """Golden: words of every kind of value do not move between versions or machines."""
    columns = [["", "thrifty", "x" * 40], [0, -1, 2**62], [1.5, -0.25], [NOON], pa.nulls(1)]
    words = [f"{w:016x}" for column in columns for w in hash_column(column, 42).tolist()]
    assert words == GOLDEN


GOLDEN = [
    "07a4f496d64e3a6a",
    "4bc55a375406684e",
    "1749cc26ce194bce",
    "b29ed950786f5ae3",
    "c69f3558819af2c8",
    "675f21f09efbd101",
    "49f65d184e4926a4",
    "e33f03ab4593f143",
    "fe841b40321cb209",
    "950c0004a89a7ddd",
]


def test_a_scalar_is_a_column_of_one():
    """A text, bytes, a number, a date, an Arrow scalar or None hash as in a list of one."""
    for value in (
        "abc",
        b"abc",
        7,
        7.5,
        True,
        dt.date(2024, 2, 29),
        None,
        np.int8(7),
        pa.scalar("x"),
    ):
        plain = value.as_py() if isinstance(value, pa.Scalar) else value
        np.testing.assert_array_equal(hash_column(value), hash_column(pa.array([plain])))
