"""Dedup: its laws, its clusters against exact ones, budgets, crowded buckets, files, edges."""

import json
import sys
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest

from thrifty.core import BudgetError, DataError, SaveError, record_of
from thrifty.hashing import MinHash
from thrifty.laws import LAWS
from thrifty.models import _buckets
from thrifty.models.dedup import cluster_blocks, dedup, write_clusters

LAW_CASES = [law for name in record_of(dedup).laws for law in LAWS[name]]


def written(folder, texts, name="texts.jsonl"):
    """A file of JSON lines with a text a row."""
    path = folder / name
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


def families(seed, number=60, words=80):
    """Texts with up to five copies each, of which some words are changed; and their first rows."""
    rng = np.random.default_rng(seed)
    texts, first = [], []
    for _ in range(number):
        base = rng.integers(0, 5_000, words)
        leader = len(texts)
        for _ in range(int(rng.integers(1, 6))):
            changed = base.copy()
            changed[rng.integers(0, words, int(rng.integers(0, 2)))] = rng.integers(5_000, 9_000)
            texts.append(" ".join(f"w{n}" for n in changed))
            first.append(leader)
    return texts, first


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, tmp_path):
    """The laws the record names hold."""
    law(lambda: lambda texts: dedup(written(tmp_path, texts), "text").root.tolist())


def test_clusters_are_the_true_ones(tmp_path):
    """Families of texts a word apart (similarity 0.86 or more) come back as clusters."""
    texts, first = families(1)
    found = dedup(written(tmp_path, texts), "text", threshold=0.75, recall=0.999)
    assert found.root.tolist() == first
    assert found.rows == len(texts)
    assert found.clusters == sum(first.count(i) > 1 for i in set(first))
    assert found.duplicates == len(texts) - len(set(first))
    assert found.precision.estimate > 0.95
    assert found.recall.estimate > 0.95


def test_exact_clusters_are_linked_by_exact_pairs(tmp_path):
    """With exact no row joins a wrong cluster, and hardly one misses its own."""
    rng = np.random.default_rng(6)
    texts = []
    for _ in range(60):
        words = rng.integers(0, 3_000, 40)
        for _ in range(4):
            texts.append(" ".join(f"w{n}" for n in words))
            words = words.copy()
            words[rng.integers(40)] = 9_999
    indptr, hashes = MinHash(words=3).shingles(texts)
    sets = [set(hashes[a:b].tolist()) for a, b in pairwise(indptr)]
    root = list(range(len(texts)))
    for i in range(len(texts)):
        for j in range(i):
            if len(sets[i] & sets[j]) >= 0.8 * len(sets[i] | sets[j]):
                low, high = sorted((root[i], root[j]))
                root = [low if other == high else other for other in root]
    path = written(tmp_path, texts)
    found = dedup(path, "text", exact=True, recall=0.9999)
    assert [root[first] for first in found.root] == root
    assert np.mean(found.root == root) >= 0.98
    assert found.precision.estimate == 1
    assert found.taken <= dedup(path, "text", recall=0.9999).pairs


def test_exact_needs_room(tmp_path):
    """Shingles that do not fit half the budget are refused, not dropped."""
    lines = [" ".join(f"w{i}x{n}" for n in range(20_000)) for i in range(15)]
    path = written(tmp_path, [*lines, *(line + " more" for line in lines)])
    with pytest.raises(BudgetError, match=r"^memory must hold more than 4 MB for the shingles"):
        dedup(path, "text", exact=True, memory=8_000_240)


def test_the_budget_does_not_change_the_clusters(tmp_path):
    """The smallest budget, which reads every band in many parts, gives the same result."""
    texts, _ = families(2, number=300)
    path = written(tmp_path, texts)
    wide = dedup(path, "text")
    with pytest.raises(BudgetError) as refused:
        dedup(path, "text", memory=8_000_000)
    tight = dedup(path, "text", memory=refused.value.smallest)
    assert wide.root.tolist() == tight.root.tolist()
    assert (wide.pairs, wide.taken) == (tight.pairs, tight.taken)


