"""Laws of finding phrases: `make()` gives a function (foreground, background) -> rows.

Both are lists of texts; a row has phrase, score, phraseness, informativeness, count, background and
p_value, the highest score first, of pairs that come 5 times or more. Each law raises AssertionError
if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["LAWS"]

Make = Callable[[], Callable[[list[str], list[str]], Any]]


def what_is_planted_is_first(make: Make) -> None:
    """A pair put into the foreground often stands first, counted, and is no chance."""
    fore = [f"{text} purple elephant" for text in _texts(1, 60)]
    first = make()(fore, _texts(2, 300))[0]
    assert (first.phrase, first.count, first.background) == ("purple elephant", 60, 0)
    assert first.p_value < 1e-6


def scores_fall(make: Make) -> None:
    """Rows come by score, which is the sum of its parts, each pair once and often enough."""
    rows = make()(_texts(3, 300), _texts(4, 300))
    scores = [row.score for row in rows]
    assert len(rows) > 20
    assert scores == sorted(scores, reverse=True)
    assert len({row.phrase for row in rows}) == len(rows)
    for row in rows:
        assert abs(row.score - row.phraseness - row.informativeness) < 1e-12
        assert row.count >= 5
        assert 0 <= row.p_value <= 1


def a_corpus_does_not_differ_from_itself(make: Make) -> None:
    """Against the same texts no pair is informative, and none is beyond chance."""
    texts = _texts(5, 200)
    for row in make()(texts, texts):
        assert row.informativeness == 0
        assert row.p_value == 1


def order_does_not_matter(make: Make) -> None:
    """Rows of texts in another order give the same phrases."""
    fore, back = _texts(6, 100), _texts(7, 100)
    assert make()(fore, back) == make()(fore[::-1], back[::-1])


def _texts(seed: int, number: int) -> list[str]:
    """Texts of ten words, of which few are frequent."""
    rng = np.random.default_rng(seed)
    words = (200 * rng.random((number, 10)) ** 3).astype(int)
    return [" ".join(f"w{word}" for word in row) for row in words]


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "phrases": (
        what_is_planted_is_first,
        scores_fall,
        a_corpus_does_not_differ_from_itself,
        order_does_not_matter,
    ),
}
