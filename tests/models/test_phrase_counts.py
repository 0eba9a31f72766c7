"""Phrase counts: a dictionary of pairs, what a pair is, sketched and requested counts."""

import itertools
import re
from collections import Counter

import numpy as np
import pytest

from thrifty.core import BudgetError
from thrifty.models.phrase_counts import (
    ExactPhrases,
    RequestedPhrases,
    SketchedPhrases,
    pair_hash,
)


def texts(number=400, seed=0):
    """Texts of few frequent and many rare words, some with commas and capitals."""
    rng = np.random.default_rng(seed)
    words = (3000 * rng.random((number, 20)) ** 4).astype(int)
    return [" ".join(f"W{w}," if w % 7 == 0 else f"w{w}" for w in row) for row in words]


def counted(rows):
    """Words and pairs by Python."""
    words, pairs = Counter(), Counter()
    for row in rows:
        for run in row.lower().split(","):
            found = re.findall(r"\w+", run)
            words.update(found)
            pairs.update(itertools.pairwise(found))
    return words, pairs


@pytest.mark.parametrize("batch", [7, 400])
def test_exact_counts_are_those_of_a_dictionary(batch):
    """Whatever the batches: words, pairs, totals, and what both corpora hold."""
    rows = texts()
    counts, other = ExactPhrases(named=True), ExactPhrases().add(texts(50, 1))
    for start in range(0, 400, batch):
        counts.add(rows[start : start + batch])
    words, pairs = counted(rows)
    assert dict(counts.frequent(1)) == {f"{a} {b}": n for (a, b), n in pairs.items()}
    assert (counts.num_words, counts.num_pairs) == (words.total(), pairs.total())
    names = [f"{a} {b}" for a, b in pairs]
    first, second, pair = pair_hash(names)
    assert counts.words(first).tolist() == [words[a] for a, _ in pairs]
    assert counts.words(second).tolist() == [words[b] for _, b in pairs]
    assert counts.pairs(pair).tolist() == list(pairs.values())
    theirs = counted(texts(50, 1))
    assert counts.distinct(other) == (len(words | theirs[0]), len(pairs | theirs[1]))
    assert counts.nbytes > 32 * len(pairs)


def test_what_a_pair_is():
    """Only white space is between its words; rows stand alone; nulls are nothing."""
    rows = ["a  b", "c-d e", "f. g", None, "h\ti J", ""]
    found = ExactPhrases(named=True).add(rows).frequent(1)
    assert sorted(found) == [("a b", 1), ("d e", 1), ("h i", 1), ("i j", 1)]


def test_sketched_counts_are_never_low():
    """Frequent pairs are found with their counts; the budget is kept."""
    rows = texts(2000)
    words, pairs = counted(rows)
    counts = SketchedPhrases("600 kB").add(rows[:900]).add(rows[900:])
    assert counts.nbytes <= 600_000
    often = {f"{a} {b}": n for (a, b), n in pairs.items() if n >= 15}
    found = dict(counts.frequent(15))
    assert len(often) > 15
    assert often.keys() <= found.keys()
    assert all(found[name] >= often[name] for name in often)
    first, _, pair = pair_hash(often)
    assert (counts.words(first) >= [words[name.split()[0]] for name in often]).all()
    assert (counts.pairs(pair) >= list(often.values())).all()


def test_requested_counts_are_exact():
    """Words and pairs that were asked for; the number of different ones is estimated."""
    rows = texts()
    words, pairs = counted(rows)
    names = [f"{a} {b}" for a, b in list(pairs)[:50]] + ["never there"]
    counts = RequestedPhrases(names).add(rows)
    first, second, pair = pair_hash(names)
    split = [name.split() for name in names]
    assert counts.words(first).tolist() == [words[a] for a, _ in split]
    assert counts.words(second).tolist() == [words[b] for _, b in split]
    assert counts.pairs(pair).tolist() == [pairs[a, b] for a, b in split]
    assert (counts.num_words, counts.num_pairs) == (words.total(), pairs.total())
    fore = SketchedPhrases("1 MB").add(texts(50, 1))
    theirs = counted(texts(50, 1))
    exact = len(words | theirs[0]), len(pairs | theirs[1])
    np.testing.assert_allclose(fore.distinct(counts), exact, rtol=4 * 1.04 / 64)


def test_nothing_at_all():
    """Without texts there is nothing, and nothing fails."""
    none = np.zeros(0, np.uint64)
    for counts in (ExactPhrases(named=True), SketchedPhrases("1 MB")):
        assert counts.frequent(1) == []
        assert counts.words(none).tolist() == []
    assert RequestedPhrases([]).add(["a b"]).words(none).tolist() == []
    assert ExactPhrases().distinct(ExactPhrases()) == (0, 0)


def test_refusals():
    """Budgets too small or none at all, columns without text."""
    with pytest.raises(BudgetError, match=r"^budget must be at least 200 kB for counts of phrases"):
        SketchedPhrases("1 kB")
    with pytest.raises(ValueError, match=r"^budget must be a size such as"):
        SketchedPhrases("some")
    for counts in (ExactPhrases(), SketchedPhrases("1 MB"), RequestedPhrases([])):
        with pytest.raises(TypeError, match=r"^column must be of text, got int64$"):
            counts.add([1, 2])
