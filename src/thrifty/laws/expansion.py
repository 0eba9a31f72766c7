"""Laws of expansion: a factory gives an index and rules that expand queries to it."""

from collections.abc import Callable
from typing import Any

__all__ = ["LAWS"]


def bounded_weights(make: Callable[[], Any]) -> None:
    """Weights of added terms sum to what is allowed, whatever the expander says."""
    index, rules, query = make()
    terms = rules(query, index)
    own = set(index.text.analyzer.tokens(query))
    total = sum(term.weight for term in terms)
    assert total <= rules.weight * max(len(own), 1) + 1e-9
    assert all(term.weight > 0 for term in terms if term.kept)


def only_terms_that_can_help(make: Callable[[], Any]) -> None:
    """No term of the query, of no document or of too many is kept; what is not says why."""
    index, rules, query = make()
    own = set(index.text.analyzer.tokens(query))
    for term in rules(query, index):
        assert term.kept == (not term.reason) == (term.weight > 0)
        if term.kept:
            assert term.term not in own
            assert 0 < index.text.df([term.term])[0] <= rules.share * len(index)


LAWS = {"expansion": (bounded_weights, only_terms_that_can_help)}
