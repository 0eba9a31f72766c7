"""Laws of phrases: broken by each finder that cheats."""

import pytest

from thrifty.laws.phrases import (
    a_corpus_does_not_differ_from_itself,
    order_does_not_matter,
    scores_fall,
    what_is_planted_is_first,
)
from thrifty.models.phrases import phrases


def rows(fore, back):
    """What is found, exactly."""
    return phrases([fore], [back]).rows


def upside_down(fore, back):
    """Lowest first."""
    return rows(fore, back)[::-1]


def always_sure(fore, back):
    """Everything is beyond chance."""
    return [row._replace(p_value=0.0) for row in rows(fore, back)]


def half(fore, back):
    """Only the first texts count."""
    return rows(fore[: len(fore) // 2], back)


CHEATS = [
    (what_is_planted_is_first, upside_down),
    (scores_fall, upside_down),
    (a_corpus_does_not_differ_from_itself, always_sure),
    (order_does_not_matter, half),
]


@pytest.mark.parametrize(("law", "cheat"), CHEATS, ids=[law.__name__ for law, _ in CHEATS])
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it."""
    with pytest.raises(AssertionError):
        law(lambda: cheat)
