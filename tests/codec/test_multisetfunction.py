"""Multiset function: its laws, rows beside a dict of sorted rows, arrangements, edges."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from thrifty.codec import MultisetFunction, StaticFunction
from thrifty.codec._arrange import arranged, covered
from thrifty.core import DataError, FormatError, IncompatibleError, container, record_of
from thrifty.laws import LAWS

RECORD = record_of(MultisetFunction)
LAW_CASES = [law for name in RECORD.laws for law in LAWS[name]]
N = 3000


def sets(seed=0):
    """Rows of eight of few frequent values, in any order."""
    rng = np.random.default_rng(seed)
    return np.minimum(rng.zipf(1.4, (N, 8)), 300)


def ragged(seed=1):
    """Lists of up to six texts."""
    rng = np.random.default_rng(seed)
    return [[f"t{min(v, 30)}" for v in rng.zipf(1.5, rng.integers(0, 7))] for _ in range(N)]


# laws


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold, of rows of three values."""
    rows = st.tuples(*[st.integers(-3, 3)] * 3)
    law(lambda keys, values: MultisetFunction(keys, values, seed=2), rows)


# agrees with exact


@pytest.mark.parametrize("arrange", ["rounds", "cover", "given"])
def test_every_key_has_its_values(arrange):
    """All rows return but for their order; in the order given where that was asked."""
    rows, keys = sets(), [f"key {i}" for i in range(N)]
    made = MultisetFunction(keys, rows, arrange=arrange)
    found = made.get(keys)
    assert found.dtype == rows.dtype
    if arrange == "given":
        assert (found == rows).all()
    assert (np.sort(found) == np.sort(rows)).all()
    assert sorted(made["key 5"]) == sorted(rows[5].tolist())
    assert made.nbytes == MultisetFunction.size(rows, arrange=arrange)


@pytest.mark.parametrize("arrange", ["rounds", "cover", "given"])
def test_ragged_rows_return(arrange):
    """Lists of texts of any length, empty ones included, also as Arrow lists and from bytes."""
    rows, keys = ragged(), np.arange(N)
    made = MultisetFunction(keys, rows, arrange=arrange)
    wanted = [sorted(row) for row in rows]
    twin = MultisetFunction.from_bytes(made.to_bytes())
    for one in (made, twin, MultisetFunction(keys, pa.array(rows), arrange=arrange)):
        assert [sorted(row) for row in one.get(keys).to_pylist()] == wanted
    assert made.nbytes == MultisetFunction.size(rows, arrange=arrange)
    assert sorted(made[7]) == wanted[7]


def test_ragged_numbers_return():
    """Lists of numbers come back as lists of numbers."""
    rows = [[1, 2], [3], [2, 2, 2], [1]]
    found = MultisetFunction([5, 6, 7, 8], rows).get([5, 6, 7, 8])
    assert [sorted(row) for row in found.to_pylist()] == rows


# arrangements


def test_rounds_and_cover_bring_columns_to_order():
    """Permuted copies of one row cost nothing once arranged, in either way."""
    rng = np.random.default_rng(3)
    rows = rng.permuted(np.tile(np.arange(5), (200, 1)), axis=1)
    for way in (arranged, covered):
        turned = way(rows, 5)
        assert (np.sort(turned) == np.arange(5)).all()
        assert (turned == turned[0]).all()


def test_arranged_columns_cost_less():
    """The entropy of the columns falls with both ways, by a fifth at least."""
    rows = sets()
    given, rounds, cover = (
        MultisetFunction(np.arange(N), rows, arrange=way).entropy
        for way in ("given", "rounds", "cover")
    )
    assert rounds < 0.8 * given
    assert cover < 0.8 * given


def test_exchanges_save_what_rounds_leave():
    """Sweeps of exchanges end below the rounds alone, whatever the order of the rows."""
    rows = np.unique(sets(), return_inverse=True)[1].reshape(-1, 8)
    values = int(rows.max()) + 1

    def entropy(turned):
        shares = [np.bincount(column) / N for column in turned.T]
        return sum(-(p[p > 0] * np.log2(p[p > 0])).sum() for p in shares)

    once = arranged(rows, values)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("thrifty.codec._arrange.SWEEPS", 1)
        patched.setattr("thrifty.codec._arrange.COLD", -1)
        rounds = arranged(rows, values)
    assert entropy(once) < 0.97 * entropy(rounds)
    order = np.random.default_rng(1).permutation(N)
    assert (arranged(rows[order], values) == once[order]).all()


