"""Sentiment: laws, a dictionary of pairs, intervals, texts, refusals."""

import hashlib
import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.models import SeedSentiment

CASES = [law for name in record_of(SeedSentiment).laws for law in LAWS[name]]
ITEMS = st.lists(st.sampled_from(["good", "bad", "sea", "hill", "tree"]), max_size=6).map(" ".join)


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: SeedSentiment(width=16), ITEMS)


def texts(number=300, seed=0):
    """Rows of 30 words of 200, some of them seeds."""
    rng = np.random.default_rng(seed)
    names = ["fine", "nice", "poor", "vile", *(f"w{i}" for i in range(196))]
    return [" ".join(names[i] for i in row) for row in rng.integers(0, 200, (number, 30))]


def counted(rows, seeds, others, window):
    """How often words stand near seeds, by Python."""
    counts = Counter()
    for row in rows:
        words = re.findall(r"\w+", row.lower())
        for place, word in enumerate(words):
            if word in seeds:
                near = words[max(place - window, 0) : place + window + 1]
                counts.update(other for other in near if other not in seeds | others)
    return counts


@pytest.mark.parametrize("window", [1, 4, 100])
def test_scores_are_those_of_a_dictionary(window):
    """With wide sketches, of every word, whatever the batches."""
    rows, good, bad = texts(), {"fine", "nice"}, {"poor", "vile"}
    found = SeedSentiment(good, bad, window=window).add(rows[:100]).add(rows[100:])
    a, b = counted(rows, good, bad, window), counted(rows, bad, good, window)
    words = [f"w{i}" for i in range(196)]
    balance = math.log((a.total() + 1) / (b.total() + 1))
    exact = [math.log((a[w] + 1) / (b[w] + 1)) - balance for w in words]
    np.testing.assert_allclose(found.score(words), exact, atol=1e-12)


def test_intervals_hold():
    """In a narrow sketch, at 90 %, at least that share of the exact scores is inside."""
    rows, good, bad = texts(), {"fine", "nice"}, {"poor", "vile"}
    words = [f"w{i}" for i in range(196)]
    exact = SeedSentiment(good, bad).add(rows).score(words)
    inside = []
    for seed in range(20):
        narrow = SeedSentiment(good, bad, width=40, depth=2, seed=seed).add(rows)
        ends = narrow.interval(words, 0.9)
        inside.append(((ends.low <= exact + 1e-9) & (exact <= ends.high + 1e-9)).mean())
    assert np.mean(inside) >= 0.9


def test_texts_have_the_mean_of_their_words():
    """Seeds count as 1 and -1; a text without words as 0."""
    found = SeedSentiment().add(["good sea, good tree", "bad hill, bad tree"])
    sea, hill = found.score(["sea", "hill"])
    scores = found.score_texts(["sea hill", "", "good", "bad bad", "sea good"])
    np.testing.assert_allclose(scores, [(sea + hill) / 2, 0, 1, -1, (sea + 1) / 2])
    assert found.score_texts([]).shape == (0,)
    assert sea > 0 > hill


def test_budgets():
    """Two sketches of four rows fit, and the totals."""
    found = SeedSentiment.within("1 MB", ["fine"], ["poor"])
    assert 990_000 < found.nbytes <= 1_000_000
    with pytest.raises(BudgetError, match=r"^budget must be at least 80 B, got 79$"):
        SeedSentiment.within(79)


def test_refusals():
    """Seeds that are none, numbers out of range, other seeds."""
    with pytest.raises(ValueError, match=r"^good must be some words, got none$"):
        SeedSentiment([])
    with pytest.raises(ValueError, match=r"^words must be single words, got \['two words'\]$"):
        SeedSentiment(["two words"])
    with pytest.raises(ValueError, match=r"^good and bad must share no word, got 'x' in both$"):
        SeedSentiment(["x"], ["x"])
    with pytest.raises(ValueError, match=r"^window must be in 1\.\.1000, got 0$"):
        SeedSentiment(window=0)
    with pytest.raises(ValueError, match=r"^confidence must be in 0\.\.1, got 2$"):
        SeedSentiment().interval(["x"], 2)
    with pytest.raises(TypeError, match=r"^column must be of text, got int64$"):
        SeedSentiment().add([1])
    with pytest.raises(IncompatibleError, match=r"^cannot subtract SeedSentiment\("):
        SeedSentiment().subtract(SeedSentiment(["fine"]))


def test_sketches_that_lie_are_refused():
    """Of one side only."""
    made = SeedSentiment(width=8)
    spec = made.spec()
    one = {"good": spec["sketches"]["good"]}
    with pytest.raises(FormatError, match=r"^sketches must be one of each side, made alike$"):
        SeedSentiment.restore(spec | {"sketches": one}, made.arrays())


def test_bytes_are_stable():
    """Golden: hashes and format do not move."""
    data = SeedSentiment(width=16, seed=1).add(["a good sea", "a bad hill"]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "7ed9ed478478fe4e"
