"""Resolve: its laws, entities against those that were made, blocking, agreement, edges."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thrifty.core import BudgetError, DataError, SaveError, record_of
from thrifty.hashing import MinHash, hash_column
from thrifty.laws import LAWS
from thrifty.models import resolve
from thrifty.models._blocking import candidate_pairs, compare_sets

LAW_CASES = [law for name in record_of(resolve).laws for law in LAWS[name]]


def written(folder, rows):
    """A file of JSON lines."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def people(seed, number=400, copies=150):
    """People, and copies of which one field lost a letter or its value; and who each is."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "name": f"first{rng.integers(40)} last{rng.integers(10**6)}",
            "street": f"{rng.choice(list('abcdefgh'))}road{rng.integers(300)} {rng.integers(99)}",
            "phone": str(rng.integers(10**7, 10**8)),
        }
        for _ in range(number)
    ]
    for who in range(copies):
        copy, field = dict(rows[who]), str(rng.choice(["name", "street", "phone"]))
        copy[field] = "" if rng.random() < 0.2 else copy[field][:3] + copy[field][4:]
        rows.append(copy)
    return rows, [*range(number), *range(copies)]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, tmp_path):
    """The laws the record names hold for a single column."""

    def find(texts):
        path = written(tmp_path, [{"text": text} for text in texts])
        return resolve(path, ["text"], per_row=100).root.tolist()

    law(lambda: find)


@pytest.mark.parametrize("seed", range(3))
def test_people_are_found(tmp_path, seed):
    """At least 95 % of the copies join their original, and no others do."""
    rows, who = people(seed)
    found = resolve(written(tmp_path, rows), ["name", "street", "phone"])
    assert found.rows == len(rows)
    right = sum(root == first for root, first in zip(found.root[400:], who[400:], strict=True))
    assert right >= 0.95 * 150
    assert found.root[:400].tolist() == list(range(400))
    assert found.reduction > 0.98
    assert found.precision > 0.95


def test_out_holds_the_clusters(tmp_path):
    """The file has a row for each row in a cluster of two or more."""
    rows, _ = people(5)
    found = resolve(written(tmp_path, rows), ["name", "phone"], out=tmp_path / "c.parquet")
    table = pq.read_table(tmp_path / "c.parquet")
    assert table["cluster"].to_pylist() == found.root[table["row"].to_numpy()].tolist()
    assert len(table) == found.duplicates + found.clusters
    facts = json.loads(json.dumps(found.facts()))
    assert facts["fields"].keys() == {"name", "phone"}


def test_candidates_share_a_word_or_most_letters():
    """Rows with a rare word in common are a pair; so are rows of nearly the same letters."""
    texts = [
        "anna of hull",
        "bob of york",
        "anna bell",
        "christophersonvanderbilt",
        "christofersonvanderbilt",
        "",
    ]
    pairs, crowded = candidate_pairs([pa.array(texts, pa.large_string())], per_row=100, most=100)
    found = {(int(p) >> 32, int(p) & 0xFFFFFFFF) for p in pairs}
    assert {(0, 1), (0, 2), (3, 4)} <= found
    assert not any(5 in pair for pair in found)
    assert not crowded
    _, crowded = candidate_pairs([pa.array(texts, pa.large_string())], per_row=100, most=1)
    assert crowded


def test_common_words_give_no_pairs():
    """A word that would give more pairs than allowed is left out; rarer ones are not."""
    texts = [f"the {i // 2}x{i // 2}" for i in range(100)]
    pairs, _ = candidate_pairs([pa.array(texts, pa.large_string())], per_row=1, most=10**6)
    found = {(int(p) >> 32, int(p) & 0xFFFFFFFF) for p in pairs}
    assert {(i, i + 1) for i in range(0, 100, 2)} <= found
    assert len(found) < 300


def test_levels_of_agreement():
    """The same is 3, then by overlap of pairs of letters; missing is -1."""
    column = pa.array(["johnson", "johnson", "johnsen", "jones", "smith", ""])
    indptr, grams = MinHash(1, words=None, chars=2).shingles(column)
    whole = hash_column(column) | np.uint64(1)
    whole[5] = 0
    pairs = np.arange(1, 6, dtype=np.int64)
    out = np.empty(5, np.int8)
    compare_sets(pairs, indptr, grams, whole, out)
    assert out.tolist() == [3, 2, 1, 0, -1]


def test_numbers_and_dates_are_compared_as_written(tmp_path):
    """Columns that are not text take part."""
    table = pa.table({"n": [10001, 10002, 10001] * 20, "m": [f"w{i // 3}" for i in range(60)]})
    pq.write_table(table, tmp_path / "t.parquet")
    assert resolve(tmp_path / "t.parquet", ["n", "m"], per_row=100).rows == 60


def test_no_pairs(tmp_path):
    """Rows that share nothing are their own entities, and there is no quality to tell."""
    found = resolve(written(tmp_path, [{"a": "xx"}, {"a": "yy"}, {"a": None}]), ["a"])
    assert found.root.tolist() == [0, 1, 2]
    assert found.pairs == found.taken == 0
    assert np.isnan(found.precision)


def test_refusals(tmp_path):
    """Bad arguments, columns that are not there or cannot be compared, and small budgets."""
    path = written(tmp_path, [{"a": f"b c d{i}"} for i in range(600)])
    with pytest.raises(ValueError, match=r"^match must be at least one column, got none$"):
        resolve(path, [])
    with pytest.raises(ValueError, match=r"^threshold must be in 0\.5\.\.0\.9999, got 1$"):
        resolve(path, ["a"], threshold=1)
    with pytest.raises(ValueError, match=r"^per_row must be in 0\.01\.\.1000, got 0$"):
        resolve(path, ["a"], per_row=0)
    with pytest.raises(BudgetError, match=r"^budget must be at least 16 MB for matching records"):
        resolve(path, ["a"], memory="1 MB")
    with pytest.raises(DataError, match=r"zz"):
        resolve(path, ["zz"])
    lists = pa.table({"a": [[1, 2], [3]]})
    pq.write_table(lists, tmp_path / "lists.parquet")
    with pytest.raises(DataError, match=r"^column 'a' must be of texts, numbers or dates$"):
        resolve(tmp_path / "lists.parquet", ["a"])
    with pytest.raises(SaveError, match=r"cannot write"):
        resolve(path, ["a"], out=tmp_path / "gone" / "c.parquet", per_row=0.01)


def test_too_many_pairs_are_refused(tmp_path):
    """More pairs than the budget holds is an error that says what to do."""
    path = written(tmp_path, [{"a": f"b d{i}"} for i in range(2000)])
    says = r"^memory must be more than 16 MB for the pairs of 2,000 rows: raise it, or lower"
    with pytest.raises(BudgetError, match=says):
        resolve(path, ["a"], memory="16 MB", per_row=1000)