def test_short_rows_stay_in_their_columns():
    """Both ways leave -1 beyond the end of a row, and keep its values."""
    rng = np.random.default_rng(4)
    rows = rng.integers(0, 4, (300, 5))
    rows[np.arange(5) >= rng.integers(1, 6, 300)[:, None]] = -1
    for way in (arranged, covered):
        turned = way(rows, 4)
        assert ((turned < 0) == (rows < 0)).all()
        assert (np.sort(turned) == np.sort(rows)).all()


def test_a_column_is_a_static_function():
    """One column weighs what the static function of it weighs."""
    rows = sets()[:, :1]
    made = MultisetFunction(np.arange(N), rows)
    assert made.nbytes == StaticFunction.size(rows[:, 0])


# edges


def test_the_same_key_with_the_same_values_counts_once():
    """In another order too; with other values it is refused by name."""
    made = MultisetFunction(["a", "b", "a"], [[1, 2], [3, 4], [2, 1]])
    assert len(made) == 2
    with pytest.raises(
        DataError, match=r"^keys must be unique, got 'a' with \[1, 2\] and with \[2, 3\]$"
    ):
        MultisetFunction(["a", "b", "a"], [[1, 2], [3, 4], [2, 3]])


@pytest.mark.parametrize(
    ("keys", "rows", "error", "message"),
    [
        ([1], [[1], [2]], IncompatibleError, "1 keys do not fit 2 values"),
        ([1, 2], [1, 2], TypeError, r"rows must be an array \(n, m\) or lists, got int64"),
        ([1, 2], [[1], None], DataError, "rows must be without nulls, got 1"),
        ([1, 2], [[1], [None]], DataError, "values must be without nulls, got 1"),
        ([1], [[]], DataError, r"rows must be of 1\.\.256 values, got 0"),
        ([1], [list(range(257))], DataError, r"rows must be of 1\.\.256 values, got 257"),
        ([], np.zeros((0, 3), int), DataError, "keys must be at least 1, got none"),
    ],
)
def test_rows_that_cannot_be(keys, rows, error, message):
    """Each refusal says what and why."""
    with pytest.raises(error, match=rf"^{message}$"):
        MultisetFunction(keys, rows)


def test_arguments_that_cannot_be():
    """An unknown arrangement and no threads are refused."""
    wrong = r"^arrange must be one of rounds, cover, given, got 'best'$"
    with pytest.raises(ValueError, match=wrong):
        MultisetFunction([1], [[1]], arrange="best")
    with pytest.raises(ValueError, match=wrong):
        MultisetFunction.size([[1]], arrange="best")
    with pytest.raises(ValueError, match=r"^threads must be in 1\.\.1024, got 0$"):
        MultisetFunction([1], [[1]], threads=0)


def test_lies_are_refused(tmp_path):
    """Members that are missing or of two kinds, and a file that was cut."""
    made = MultisetFunction([1, 2, 3], [[1, 9], [1, 8], [1, 7]])
    spec = made.spec()
    for change, message in (
        ({"shared": not made.shared}, "members must be"),
        ({"columns": 0}, "columns must"),
    ):
        data = container.dump(
            kind=made.KIND, version=1, header={**spec, **change}, arrays=made.arrays()
        )
        with pytest.raises(FormatError, match=message):
            MultisetFunction.from_bytes(data)
    path = tmp_path / "sets.thrifty"
    made.save(path)
    assert sorted(MultisetFunction.open(path)[2]) == [1, 8]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match=r"promises"):
        MultisetFunction.open(path)


def test_golden_bytes():
    """The format of a fixed function does not move between versions."""
    rows = [[i % 3, i % 5, (i % 7) // 2] for i in range(500)]
    lists = [["x", "y", "z"][: i % 4] for i in range(500)]
    made = [MultisetFunction(range(500), rows), MultisetFunction(range(500), lists)]
    digests = [hashlib.sha256(one.to_bytes()).hexdigest()[:16] for one in made]
    assert digests == GOLDEN


GOLDEN = ["071c5fb7289565c8", "6893cf9a0c2117fc"]
