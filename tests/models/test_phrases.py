"""Phrases: their laws in both ways, the formulas, sketched against exact, refusals."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from thrifty.core import BudgetError, record_of
from thrifty.laws import LAWS
from thrifty.models.phrases import phrases

CASES = [law for name in record_of(phrases).laws for law in LAWS[name]]


@pytest.mark.parametrize("memory", [None, "8 MB"])
@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law, memory):
    """The laws the record names hold, also where counts are sketched in ample memory."""
    if memory is not None and law.__name__ in ("a_corpus_does_not_differ_from_itself",):
        memory = "64 MB"
    law(lambda: lambda fore, back: phrases([fore], [back], memory=memory).rows)


FORE = ["new york is big", "new york again", "old york", "new car, new york", "new york, new york"]
BACK = ["new car and new house", "york is old", "a new york"]


def test_the_formulas():
    """Scores by hand: smoothed shares of pairs and words; the likelihood ratio as SciPy has it."""
    found = phrases([FORE], [BACK], min_count=2)
    (row,) = found.rows
    assert (row.phrase, row.count, row.background) == ("new york", 5, 1)
    # foreground: 17 words, 9 pairs; both together: 9 different words, 11 different pairs
    assert found.words == (17, 11)
    kinds_words = len(set(" ".join(FORE + BACK).replace(",", "").split()))
    pairs = {("new", "york"), ("york", "is"), ("is", "big"), ("york", "again"), ("old", "york")}
    pairs |= {("new", "car"), ("car", "and"), ("and", "new"), ("new", "house")}
    pairs |= {("is", "old"), ("a", "new")}
    number = 3 + 2 + 1 + 2 + 2
    both = 6 / (number + len(pairs))
    apart = (7 / (17 + kinds_words)) * (7 / (17 + kinds_words))
    other = 2 / (8 + len(pairs))
    assert row.phraseness == pytest.approx(both * np.log(both / apart))
    assert row.informativeness == pytest.approx(both * np.log(both / other))
    table = [[5, number - 5], [1, 8 - 1]]
    peer = chi2_contingency(table, correction=False, lambda_="log-likelihood")
    assert row.p_value == pytest.approx(peer.pvalue)


def texts(seed, number, planted):
    """Texts of ten words of skewed frequency, some of which hold one of 60 phrases."""
    rng = np.random.default_rng(seed)
    words = (4000 * rng.random((number, 10)) ** 2).astype(int)
    rows = [[f"w{word}" for word in row] for row in words]
    for row in rows if planted else ():
        which = int(200 * rng.random() ** 2)
        if which < 60:
            row[3:5] = [f"first{which}", f"second{which}"]
    return [" ".join(row) for row in rows]


def test_sketched_phrases_are_nearly_the_exact_ones():
    """Of the first 50, at a tenth of the memory, 45 are the same."""
    fore, back = texts(1, 4000, True), texts(2, 40_000, False)
    exact = phrases([fore], [back])
    sketch = phrases([fore], [back], memory=exact.nbytes // 12)
    assert not sketch.exact
    assert sketch.nbytes <= exact.nbytes / 10
    first = {row.phrase for row in exact.rows[:50]}
    assert len(first & {row.phrase for row in sketch.rows[:50]}) >= 45


def test_facts():
    """What there is to say, as a dict."""
    facts = phrases([FORE], [BACK], min_count=2).facts(1)
    assert (facts["found"], facts["exact"]) == (1, True)
    assert facts["phrases"][0]["phrase"] == "new york"
    assert phrases([], []).rows == []


def test_refusals():
    """Budgets too small, counts of nothing, numbers for texts."""
    with pytest.raises(BudgetError, match=r"^budget must be at least 200 kB for counts of phrases"):
        phrases([FORE], [BACK], memory="1 kB")
    with pytest.raises(ValueError, match=r"^min_count must be in 1\.\.1099511627776, got 0$"):
        phrases([FORE], [BACK], min_count=0)
    with pytest.raises(TypeError, match=r"^column must be of text, got int64$"):
        phrases([[1, 2]], [BACK])
