"""Phrase counts: words and pairs of neighbours of a corpus, exactly or in bounded memory."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import budget_for
from thrifty.models._bigrams import Bigrams, Counts, Words, bigrams, tally
from thrifty.sketch import CountMin, HeavyHitters, HyperLogLog

__all__ = ["ExactPhrases", "RequestedPhrases", "SketchedPhrases", "pair_hash"]

LEAST = 200_000
PRECISION, LONGEST = 12, 64
NAME = 64  # bytes a name takes in a dict of its own, beside its text


class ExactPhrases:
    """Every word and every pair of a corpus, in sorted arrays; names where they are asked for.

    Args:
        named: keep the words themselves, to give pairs a name.
        seed: of the hashes.

    Example:
        >>> counts = ExactPhrases(named=True).add(["New York is new.", "In New York"])
        >>> counts.frequent(2)
        [('new york', 2)]
    """

    def __init__(self, *, named: bool = False, seed: int = 0) -> None:
        self.named, self.seed = named, seed
        self._words: list[tuple[Words, Counts]] = []
        self._pairs: list[tuple[Words, Counts, Words, Words]] = []
        self.names: dict[int, str] = {}
        self.num_words = self.num_pairs = 0

    def add(self, column: Any) -> Self:
        """Count the texts of a column; nulls are skipped.

        Raises:
            TypeError: the column is not of text.
        """
        for part in bigrams(column, self.seed):
            keys, counts, places = tally(part.words)
            if self.named:
                self._name(part, keys, places)
            pairs, times, at = tally(part.pairs)
            ends = part.at[at]
            self._words.append((keys, counts))
            self._pairs.append((pairs, times, part.words[ends], part.words[ends + 1]))
            self.num_words += part.words.size
            self.num_pairs += part.pairs.size
            while len(self._words) > 1 and self._words[-2][0].size <= 2 * self._words[-1][0].size:
                self._join_last()
        return self

    def _name(self, part: Bigrams, keys: Words, places: NDArray[np.int64]) -> None:
        known = self.names
        for key, place in zip(keys.tolist(), places.tolist(), strict=True):
            if key not in known:
                known[key] = part.word(place)

    def _join_last(self) -> None:
        (a, ca), (b, cb) = self._words[-2:]
        self._words[-2:] = [tally(np.concatenate([a, b]), np.concatenate([ca, cb]))[:2]]
        (p, cp, fp, sp), (q, cq, fq, sq) = self._pairs[-2:]
        pairs, times, at = tally(np.concatenate([p, q]), np.concatenate([cp, cq]))
        ends = np.concatenate([fp, fq])[at], np.concatenate([sp, sq])[at]
        self._pairs[-2:] = [(pairs, times, *ends)]

    def _whole(self) -> None:
        while len(self._words) > 1:
            self._join_last()

    def words(self, keys: Words) -> Counts:
        """How often words were there."""
        self._whole()
        return _looked_up(keys, self._words[:1])

    def pairs(self, keys: Words) -> Counts:
        """How often pairs were there."""
        self._whole()
        return _looked_up(keys, [run[:2] for run in self._pairs[:1]])

    def distinct(self, other: "ExactPhrases") -> tuple[int, int]:
        """Different words, and different pairs, of both corpora together."""
        self._whole()
        other._whole()
        sizes = []
        for mine, theirs in ((self._words, other._words), (self._pairs, other._pairs)):
            parts = [run[0] for run in (*mine, *theirs)]
            sizes.append(np.unique(np.concatenate([np.zeros(0, np.uint64), *parts])).size)
        return sizes[0], sizes[1]

    def frequent(self, least: int) -> list[tuple[str, int]]:
        """Pairs that were there so often at least, with their counts; names are needed."""
        self._whole()
        if not self._pairs:
            return []
        _, counts, firsts, seconds = self._pairs[0]
        often = np.flatnonzero(counts >= least)
        ends = zip(firsts[often].tolist(), seconds[often].tolist(), strict=True)
        names = [f"{self.names[a]} {self.names[b]}" for a, b in ends]
        return list(zip(names, counts[often].tolist(), strict=True))

    @property
    def nbytes(self) -> int:
        """Bytes of keys, counts and names."""
        held = sum(array.nbytes for run in (*self._words, *self._pairs) for array in run)
        return held + sum(NAME + len(name) for name in self.names.values())


class SketchedPhrases:
    """About how often words and pairs are in a corpus, in bytes that are named.

    Words and pairs are counted in count-min sketches with conservative update, which never give too
    little; the frequent pairs themselves are held apart.

    Args:
        memory: most bytes, such as "1 MB"; at least 200 kB.
        seed: of the hashes.

    Raises:
        BudgetError: memory is too small.
        ValueError: memory is not a size.

    Example:
        >>> counts = SketchedPhrases("1 MB").add(["New York is new.", "In New York"])
        >>> counts.frequent(2), counts.nbytes <= 1_000_000
        ([('new york', 2)], True)
    """

    def __init__(self, memory: int | str, *, seed: int = 0) -> None:
        room = budget_for("counts of phrases", memory, LEAST) - 4 * 2**PRECISION
        self.seed, share = seed, room // 8
        options = {"conservative": True, "seed": seed}
        self._words = CountMin(3, share // (8 * 3), **options)
        self._pairs = CountMin(3, 3 * share // (8 * 3), **options)
        self._frequent = HeavyHitters.within(4 * share, longest=LONGEST, seed=seed)
        self.kinds = [HyperLogLog(PRECISION, seed=seed) for _ in range(2)]
        self.num_words = self.num_pairs = 0

    def add(self, column: Any) -> Self:
        """Count the texts of a column; nulls are skipped.

        Raises:
            TypeError: the column is not of text.
        """
        for part in bigrams(column, self.seed):
            keys, counts, _ = tally(part.words)
            pairs, times, places = tally(part.pairs)
            self._words.add(keys, counts)
            self._pairs.add(pairs, times)
            for kinds, mine in zip(self.kinds, (keys, pairs), strict=True):
                kinds.add(mine)
            ends = part.at[places].tolist()
            self._frequent.add([f"{part.word(end)} {part.word(end + 1)}" for end in ends], times)
            self.num_words += part.words.size
            self.num_pairs += part.pairs.size
        return self

    def words(self, keys: Words) -> Counts:
        """How often words were there, or more."""
        return self._words.estimate(keys)

    def pairs(self, keys: Words) -> Counts:
        """How often pairs were there, or more."""
        return self._pairs.estimate(keys)

    def distinct(self, other: "RequestedPhrases") -> tuple[int, int]:
        """About how many different words, and different pairs, both corpora have together."""
        both = [a.merge(b) for a, b in zip(self.kinds, other.kinds, strict=True)]
        words, pairs = (round(kinds.count()) for kinds in both)
        return words, pairs

    def frequent(self, least: int) -> list[tuple[str, int]]:
        """Pairs that were there so often at least, by the lower of two estimates."""
        found = self._frequent.frequent(len(self._frequent))
        often = [(pair.value, int(pair.count.high)) for pair in found if pair.count.high >= least]
        often = [(name, high) for name, high in often if not name.endswith("...")]
        upper = self.pairs(pair_hash([name for name, _ in often], self.seed)[2]).tolist()
        sure = [(name, min(high, top)) for (name, high), top in zip(often, upper, strict=True)]
        return [(name, count) for name, count in sure if count >= least]

    @property
    def nbytes(self) -> int:
        """Bytes of all sketches."""
        return sum(part.nbytes for part in (self._words, self._pairs, self._frequent, *self.kinds))


class RequestedPhrases:
    """How often some words and pairs are in a corpus, exactly: what is not asked for is not held.

    Args:
        names: the pairs that are asked for.
        seed: of the hashes.

    Example:
        >>> counts = RequestedPhrases(["new york"]).add(["A New York, new.", "in york"])
        >>> first, second, pair = pair_hash(["new york"])
        >>> counts.words(first).tolist(), counts.words(second).tolist(), counts.pairs(pair).tolist()
        ([2], [2], [1])
    """

    def __init__(self, names: Iterable[str], *, seed: int = 0) -> None:
        first, second, pair = pair_hash(names, seed)
        self.seed = seed
        self._words, self._pairs = (
            (keys, np.zeros(keys.size, np.int64))
            for keys in (np.unique(np.concatenate([first, second])), np.unique(pair))
        )
        self.kinds = [HyperLogLog(PRECISION, seed=seed) for _ in range(2)]
        self.num_words = self.num_pairs = 0

    def add(self, column: Any) -> Self:
        """Count the texts of a column; nulls are skipped.

        Raises:
            TypeError: the column is not of text.
        """
        for part in bigrams(column, self.seed):
            found = ((part.words, *self._words), (part.pairs, *self._pairs))
            for kinds, (mine, keys, counts) in zip(self.kinds, found, strict=True):
                kinds.add(mine)
                if keys.size:
                    places = np.minimum(np.searchsorted(keys, mine), keys.size - 1)
                    counts += np.bincount(places[keys[places] == mine], minlength=keys.size)
            self.num_words += part.words.size
            self.num_pairs += part.pairs.size
        return self

    def words(self, keys: Words) -> Counts:
        """How often words that were asked for were there."""
        return _looked_up(keys, [self._words])

    def pairs(self, keys: Words) -> Counts:
        """How often pairs that were asked for were there."""
        return _looked_up(keys, [self._pairs])

    @property
    def nbytes(self) -> int:
        """Bytes of keys, counts and sketches."""
        arrays = (*self._words, *self._pairs)
        return sum(part.nbytes for part in (*arrays, *self.kinds))


def pair_hash(names: Iterable[str], seed: int = 0) -> tuple[Words, Words, Words]:
    """Hashes of the first word, of the second, and of the pair, of names of two words.

    Example:
        >>> first, second, pair = pair_hash(["new york", "york new"])
        >>> bool(first[0] == second[1]), bool(pair[0] == pair[1])
        (True, False)
    """
    parts = list(bigrams(list(names), seed))
    none = np.zeros(0, np.uint64)
    first = np.concatenate([none, *(part.words[part.at] for part in parts)])
    second = np.concatenate([none, *(part.words[part.at + 1] for part in parts)])
    return first, second, np.concatenate([none, *(part.pairs for part in parts)])


def _looked_up(keys: Words, runs: list[Any]) -> Counts:
    if not runs:
        return np.zeros(keys.size, np.int64)
    held, counts = runs[0]
    places = np.minimum(np.searchsorted(held, keys), held.size - 1)
    return np.where(held[places] == keys, counts[places], 0) if held.size else 0 * places
