"""Sentiment: how much nearer words stand to some good words than to some bad ones, in one pass."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import (
    BudgetError,
    FormatError,
    Interval,
    LinearSummary,
    in_range,
    method,
    packed,
    parse_bytes,
    taken,
    unpacked,
)
from thrifty.core.kernels import njit
from thrifty.models._bigrams import Words, bigrams, tally
from thrifty.sketch import CountMin

__all__ = ["SeedSentiment"]

SIDES = ("good", "bad")
ITEM, DEPTH = 8, 4
SMOOTHING = 1.0


@njit(nogil=True, cache=True, error_model="numpy")
def _meet(words, rows, sides, window, side, out):
    """Words that stand within the window of a seed of one side, once for each such seed."""
    made = 0
    for t in range(words.size):
        if sides[t] != side:
            continue
        for u in range(max(t - window, 0), min(t + window + 1, words.size)):
            if rows[u] == rows[t] and sides[u] < 0:
                out[made] = words[u]
                made += 1
    return made


@method(
    source="Turney 2002, doi:10.3115/1073083.1073153; from a sketch of pair counts: Goyal, Daume "
    "and Cormode 2012, EMNLP-CoNLL",
    memory="2 * 8 * depth * width bytes",
    time="O(words + seeds * window)",
    error="each pair count too high by more than e / width of its side's pairs with probability at "
    "most exp(-depth); `interval` gives what that means for a score",
    exact="counts in a dictionary of pairs",
    laws=("summary", "merge", "linear", "budget"),
    evidence=("sentiment",),
)
class SeedSentiment(LinearSummary):
    """Score words by the seeds they stand near: log of the odds, above what any word has.

    A word's score is log((c(w, good) + 1) / (c(w, bad) + 1)) less the same of all words, where c
    counts how often the word stands within the window of a seed, in the same row. Both sides are
    counted in count-min sketches, so parts of a corpus merge and subtract.

    Args:
        good: seeds, lower case; none of them is bad.
        bad: seeds.
        window: words to either side of a seed, 1..1,000.
        width: counters a row of each sketch, 1..2**31.
        depth: rows of each sketch, 1..16.
        seed: of the hashes, 0..2**64 - 1.

    Raises:
        ValueError: seeds are not two lists of single words that share none, or a number is out of
            range.

    Example:
        >>> found = SeedSentiment(["good"], ["bad"])
        >>> found = found.add(["a good, charming film", "bad, dull film"])
        >>> good, bad, film = found.score(["charming", "dull", "film"])
        >>> bool(good > film > bad)
        True
    """

    KIND = "seed-sentiment"

    def __init__(
        self,
        good: Iterable[str] = ("good",),
        bad: Iterable[str] = ("bad",),
        *,
        window: int = 10,
        width: int = 1 << 16,
        depth: int = DEPTH,
        seed: int = 0,
    ) -> None:
        self.good, self.bad = _seeds("good", good), _seeds("bad", bad)
        if both := set(self.good) & set(self.bad):
            raise ValueError(f"good and bad must share no word, got {sorted(both)[0]!r} in both")
        self.window = int(in_range("window", window, 1, 1000))
        in_range("width", width, 1, 2**31)
        in_range("depth", depth, 1, 16)
        self._pairs = {side: CountMin(depth, width, seed=seed) for side in SIDES}
        self._totals = np.zeros(2, np.int64)
        self.seed = seed
        sides = (self.good, self.bad)
        self._seeds = [np.sort(_hashes(words, seed)) for words in sides]

    @classmethod
    def within(
        cls,
        budget: int | str,
        good: Iterable[str] = ("good",),
        bad: Iterable[str] = ("bad",),
        *,
        window: int = 10,
        seed: int = 0,
    ) -> Self:
        """The widest sketches of four rows each that fit.

        Raises:
            BudgetError: the budget is below one counter a row.
        """
        least = 2 * ITEM * DEPTH
        room = parse_bytes(budget, "budget") - 16
        if room < least:
            raise BudgetError(f"budget must be at least {least + 16} B, got {budget!r}", least + 16)
        return cls(good, bad, window=window, width=min(room // least, 2**31), seed=seed)

    def spec(self) -> dict[str, Any]:
        """Seeds, window, and what the sketches were made with."""
        own = {"good": self.good, "bad": self.bad, "window": self.window, "seed": self.seed}
        return own | {"sketches": packed(self._pairs)[0]}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Counters of both sides, and how many pairs each has."""
        return packed(self._pairs)[1] | {"totals": self._totals}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, Any]) -> Self:
        """From seeds and counters."""
        pairs: dict[str, Any] = unpacked(spec["sketches"], arrays, {CountMin.KIND: CountMin})
        made = cls(spec["good"], spec["bad"], window=spec["window"], width=1, seed=spec["seed"])
        if set(pairs) != set(SIDES) or pairs["good"].spec() != pairs["bad"].spec():
            raise FormatError("sketches must be one of each side, made alike")
        made._pairs = {side: pairs[side] for side in SIDES}
        made._totals = taken(arrays, "totals", np.int64, (2,))
        return made

    def add(self, column: Any, weights: None = None) -> Self:
        """Read the texts of a column; nulls are skipped.

        Raises:
            TypeError: the column is not of text.
        """
        for part in bigrams(list(column) if isinstance(column, tuple) else column, self.seed):
            sides = np.full(part.words.size, -1, np.int8)
            for side, seeds in enumerate(self._seeds):
                sides[np.isin(part.words, seeds)] = side
            for side, name in enumerate(SIDES):
                room = int((sides == side).sum()) * (2 * self.window + 1)
                met = np.empty(room, np.uint64)
                made = _meet(part.words, part.rows, sides, self.window, side, met)
                keys, counts, _ = tally(met[:made])
                self._pairs[name].add(keys, counts)
                self._totals[side] += made
        return self

    def score(self, words: Iterable[str]) -> NDArray[np.float64]:
        """Scores of words: above 0 where they stand nearer to the good than other words do.

        Raises:
            ValueError: a word is not a single one.
        """
        return self._score(*self._counts(words))

    def interval(self, words: Iterable[str], confidence: float = 0.95) -> Interval:
        """Scores of words, and between which ends exact counts would put them, each so surely.

        Raises:
            ValueError: a word is not a single one, or confidence is outside 0..1.
        """
        half = 1 - (1 - confidence) / 2 if in_range("confidence", confidence, 0, 1) < 1 else 1
        good, bad = self._counts(words)
        most = min(half, 1 - 1e-12)
        above = [self._pairs[side].error_bound(most) for side in SIDES]
        low = self._score(np.maximum(good - above[0], 0), bad)
        high = self._score(good, np.maximum(bad - above[1], 0))
        return Interval(self._score(good, bad), low, high)  # type: ignore[arg-type]

    def score_texts(self, column: Any) -> NDArray[np.float64]:
        """Mean score of the words of each text; 0 where there is none.

        Raises:
            TypeError: the column is not of text.
        """
        found = []
        for part in bigrams(column, self.seed):
            scores = self._score(*(self._pairs[side].estimate(part.words) for side in SIDES))
            for side, sign in zip(self._seeds, (1.0, -1.0), strict=True):
                scores[np.isin(part.words, side)] = sign
            sums = np.bincount(part.rows, scores, part.num_rows)
            found.append(sums / np.maximum(np.bincount(part.rows, minlength=part.num_rows), 1))
        return np.concatenate([np.zeros(0), *found])

    def _counts(self, words: Iterable[str]) -> tuple[Any, Any]:
        keys = _hashes(list(words), self.seed)
        good, bad = (self._pairs[side].estimate(keys) for side in SIDES)
        return good, bad

    def _score(self, good: Any, bad: Any) -> NDArray[np.float64]:
        here = np.log(good + SMOOTHING) - np.log(bad + SMOOTHING)
        return here - float(np.diff(np.log(self._totals[::-1] + SMOOTHING))[0])

    def _absorb(self, other: Self) -> None:
        for side in SIDES:
            self._pairs[side].absorb(other._pairs[side])
        self._totals += other._totals

    def _take_out(self, other: Self) -> None:
        self._pairs = {s: self._pairs[s].subtract(other._pairs[s]) for s in SIDES}
        self._totals -= other._totals


def _seeds(name: str, words: Iterable[str]) -> list[str]:
    found = sorted({str(word) for word in words})
    if not found:
        raise ValueError(f"{name} must be some words, got none")
    _hashes(found, 0)
    return found


def _hashes(words: list[str], seed: int) -> Words:
    parts = list(bigrams(words, seed)) if words else []
    found = np.concatenate([np.zeros(0, np.uint64), *(part.words for part in parts)])
    rows = np.concatenate([np.zeros(0, np.int64), *(part.rows for part in parts)])
    if found.size != len(words) or not np.array_equal(rows, np.arange(len(words))):
        raise ValueError(f"words must be single words, got {words!r:.80}")
    return found
