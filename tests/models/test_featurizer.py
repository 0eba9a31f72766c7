"""Featurizer: what is weighed equals the formulas, whatever the batches; states return."""

import copy

import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from thrifty.core import DataError, FormatError
from thrifty.data import Column, Schema
from thrifty.models.featurizer import Featurizer

SCHEMA = Schema((
    Column("say", "text"), Column("job", "category"), Column("age", "number"),
    Column("day", "date", format="iso"), Column("seen", "list"),
))  # fmt: skip


def rows(count, seed=0):
    """Rows of every kind."""
    rng = np.random.default_rng(seed)
    words = np.array(
        ["the", "cat", "sat", "on", "mat", "with", "one", "dog", "two", "birds", "old"]
    )
    return pa.RecordBatch.from_pydict(
        {
            "say": [" ".join(rng.choice(words, rng.integers(4, 9))) for _ in range(count)],
            "job": pa.array(rng.choice(["nurse", "cook", "pilot"], count).tolist()),
            "age": rng.integers(20, 60, count).astype(float),
            "day": [f"2020-{m:02}-11" for m in rng.integers(1, 13, count)],
            "seen": [rng.choice(list("abcdef"), rng.integers(0, 5)).tolist() for _ in range(count)],
        }
    )


def settled(batch, schema=SCHEMA, most=10**6, **options):
    """A featurizer that has seen a batch."""
    featurizer = Featurizer(schema, batch, **options)
    featurizer.observe(featurizer.encode(batch))
    featurizer.settle(most)
    return featurizer


def same(a, b):
    """Whether two sparse matrices are equal, entry by entry."""
    parts = ("indptr", "indices", "data")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in parts)


def test_texts_are_as_scikit_learn_weighs_them():
    """Sublinear tf-idf of words, and of pairs at 0.7: inner products are those of the peer's."""
    batch = rows(60).select(["say"])
    featurizer = settled(batch, Schema((Column("say", "text"),)))
    ours = featurizer.weigh(featurizer.encode(batch))
    exact, width = 0, 0
    for order, share in ((1, 1.0), (2, 0.7)):
        how = {"sublinear_tf": True, "ngram_range": (order, order)}
        rows_of_peer = TfidfVectorizer(**how).fit_transform(batch["say"].to_pylist())
        exact = exact + share**2 * (rows_of_peer @ rows_of_peer.T).toarray()
        width += rows_of_peer.shape[1]
    assert ours.shape == (60, width)
    assert (ours @ ours.T).toarray() == pytest.approx(exact / 1.49, abs=1e-5)


def test_the_texts_of_a_row_have_length_one_together():
    """Each text counts by its share of those that are there; rows without any stay empty."""
    said = {"say": ["to be or not", "to be", None, None], "ask": ["who are you", "", "who", None]}
    batch = pa.RecordBatch.from_pydict(said)
    schema = Schema(tuple(Column(name, "text") for name in said))
    featurizer = settled(batch, schema)
    rows = featurizer.weigh(featurizer.encode(batch)).toarray()
    assert (rows**2).sum(axis=1) == pytest.approx([1, 1, 1, 0])
    alone = settled(batch.select(["ask"]), Schema((Column("ask", "text"),)))
    columns = [alone.weigh(alone.encode(batch)).toarray()[0].max(), rows[0].max()]
    assert columns[1] < columns[0]


def test_how_rows_are_batched_does_not_matter():
    """Encoding, counting and weighing in pieces, or of slices, gives what the whole gives."""
    batch = rows(50)
    whole, parts = Featurizer(SCHEMA, batch), Featurizer(SCHEMA, batch)
    whole.observe(whole.encode(batch))
    encoded = whole.encode(batch)
    for start in (0, 7, 30):
        stop = {0: 7, 7: 30, 30: 50}[start]
        parts.observe(encoded.slice(start, stop - start))
    assert np.array_equal(whole.frequencies, parts.frequencies)
    assert (whole.num_observed, whole.num_entries) == (parts.num_observed, parts.num_entries)
    whole.settle(10**6)
    rest = whole.weigh(whole.encode(batch.slice(20, 10)))
    assert same(whole.weigh(encoded)[20:30], rest)
    assert same(whole.weigh(encoded.slice(20, 10)), rest)


def test_every_row_of_the_table_is_in_use():
    """With room for all, features have rows of their own, counted as often as they occur."""
    batch = rows(80)
    featurizer = settled(batch)
    weighed = featurizer.weigh(featurizer.encode(batch))
    held = np.bincount(weighed.indices, minlength=featurizer.num_rows)
    assert (held == featurizer.column_counts).all()
    assert held.min() >= 1
    assert (np.diff(featurizer.column_counts) <= 0).all()


def test_rare_features_share_where_room_is_short():
    """Seven of eight rows belong to the most frequent features, the last eighth to all others."""
    batch = rows(80)
    full, short = settled(batch), settled(batch, most=80)
    assert short.num_rows == 80
    assert short.column_counts[:70].tolist() == full.column_counts[:70].tolist()
    assert short.column_counts.sum() == full.column_counts.sum()
    a, b = (f.weigh(f.encode(batch)) for f in (full, short))
    assert a.nnz == b.nnz


