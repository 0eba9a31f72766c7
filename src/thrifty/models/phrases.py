"""Phrases: which pairs of words tell one corpus from another, exactly or in bounded memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from scipy.stats import chi2

from thrifty.core import in_range, method
from thrifty.models.phrase_counts import ExactPhrases, RequestedPhrases, SketchedPhrases, pair_hash

__all__ = ["Phrase", "Phrases", "phrases"]

Floats = NDArray[np.float64]


class Phrase(NamedTuple):
    """A pair of words and what it says about the foreground.

    Args:
        phrase: both words in lower case.
        score: phraseness + informativeness, in nats of a word drawn.
        phraseness: how much more often the words come together than apart.
        informativeness: how much more often they come in the foreground than in the background.
        count: in the foreground.
        background: count in the background.
        p_value: chance of such a difference of shares if there were none, by the likelihood ratio.
    """

    phrase: str
    score: float
    phraseness: float
    informativeness: float
    count: int
    background: int
    p_value: float


@dataclass(frozen=True)
class Phrases:
    """Phrases of the foreground, highest score first, and how much was read.

    Args:
        rows: the phrases.
        words: of foreground and background.
        nbytes: of all counts.
        exact: whether counts are exact.
    """

    rows: list[Phrase]
    words: tuple[int, int]
    nbytes: int
    exact: bool

    def facts(self, top: int = 20) -> dict[str, Any]:
        """What there is to say, and the first phrases."""
        return {
            "words": list(self.words), "exact": self.exact, "nbytes": self.nbytes,
            "found": len(self.rows), "phrases": [row._asdict() for row in self.rows[:top]],
        }  # fmt: skip


@method(
    source="Tomokiyo and Hurst 2003, doi:10.3115/1119282.1119287; likelihood ratio: Dunning 1993, "
    "Computational Linguistics 19(1)",
    memory="exact: 16 bytes a different word and 32 a different pair; else `memory` and 32 bytes a "
    "phrase",
    time="O(words)",
    error="exact; with `memory` counts of the foreground may be too high, by more than e * words "
    "/ width with probability at most exp(-3), and rare phrases may be missing",
    exact="counts in a dictionary of pairs",
    laws=("phrases",),
    evidence=("phrases",),
)
def phrases(
    foreground: Iterable[Any],
    background: Iterable[Any],
    *,
    memory: int | str | None = None,
    min_count: int = 5,
    seed: int = 0,
) -> Phrases:
    """Find the pairs of words that make a foreground of texts special against a background.

    With smoothed shares p, each count plus one over words plus different words, the phraseness of x
    y is p(xy) log(p(xy) / (p(x) p(y))) and its informativeness p(xy) log(p(xy) / q(xy)), where
    q is of the background; the score is their sum. Words are read in lower case; pairs do not
    cross punctuation or rows.

    Args:
        foreground: columns of texts, such as batches of a file.
        background: columns of texts.
        memory: most bytes of the foreground's counts, such as "4 MB", by which they are sketched;
            of the background only the phrases found are then counted. None counts all exactly.
        min_count: least count of a phrase in the foreground, 1..2**40.
        seed: of the hashes.

    Raises:
        TypeError: a column is not of text.
        ValueError: an argument is out of range.
        BudgetError: memory is below 200 kB.

    Example:
        >>> news = ["The prime minister spoke.", "A prime minister again.", "Oh, prime minister!"]
        >>> found = phrases([news], [["The minister spoke.", "A prime again."]], min_count=2)
        >>> [row.phrase for row in found.rows]
        ['prime minister']
    """
    in_range("min_count", min_count, 1, 2**40)
    exact = memory is None
    fore: Any = ExactPhrases(named=True, seed=seed) if exact else SketchedPhrases(memory, seed=seed)
    for column in foreground:
        fore.add(column)
    found = fore.frequent(min_count)
    names = [name for name, _ in found]
    back: Any = ExactPhrases(seed=seed) if exact else RequestedPhrases(names, seed=seed)
    for column in background:
        back.add(column)
    rows = _scored(fore, back, found, seed)
    return Phrases(rows, (fore.num_words, back.num_words), fore.nbytes + back.nbytes, exact)


def _scored(fore: Any, back: Any, found: list[tuple[str, int]], seed: int) -> list[Phrase]:
    if not found:
        return []
    names = [name for name, _ in found]
    count = np.array([number for _, number in found], np.float64)
    first, second, pair = pair_hash(names, seed)
    words, pairs = fore.distinct(back)
    there = back.pairs(pair).astype(np.float64)
    both = (count + 1) / (fore.num_pairs + pairs)
    apart = np.ones_like(both)
    for end in (first, second):
        apart *= (fore.words(end) + 1) / (fore.num_words + words)
    other = (there + 1) / (back.num_pairs + pairs)
    phraseness, informativeness = both * np.log(both / apart), both * np.log(both / other)
    chance = _p_value(count, fore.num_pairs, there, back.num_pairs)
    order = np.lexsort((names, -(phraseness + informativeness)))
    rows = zip(
        names, (phraseness + informativeness).tolist(), phraseness.tolist(),
        informativeness.tolist(), count.astype(int).tolist(), there.astype(int).tolist(),
        chance.tolist(), strict=True,
    )  # fmt: skip
    listed = [Phrase(*row) for row in rows]
    return [listed[place] for place in order]


def _p_value(k1: Floats, n1: float, k2: Floats, n2: float) -> Floats:
    """Chance of shares k1 / n1 and k2 / n2 at least as different, by the likelihood ratio."""

    def likelihood(share: Floats, k: Floats, n: float) -> Floats:
        return xlogy(k, share) + xlogy(n - k, 1 - share)

    n1, n2 = max(n1, 1), max(n2, 1)
    k1, k2 = np.minimum(k1, n1), np.minimum(k2, n2)
    joint = (k1 + k2) / (n1 + n2)
    apart = likelihood(k1 / n1, k1, n1) + likelihood(k2 / n2, k2, n2)
    ratio = 2 * (apart - likelihood(joint, k1, n1) - likelihood(joint, k2, n2))
    return chi2.sf(np.maximum(ratio, 0), 1)