def test_parts_of_a_band_are_all_of_it(tmp_path, monkeypatch):
    """Cut into many ranges of keys, each band gives the same clusters."""
    texts, _ = families(3)
    path = written(tmp_path, texts)
    wide = dedup(path, "text")
    monkeypatch.setattr(sys.modules["thrifty.models.dedup"], "PER_ENTRY", 10**6)
    assert dedup(path, "text", memory="9 MB").root.tolist() == wide.root.tolist()


def test_crowded_buckets_are_led_by_a_few(tmp_path):
    """Ten thousand copies of one text are one cluster, after about one comparison a row."""
    copies = 2 * _buckets.PIECE + 7
    texts = ["the same words again and again in a row"] * copies + ["something else entirely now"]
    found = dedup(written(tmp_path, texts), "text")
    assert (found.clusters, found.duplicates) == (1, copies - 1)
    assert found.root[-1] == copies
    assert found.pairs <= copies + 2 * _buckets.ALL
    assert found.left_out == 0


def test_a_bucket_of_unlike_rows_is_told(tmp_path):
    """Rows that share a bucket but are unlike its leaders are counted, not hidden."""
    rng = np.random.default_rng(4)
    texts = [" ".join(f"w{n}" for n in rng.integers(0, 40, 6)) for _ in range(3_000)]
    family = MinHash(8, words=1)
    found = dedup(written(tmp_path, texts), "text", threshold=1.0, family=family)
    low = dedup(written(tmp_path, texts), "text", threshold=0.1, family=family)
    assert low.clusters <= found.clusters
    assert low.bands.rows == 1


def test_out_holds_the_clusters(tmp_path):
    """The file has a row for each row in a cluster of two or more, and nothing else is left."""
    path = written(tmp_path, ["a b c d e f", "x y z", "a b c d e f", None, "a b c d e f", "x y z"])
    dedup(path, "text", out=tmp_path / "clusters.parquet")
    assert pq.read_table(tmp_path / "clusters.parquet").to_pydict() == {
        "row": [0, 1, 2, 4, 5],
        "cluster": [0, 1, 0, 0, 1],
        "size": [3, 2, 3, 3, 2],
    }
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clusters.parquet", "texts.jsonl"]


def test_facts_are_json(tmp_path):
    """What is told fits JSON and names both qualities with their ends."""
    facts = dedup(written(tmp_path, ["a b c", "a b c"]), "text").facts()
    assert json.loads(json.dumps(facts))["precision"].keys() == {"estimate", "low", "high"}
    assert facts["bands"] == {"bands": 18, "rows": 7}
    assert "root" not in facts


def test_blocks_of_clusters_do_not_depend_on_their_size():
    """Batches of two rows at a time hold what one batch holds."""
    root = np.array([0, 0, 2, 0, 4, 4], np.int32)
    rows = [row for batch in cluster_blocks(root, rows=2) for row in batch.to_pylist()]
    assert rows == [row for batch in cluster_blocks(root) for row in batch.to_pylist()]
    assert [row["row"] for row in rows] == [0, 1, 3, 4, 5]


def test_progress_is_told(tmp_path):
    """First reading, then comparing, with fractions in 0..1."""
    told = []
    dedup(written(tmp_path, ["a b c", "a b c"]), "text", progress=told.append)
    assert [state["phase"] for state in told][:1] == ["reading"]
    assert told[-1]["phase"] == "comparing"
    assert all(0 <= state["fraction"] <= 1 for state in told)


def test_refusals(tmp_path):
    """A missing column, a column of numbers, a bad threshold, a budget, a folder that is not."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a b", "n": 1}\n{"text": "c d", "n": 2}\n')
    with pytest.raises(DataError, match=r"^column 'txet'|txet"):
        dedup(path, "txet")
    with pytest.raises(DataError, match=r"^column 'n' must be of text, got double$"):
        dedup(path, "n")
    with pytest.raises(ValueError, match=r"^threshold must be in 0\.01\.\.1, got 0$"):
        dedup(path, "text", threshold=0)
    says = r"^budget must be at least 8 MB for near-duplicates, got '1 MB'$"
    with pytest.raises(BudgetError, match=says):
        dedup(path, "text", memory="1 MB")
    with pytest.raises(SaveError, match=r"^.*cannot write .*/gone/x\.parquet: No such file"):
        write_clusters(tmp_path / "gone" / "x.parquet", np.zeros(2, np.int32))
