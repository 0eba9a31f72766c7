"""Bags: texts, lists and sparse rows as features of a row."""

import numpy as np
import pyarrow as pa
import pytest

from thrifty.hashing import TextFeatures
from thrifty.models.bags import Basket, Items, Sparse, Texts


def batch_of(**columns):
    """A batch of columns."""
    return pa.RecordBatch.from_pydict(columns)


def row(rows, i):
    """One row of ragged features as a dict."""
    ends, codes, values = rows
    part = slice(ends[i], ends[i + 1])
    return dict(zip(codes[part].tolist(), values[part].tolist(), strict=True))


def test_later_items_are_heavier():
    """An item j places from the end has 1 / sqrt(1 + decay * j), summed if it comes again."""
    items = Items("seen", decay=0.5)
    rows = items.rows(batch_of(seen=[["a", "b", "a"], [], None, ["b"]]))
    names = dict(items.names({"seen": ["a", "b", "a"]}))
    found = {names[code]: value for code, value in row(rows, 0).items()}
    weight = [1 / np.sqrt(1 + 0.5 * j) for j in range(3)]
    exact = {"seen has a": weight[0] + weight[2], "seen has b": weight[1], "seen ends with a": 1}
    assert found == pytest.approx(exact)
    assert rows[0].tolist() == [0, 3, 3, 3, 5]


def test_a_slice_of_lists_is_those_rows():
    """Rows of a sliced batch are those of the whole."""
    items = Items("seen")
    whole = batch_of(seen=[[str(n % 7) for n in range(i)] for i in range(30)])
    rows, part = items.rows(whole), items.rows(whole.slice(10, 5))
    assert [row(part, i) for i in range(5)] == [row(rows, i) for i in range(10, 15)]


def test_only_the_end_of_a_long_list_is_read():
    """Beyond 4096 items the first ones are forgotten."""
    many = [str(n) for n in range(6000)]
    rows = Items("seen").rows(batch_of(seen=[many, many[-4096:]]))
    assert row(rows, 0) == row(rows, 1)
    assert rows[0].tolist() == [0, 4097, 8194]


def test_each_text_is_read_alone():
    """A column's rows are its n-grams; a word has the same code in each, characters have not."""
    first, second = Texts("a"), Texts("b")
    batch = batch_of(a=["to be", None], b=["to be", "or"])
    rows = first.rows(batch)
    exact = TextFeatures(words=(1, 2))(["to be", None])
    assert [part.tolist() for part in rows] == [part.tolist() for part in exact]
    assert second.rows(batch)[1][:3].tolist() == exact[1].tolist()
    assert set(dict(first.names({"a": "to be"})).values()) == {"a: to", "a: be", "a: to be"}
    assert first.names({"a": None}) == []
    chars = [Texts(name, words=None, chars=(3, 6)).family().seed for name in "ab"]
    assert chars[0] != chars[1]


def test_short_texts_have_characters_too():
    """Names are read by characters beside words; identifiers are taken apart where they come."""
    sample = batch_of(
        name=["Anna Smith", "Bob Jones"], body=["many words " * 5, "more of them " * 5]
    )
    parts = Texts.fit(("name", "body"), sample)
    assert [(part.name, part.words, part.chars) for part in parts] == [
        ("name", (1, 1), None), ("name", (2, 2), None), ("name", None, (3, 6)),
        ("body", (1, 1), None), ("body", (2, 2), None),
    ]  # fmt: skip
    assert not any(part.identifiers for part in parts)
    code = batch_of(name=["readLine(x)", "get_http_url(y)"])
    assert Texts.fit(("name",), code)[0].identifiers


def test_short_texts_weigh_less_beside_long_ones():
    """Shares are the sixth root of the ratio of mean lengths, never below that of 1 / 100."""
    texts = {"one": ["a"] * 3, "many": ["a " * 64] * 3, "none": [""] * 3}
    words = {
        p.name: p.share for p in Texts.fit(tuple(texts), batch_of(**texts)) if p.words == (1, 1)
    }
    assert words == pytest.approx({"one": 0.5, "many": 1.0, "none": 0.01 ** (1 / 6)})
    one, pairs, chars = Texts.fit(("one",), batch_of(**texts))
    assert (one.share, pairs.share, chars.share) == (1.0, 0.7, 1.0)


def test_sparse_rows_are_kept():
    """The index is the code; values are kept up to one constant."""
    batch = batch_of(indices=[[1, 5], [], [7]], values=[[1.0, -2.0], [], [3.0]])
    sparse = Sparse.fit(batch)
    assert not sparse.unit
    ends, codes, values = sparse.rows(batch.slice(1, 2))
    assert (ends.tolist(), codes.tolist()) == ([0, 0, 1], [7])
    assert values[0] == pytest.approx(3.0 * sparse.scale)
    assert sparse.names({"indices": [7]}) == [(7, "feature 7")]


def test_bags_of_words_become_unit_rows():
    """Counts that are mostly absent are brought to length 1."""
    batch = batch_of(indices=[[1, 500], [90]], values=[[1.0, 2.0], [3.0]])
    assert Sparse.fit(batch).unit
    kind = pa.list_(pa.int32()), pa.list_(pa.float32())
    empty = [pa.array([[]], one) for one in kind]
    assert Sparse.fit(batch_of(indices=empty[0], values=empty[1])).scale == 1.0


def test_a_basket_counts_each_item_once_in_no_order():
    """Order and repetition change nothing; a null is an empty list."""
    basket = Basket("seen")
    rows = basket.rows(batch_of(seen=[["a", "b", "a"], None, ["b", "a"]]))
    names = dict(basket.names({"seen": ["a", "b", "a"]}))
    assert {names[code]: value for code, value in row(rows, 0).items()} == {
        "seen has a": 1.0,
        "seen has b": 1.0,
    }
    assert row(rows, 1) == {}
    assert row(rows, 2) == row(rows, 0)
