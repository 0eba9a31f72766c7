"""Laws of ranks: broken by each ranking that cheats."""

import numpy as np
import pytest

from thrifty.laws.ranks import (
    a_ring_is_even,
    little_is_left_out,
    names_do_not_matter,
    ranks_are_shares,
    the_equation_holds,
    values_and_error_make_one,
    values_are_never_high,
)
from thrifty.learn import pagerank, personal_ranks


def doubled(edges, num_nodes):
    """Ranks that sum to two."""
    values, error, passes = pagerank(edges, num_nodes)
    return 2 * values, error, passes


def hasty(edges, num_nodes):
    """Ranks after one pass that claim to be exact."""
    return pagerank(edges, num_nodes, max_passes=1).values, 1e-9, 1


def by_name(edges, num_nodes):
    """Ranks by the name of the node."""
    values = np.arange(1.0, num_nodes + 1)
    return values / values.sum(), 1e-9, 1


def unordered(graph, node):
    """Near ranks, lowest first."""
    nodes, values, error, visits = personal_ranks(graph, node)
    return nodes[::-1], values[::-1], error, visits


def generous(graph, node):
    """Near ranks that sum to one."""
    nodes, values, error, visits = personal_ranks(graph, node, tol=1e-3)
    return nodes, values / values.sum(), error, visits


def lazy(graph, node):
    """Near ranks with a tolerance that is too high."""
    return personal_ranks(graph, node, tol=1e-2)


CHEATS = [
    (ranks_are_shares, doubled),
    (the_equation_holds, hasty),
    (names_do_not_matter, by_name),
    (a_ring_is_even, by_name),
    (values_and_error_make_one, unordered),
    (values_are_never_high, generous),
    (little_is_left_out, lazy),
]


@pytest.mark.parametrize(("law", "cheat"), CHEATS, ids=[law.__name__ for law, _ in CHEATS])
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it."""
    with pytest.raises(AssertionError):
        law(lambda: cheat)
