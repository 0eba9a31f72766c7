"""Laws of expansion: broken by rules that cheat."""

from types import SimpleNamespace

import numpy as np
import pytest

from thrifty.laws.expansion import bounded_weights, only_terms_that_can_help
from thrifty.models.expansion import Expand, Term

DF = {"cat": 3, "dog": 90}


class Text:
    """An index of two words in a hundred documents."""

    analyzer = SimpleNamespace(tokens=str.split)

    def df(self, terms):
        """Of a small table."""
        return np.array([DF.get(term, 0) for term in terms])


class Index:
    """What rules look at."""

    text = Text()

    def __len__(self):
        return 100


class Loud(Expand):
    """Weights beyond the bound."""

    def __call__(self, query, index):
        """Terms that break a law."""
        return [term._replace(weight=9 * term.weight) for term in super().__call__(query, index)]


class Blind(Expand):
    """Everything is kept."""

    def __call__(self, query, index):
        """Terms that break a law."""
        return [Term("dog", "dog", 90, 0.1, True, "")]


def made(rules):
    """A factory of index, rules and query."""
    expander = lambda query, index: [("cat", 1.0), ("dog", 1.0), ("owl", 1.0)]  # noqa: E731
    return lambda: (Index(), rules(expander), "two words")


@pytest.mark.parametrize(
    ("law", "cheat"), [(bounded_weights, Loud), (only_terms_that_can_help, Blind)]
)
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it, and kept by an honest one."""
    law(made(Expand))
    with pytest.raises(AssertionError):
        law(made(cheat))
