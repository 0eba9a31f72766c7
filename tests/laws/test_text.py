"""Laws of text: an index keeps them, and faults are seen by them."""

import pytest

from thrifty.laws import LAWS
from thrifty.laws import text as laws
from thrifty.text import Analyzer, TextIndex


class Faulty:
    """An index with a fault in its answers."""

    def __init__(self, index, fault):
        self.index, self.fault = index, fault

    def __getattr__(self, name):
        return getattr(self.index, name)

    def __len__(self):
        return len(self.index)

    def search(self, queries, k=10, **how):
        """Answers with the fault."""
        return self.fault(self.index, queries, k, how)


def shifted(index, queries, k, how):
    """Fault: scores depend on how many segments there are."""
    rows, scores = index.search(queries, k, **how)
    return rows, scores + len(index.segments)


def unfiltered(index, queries, k, how):
    """Fault: the filter is forgotten."""
    return index.search(queries, k)


def crowded(index, queries, k, how):
    """Fault: queries asked together lose their last row."""
    rows, scores = index.search(queries, k, **how)
    if len(queries) > 1:
        rows[:, -1] = -1
    return rows, scores


@pytest.fixture
def make(tmp_path):
    """A maker of empty indexes, each in its own folder."""
    made = []

    def fresh(fault=None):
        path = tmp_path / str(len(made))
        made.append(TextIndex.create(path, {"text": 1.0}, Analyzer(stem=False, stop=False)))
        return Faulty(made[-1], fault) if fault else made[-1]

    yield fresh
    for index in made:
        index.close()


@pytest.mark.parametrize("law", LAWS["text"], ids=lambda law: law.__name__)
def test_law(law, make):
    """The index of text keeps each law."""
    law(make)


@pytest.mark.parametrize(
    ("law", "fault"),
    [
        (laws.cuts_do_not_matter, shifted),
        (laws.a_filter_is_kept, unfiltered),
        (laws.queries_together_or_alone, crowded),
        (laws.scores_fall_and_rows_are_valid, crowded),
    ],
    ids=["segments", "filter", "batch", "places"],
)
def test_faults_are_seen(law, fault, make):
    """A law raises where its fault is."""
    with pytest.raises(AssertionError):
        law(lambda: make(fault))