def test_unknown_features_are_left_out():
    """A word that was never observed has no weight."""
    batch = rows(40).select(["say"])
    featurizer = settled(batch, Schema((Column("say", "text"),)))
    strange = pa.RecordBatch.from_pydict({"say": ["xylophone quux", "cat xylophone"]})
    found = featurizer.weigh(featurizer.encode(strange))
    assert np.diff(found.indptr).tolist() == [0, 1]
    assert found.data == pytest.approx(1.0)


def test_pairs_are_crossed_and_together_of_one_length():
    """Three columns give three pairs, each a feature of its own, together of length 0.3."""
    schema = Schema((Column("a", "category"), Column("b", "category"), Column("x", "number")))
    batch = pa.RecordBatch.from_pydict({"a": list("pqp"), "b": list("rrs"), "x": [1.0, 1.0, 2.0]})
    featurizer = settled(batch, schema)
    names = featurizer.names(batch)
    crossed = [row for row, name in names.items() if " and " in name]
    assert {names[row] for row in crossed} >= {"a = p and b = r"}
    first = featurizer.weigh(featurizer.encode(batch))[[0]]
    weights = [v for c, v in zip(first.indices, first.data, strict=True) if c in crossed]
    assert len(weights) == 3
    assert sum(v * v for v in weights) == pytest.approx(0.3**2)


def test_many_columns_are_not_crossed():
    """Beyond 100 pairs only categories are crossed, and beyond that nothing."""
    columns = tuple(Column(f"x{i}", "number") for i in range(30))
    batch = pa.RecordBatch.from_pydict({column.name: [0.5, 1.5] for column in columns})
    featurizer = settled(batch, Schema(columns))
    assert not any(" and " in name for name in featurizer.names(batch).values())
    schema = Schema((*columns, Column("a", "category"), Column("b", "category")))
    for name in ("a", "b"):
        batch = batch.append_column(name, pa.array(["p", "q"]))
    names = settled(batch, schema).names(batch).values()
    assert [name for name in names if " and " in name] == ["a = p and b = p"]


def test_names_cover_what_is_used():
    """Every table row that a row uses has words."""
    batch = rows(30)
    featurizer = settled(batch)
    for i in range(5):
        used = featurizer.weigh(featurizer.encode(batch.slice(i, 1))).indices
        assert set(used.tolist()) <= set(featurizer.names(batch.slice(i, 1)))


@pytest.mark.parametrize("most", [10**6, 80], ids=str)
def test_state_returns(most):
    """Before and after it is settled, a featurizer rebuilt from its state weighs the same."""
    batch = rows(40)
    featurizer = Featurizer(SCHEMA, batch, slots=1 << 16)
    featurizer.observe(featurizer.encode(batch))
    open_again = Featurizer.from_state(*copy.deepcopy(featurizer.state()))
    for one in (featurizer, open_again):
        one.settle(most)
    again = Featurizer.from_state(*featurizer.state())
    found = [one.weigh(one.encode(rows(20, seed=1))) for one in (featurizer, open_again, again)]
    assert same(found[0], found[1])
    assert same(found[0], found[2])
    assert again.nbytes == featurizer.nbytes


def test_slots_are_folded_where_few_are_used():
    """A small job keeps a small map; a large one keeps its slots."""
    featurizer = settled(rows(30), slots=1 << 22)
    assert featurizer.nbytes < 4 * (1 << 17) + 20 * featurizer.num_rows


def test_empty_batches():
    """No rows in, no rows out."""
    featurizer = settled(rows(10))
    assert featurizer.weigh(featurizer.encode(rows(10).slice(0, 0))).shape == (
        0,
        featurizer.num_rows,
    )


def test_bad_arguments_are_refused():
    """No columns, odd slots, no table rows, counting or settling twice."""
    batch = rows(3)
    with pytest.raises(DataError, match=r"^no column can be used: all are constant, ids or empty$"):
        Featurizer(Schema((Column("job", "ignore"),)), batch)
    for slots, message in ((100, "in 65536..268435456"), (70_000, "a power of two")):
        with pytest.raises(ValueError, match=f"^slots must be {message}, got {slots}$"):
            Featurizer(SCHEMA, batch, slots=slots)
    featurizer = Featurizer(SCHEMA, batch)
    with pytest.raises(ValueError, match=r"^rows must be in 1\.\.2147483647, got 0$"):
        featurizer.settle(0)
    featurizer.settle(10)
    for call in (
        lambda: featurizer.settle(10),
        lambda: featurizer.observe(featurizer.encode(batch)),
    ):
        with pytest.raises(ValueError, match=r"^featurizer must not be settled yet, got a settled"):
            call()


def test_a_damaged_state_is_refused():
    """Missing parts, unknown columns and arrays that do not fit are a FormatError."""
    header, arrays = settled(rows(20)).state()
    for bad in ({**header, "slots": 12345}, {**header, "flat": [{"part": "Shape"}]}, {}):
        with pytest.raises(FormatError, match=r"^not the state of a featurizer: "):
            Featurizer.from_state(bad, arrays)
    places = arrays["places"] + 10**8
    with pytest.raises(FormatError, match=r"^not the state of a featurizer: "):
        Featurizer.from_state(header, {**arrays, "places": places})
