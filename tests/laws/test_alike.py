"""Laws of near-duplicates: a plain method keeps them, and each fault is seen by one."""

import pytest

from thrifty.laws import LAWS
from thrifty.laws.alike import (
    copies_are_together,
    order_does_not_matter,
    strangers_are_apart,
    the_first_row_leads,
)


def plain(texts):
    """Link rows that share most words, and follow the links."""
    sets = [set((text or "").split()) for text in texts]
    roots = list(range(len(texts)))
    for i, one in enumerate(sets):
        for j in range(i):
            if one and len(one & sets[j]) >= 0.8 * len(one | sets[j]):
                a, b = sorted((roots[i], roots[j]))
                roots = [a if root == b else root for root in roots]
    return roots


def equal_only(texts):
    """Broken: an empty text is like another."""
    return [texts.index(text) for text in texts]


def the_last_leads(texts):
    """Broken: the root is the last row of a cluster."""
    roots = plain(texts)
    return [max(i for i, other in enumerate(roots) if other == root) for root in roots]


def neighbours(texts):
    """Broken: a row is compared with the one before it only."""
    roots = list(range(len(texts)))
    for i in range(1, len(texts)):
        if plain(texts[i - 1 : i + 1]) == [0, 0]:
            roots[i] = roots[i - 1]
    return roots


@pytest.mark.parametrize("law", LAWS["alike"], ids=lambda law: law.__name__)
def test_law(law):
    """A plain method keeps them."""
    law(lambda: plain)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (the_first_row_leads, the_last_leads),
        (copies_are_together, neighbours),
        (strangers_are_apart, equal_only),
        (order_does_not_matter, neighbours),
    ],
)
def test_the_law_notices(law, broken):
    """Each law sees its fault."""
    with pytest.raises(AssertionError):
        law(lambda: broken)
