"""Blocks: the words of what is not null, in order, with their weights in step."""

import numpy as np
import pyarrow as pa
import pytest

from thrifty.hashing import hash_blocks, hash_column, weighted_blocks
from thrifty.hashing.blocks import answered, checked_weights

TEXTS = [None, "a", "b", None, "", "c" * 40, "b", None]
KEPT = [text for text in TEXTS if text is not None]
COLUMNS = {
    "list": TEXTS,
    "array": pa.array(TEXTS),
    "view": pa.array(TEXTS, pa.string_view()),
    "chunks": pa.chunked_array([TEXTS[:3], [], TEXTS[3:]]),
    "slice": pa.array(["cut", *TEXTS, "cut"]).slice(1, len(TEXTS)),
    "dictionary": pa.array(TEXTS).dictionary_encode(),
    "null entry": pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 2, None, 3, 4, 2, 0]), pa.array([None, "a", "b", "", "c" * 40])
    ),
    "coded slice": pa.array(["cut", *TEXTS, "cut"]).dictionary_encode().slice(1, len(TEXTS)),
}


@pytest.mark.parametrize("rows", [1, 3, 100])
@pytest.mark.parametrize("name", COLUMNS)
def test_blocks_are_the_words_of_what_is_there(name, rows):
    """However it is stored and cut, the words are those of the values without nulls."""
    blocks = list(hash_blocks(COLUMNS[name], 3, rows))
    assert all(0 < len(block) <= rows and block.dtype == np.uint64 for block in blocks)
    assert np.concatenate(blocks).tolist() == hash_column(KEPT, 3).tolist()


@pytest.mark.parametrize("rows", [1, 3, 100])
@pytest.mark.parametrize("name", COLUMNS)
def test_weights_stay_beside_their_values(name, rows):
    """A null takes its weight along; the others keep theirs."""
    weights = np.arange(len(TEXTS)) - 2
    blocks = list(weighted_blocks(COLUMNS[name], weights, 3, rows=rows))
    assert np.concatenate([words for words, _ in blocks]).tolist() == hash_column(KEPT, 3).tolist()
    assert np.concatenate([w for _, w in blocks]).tolist() == [-1, 0, 2, 3, 4]
    assert all(w.dtype == np.int64 and w.flags.c_contiguous for _, w in blocks)


@pytest.mark.parametrize("rows", [1, 3, 100])
@pytest.mark.parametrize("name", COLUMNS)
def test_every_row_has_its_answer(name, rows):
    """Answers stand where their values stand, and a null has the one given for nulls."""
    words = {text: int(hash_column([text], 3)[0] >> np.uint64(1)) for text in set(KEPT)}
    expected = [words.get(text, -1) for text in TEXTS]

    def halves(words):
        return (words >> np.uint64(1)).astype(np.int64)

    assert answered(COLUMNS[name], halves, -1, 3, rows=rows).tolist() == expected
    pairs = answered(COLUMNS[name], lambda w: np.stack([halves(w)] * 2, 1), -1, 3, rows=rows)
    assert pairs.tolist() == [[value, value] for value in expected]
    assert answered([], halves, -1).dtype == np.int64


def test_no_weights_are_ones():
    """Without weights each value weighs 1, in the dtype asked for; one number is for all."""
    for dtype in (np.int64, np.float64):
        ((words, weights),) = weighted_blocks(TEXTS, dtype=dtype)
        assert (len(words), weights.tolist(), weights.dtype) == (5, [1] * 5, dtype)
    assert next(weighted_blocks("abc", 4))[1].tolist() == [4]


@pytest.mark.parametrize("empty", [[], [None], None, pa.nulls(3), pa.chunked_array([], pa.int8())])
def test_nothing_gives_no_blocks(empty):
    """Empty columns and columns of nulls yield nothing."""
    assert list(hash_blocks(empty)) == []
    assert list(weighted_blocks(empty)) == []


def test_entries_of_a_dictionary_are_hashed_once(monkeypatch):
    """Cutting a dictionary column does not hash its entries again for each cut."""
    calls = []

    def counted(column, seed):
        calls.append(len(column))
        return hash_column(column, seed)

    monkeypatch.setattr("thrifty.hashing.blocks.hash_column", counted)
    list(hash_blocks(COLUMNS["dictionary"], rows=1))
    assert calls == [4]


@pytest.mark.parametrize(
    ("given", "least", "message"),
    [
        ([1], 0, r"^weights must be 2, one a row, got \(1,\)$"),
        ([[1, 2]], 0, r"^weights must be 2, one a row, got \(1, 2\)$"),
        ([1.0, np.nan], 0, r"^weights must be finite, got nan$"),
        ([1.0, -np.inf], 0, r"^weights must be finite, got -inf$"),
        ([1.0, 2.5], 0, r"^weights must be whole, got 2\.5$"),
        ([1, -3], 0, r"^weights must be at least 0, got -3$"),
        (np.uint64([2**63, 1]), 0, r"^weights must be below 2\*\*63, got 9223372036854775808$"),
        ([1.0, 1e30], 0, r"^weights must be below 2\*\*63, got 1e\+30$"),
        ([1.0, -1e30], None, r"^weights must be below 2\*\*63, got -1e\+30$"),
        (pa.array([1, None]), 0, r"^weights must be without nulls, got 1$"),
    ],
)
def test_weights_that_cannot_be_are_refused(given, least, message):
    """The message names the rule and the value, before any block is given."""
    with pytest.raises(ValueError, match=message):
        next(weighted_blocks(["a", "b"], given, least=least))


def test_weights_must_be_numbers():
    """Texts are named by their dtype."""
    with pytest.raises(TypeError, match=r"^weights must be numbers, got <U1$"):
        checked_weights(["a"], 1)
    assert checked_weights([True, False], 2).tolist() == [1, 0]
    assert checked_weights([], 0, np.float64).dtype == np.float64
    assert checked_weights(pa.chunked_array([[1], [2]]), 2, np.float64).tolist() == [1.0, 2.0]
    assert checked_weights([0.5, -2], 2, np.float64).tolist() == [0.5, -2.0]


def test_other_refusals_are_those_of_hash_column():
    """Values without a hash, mixtures, seeds out of range; and rows below 1."""
    with pytest.raises(TypeError, match=r"^column must be of text, numbers, times or bools, got "):
        next(hash_blocks([[1]]))
    with pytest.raises(ValueError, match=r"^seed must be in 0\.\.18446744073709551615, got -1$"):
        next(hash_blocks([1], -1))
    with pytest.raises(ValueError, match=r"^rows must be in 1\.\.4611686018427387904, got 0$"):
        next(hash_blocks([1], rows=0))
