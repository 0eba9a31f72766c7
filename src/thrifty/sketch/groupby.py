"""Group by: one summary a key in bounded memory; rare keys share one, and it is said how many."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from thrifty.core import FormatError, Interval, Summary, budget_for, in_range, method, taken
from thrifty.hashing._columns import chunks
from thrifty.hashing.keys import hash_column, seed_key
from thrifty.sketch._runs import Rows, Runs, plain
from thrifty.sketch._stacks import kind_named, stacked, unstacked
from thrifty.sketch._values import Values
from thrifty.sketch.countmin import CountMin

__all__ = ["Group", "GroupBy"]

ROWS = 1 << 18
BESIDE, MOST = 700, 2**53
FOLDED, KEYLESS, BAR = range(3)
Words = NDArray[np.uint64]


class Group(NamedTuple):
    """A key, how many rows it has, and the summary of those that were not folded away.

    Args:
        key: its value; None for the rows of all keys without a summary of their own.
        rows: `low` of them are in the summary; the key has at most `high`.
        summary: of these rows.
    """

    key: Any
    rows: Interval
    summary: Any


@method(
    source="heavy keys by count-min, Cormode and Muthukrishnan 2005, "
    "doi:10.1016/j.jalgor.2003.12.001; one summary a key as in group-by of data bases",
    memory="at most the budget, and a block of 262,144 rows while it adds",
    time="a sort of the rows by key, and one add of the summary a key and block",
    error="that of the summary; a key that shared the rest for a while lacks rows, at most "
    "high - low, and nothing is lacking before the budget is reached",
    exact="{key: summary of the rows of that key}",
    laws=("summary",),
    evidence=("groupby",),
)
class GroupBy(Summary):
    """Keep a summary of any kind for each key of a stream.

    Once the summaries reach the budget, the quarter of the keys with the fewest rows fold into one
    shared summary, the rest; later keys get one of their own if they may have more rows than those
    had, by a count-min sketch of all keys. That sketch also says how many rows each key may lack.
    `run.fold` feeds it two columns: `into={"users": ("drink", GroupBy(...), "user")}`.

    Args:
        of: an empty summary of any kind, such as `HyperLogLog(p=10)`.
        budget: bytes for all of it.
        longest: bytes of a text key that are kept; what is cut ends in "...".
        seed: of the hash of keys.

    Raises:
        TypeError: of is not a summary, or itself one of groups.
        BudgetError: the budget is too small for four groups.

    Example:
        >>> from thrifty.sketch import HyperLogLog
        >>> users = GroupBy(HyperLogLog(p=10), budget="1 MB")
        >>> users = users.add(["tea", "tea", "rum"], values=["ann", "bob", "ann"])
        >>> {group.key: group.summary.count() for group in users.groups()}
        {'tea': 2.0, 'rum': 1.0}
        >>> users.rest.rows.high
        0
    """

    KIND = "group-by"

    def __init__(
        self, of: Summary, budget: int | str = "64 MB", *, longest: int = 256, seed: int = 0
    ) -> None:
        if not isinstance(of, Summary) or isinstance(of, GroupBy):
            raise TypeError(f"of must be a summary, and not of groups, got {of!r}")
        self._blank, self.longest = of.copy(), int(in_range("longest", longest, 1, 2**20))
        least = 64 * (of.nbytes + BESIDE + self.longest)
        self.budget, self.seed = budget_for(f"groups of {of!r}", budget, least), int(seed)
        seed_key(seed)
        self._seen = CountMin(4, _width(self.budget), seed=self.seed)
        self._rest = of.copy()
        self._held: dict[int, Any] = {}
        self._rows: dict[int, int] = {}
        self._refs: dict[int, int] = {}
        self._values = Values(self.longest)
        self._tally, self._bytes = np.zeros(3, np.int64), 0

    def add(self, keys: Any, values: Any, weights: Any = None) -> Self:
        """Add each value to the summary of its key; rows without a key are counted and skipped.

        Args:
            keys: a column as for `hash_column`.
            values: as many, a column or (n, d) array as the summary's own `add` takes it.
            weights: one a row or one for all, as the summary's own `add` takes them; None for none.

        Raises:
            TypeError: the keys have no hash.
            ValueError: values or weights are not one a row.
        """
        parts, rows = chunks(keys), Rows(values, weights)
        length = sum(len(part) for part in parts)
        if len(rows) != length:
            raise ValueError(f"values must be {length}, one a row, got {len(rows)}")
        start = 0
        for part in parts:
            for cut in (part.slice(i, ROWS) for i in range(0, len(part), ROWS)):
                self._add_block(plain(cut), rows.cut(start, len(cut)))
                start += len(cut)
        return self

    def groups(self) -> Iterator[Group]:
        """All keys with a summary of their own, that with the most rows first."""
        for word in sorted(self._held, key=lambda word: (-self._rows[word], word)):
            yield self._group(word)

    def group(self, key: Any) -> Group | None:
        """The group of a key; None if it has no summary of its own.

        Args:
            key: a scalar.
        """
        word = int(hash_column([key], self.seed)[0])
        return self._group(word) if word in self._held else None

    @property
    def rest(self) -> Group:
        """The rows of all keys without a summary, and those that a key lacks."""
        folded = int(self._tally[FOLDED])
        return Group(None, Interval(folded, folded, folded), self._rest)

    @property
    def keyless(self) -> int:
        """How many rows had no key."""
        return int(self._tally[KEYLESS])

    def __len__(self) -> int:
        return len(self._held)

    @property
    def nbytes(self) -> int:
        """Bytes of all summaries and keys, some 700 for each group of Python's own included."""
        return self._bytes + self._rest.nbytes + self._seen.nbytes + self._values.nbytes

    def spec(self) -> dict[str, Any]:
        """Kind and spec of its summaries, budget, longest and seed."""
        of = {"kind": self._blank.KIND, "spec": self._blank.spec()}
        return {"of": of, "budget": self.budget, "longest": self.longest, "seed": self.seed}

    def arrays(self) -> dict[str, np.ndarray]:
        """Hashes of the keys, rising, with their rows and values; the summaries' arrays."""
        words = sorted(self._held)
        members = stacked([self._blank, self._rest, *(self._held[word] for word in words)])
        refs = np.array([self._refs[word] for word in words], np.int64)
        return {
            "words": np.array(words, np.uint64), "tally": self._tally,
            "rows": np.array([self._rows[word] for word in words], np.int64),
            "seen": self._seen.arrays()["table"], **self._values.take(refs).arrays(),
            **{f"of/{name}": array for name, array in members.items()},
        }  # fmt: skip

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """From summaries, which are checked."""
        kind = kind_named(spec["of"]["kind"])
        words = taken(arrays, "words", np.uint64, (None,))
        rows, tally = taken(arrays, "rows", "i8", words.shape), taken(arrays, "tally", "i8", (3,))
        own = {name[3:]: array for name, array in arrays.items() if name.startswith("of/")}
        counts = np.concatenate([rows - 1, tally])
        sound = (words[1:] > words[:-1]).all() and ((counts >= 0) & (counts < MOST)).all()
        if issubclass(kind, GroupBy) or not own or not sound:
            raise FormatError("groups are damaged")
        blank, rest, *held = unstacked(kind, spec["of"]["spec"], own, words.size + 2)
        table = taken(arrays, "seen", np.int64, (None,))
        if table.size != 4 * _width(spec["budget"]):
            raise FormatError("counts of keys are damaged")
        made = cls(blank, **{name: spec[name] for name in ("budget", "longest", "seed")})
        made._seen = CountMin.restore(made._seen.spec(), {"table": table})
        made._values = Values.restore(arrays, words.size, made.longest)
        made._rest, made._tally = rest, tally.copy()
        for number, (word, count) in enumerate(zip(words.tolist(), rows.tolist(), strict=True)):
            made._held[word], made._rows[word], made._refs[word] = held[number], count, number
            made._bytes += held[number].nbytes + BESIDE
        return made

    def _absorb(self, other: Self) -> None:
        self._seen.absorb(other._seen)
        self._rest.absorb(other._rest)
        self._tally[:BAR] += other._tally[:BAR]
        self._tally[BAR] = max(self._tally[BAR], other._tally[BAR])
        known = [word for word in sorted(other._held) if word not in self._held]
        first = len(self._values)
        self._values.extend(other._values.take(np.array([other._refs[w] for w in known], int)))
        for number, word in enumerate(known):
            self._open(word, first + number)
        for word in sorted(other._held):
            summary = self._held[word]
            self._bytes -= summary.nbytes
            self._bytes += summary.absorb(other._held[word]).nbytes
            self._rows[word] += other._rows[word]
        self._fit()

    def _group(self, word: int) -> Group:
        rows = self._rows[word]
        most = int(self._seen.estimate(np.array([word], np.uint64))[0])
        high = rows + min(max(most - rows, 0), int(self._tally[FOLDED]))
        return Group(self._values[self._refs[word]], Interval(rows, rows, high), self._held[word])

    def _add_block(self, keys: Any, rows: Rows) -> None:
        """Add rows that fit into memory: sorted by key, each run of a key at once."""
        there = np.flatnonzero(keys.is_valid())
        words = hash_column(keys, self.seed)[there]
        self._tally[KEYLESS] += len(keys) - len(there)
        if not len(there):
            return
        order = np.argsort(words, kind="stable")
        words, order = words[order], there[order]
        starts = np.flatnonzero(np.append(True, words[1:] != words[:-1]))
        runs = Runs(rows, order, starts)
        self._seen.add(words[starts], runs.counts)
        known = np.array([word in self._held for word in words[starts].tolist()], bool)
        for run in np.flatnonzero(known).tolist():
            self._feed(int(words[starts[run]]), runs, run)
        self._fit()
        self._meet(keys, words[starts], runs, np.flatnonzero(~known))

    def _meet(self, keys: Any, words: Words, runs: Runs, new: NDArray[np.int64]) -> None:
        """Give new keys that may be frequent enough summaries of their own, the largest first."""
        new = new[np.lexsort((words[new], -runs.counts[new]))]
        noise = self._seen.total() // self._seen.width
        most = np.maximum(runs.counts[new], self._seen.estimate(words[new]) - noise)
        while True:
            near = most > self._tally[BAR]
            if not near.all():
                self._tally[FOLDED] += runs.give(self._rest, new[~near])
                new, most = new[near], most[near]
            if not len(new):
                return
            few = max(64, (self.budget - self.nbytes) // (self._blank.nbytes + BESIDE))
            first = len(self._values)
            self._values.keep(keys, runs.first[new[:few]])
            done = 0
            while done < len(new[:few]) and self.nbytes <= self.budget:
                self._open(int(words[new[done]]), first + done)
                self._feed(int(words[new[done]]), runs, new[done])
                done += 1
            self._fit()
            new, most = new[done:], most[done:]

    def _open(self, word: int, ref: int) -> None:
        self._held[word], self._rows[word], self._refs[word] = self._blank.copy(), 0, ref
        self._bytes += self._held[word].nbytes + BESIDE

    def _feed(self, word: int, runs: Runs, run: int) -> None:
        summary = self._held[word]
        before = summary.nbytes
        self._rows[word] += runs.give_one(summary, run)
        self._bytes += summary.nbytes - before

    def _fit(self) -> None:
        """Fold the quarter of the keys with the fewest rows, until all fits the budget."""
        while self.nbytes > self.budget and self._held:
            order = sorted(self._held, key=lambda word: (self._rows[word], word))
            for word in order[: len(order) // 4 + 1]:
                summary, rows = self._held.pop(word), self._rows.pop(word)
                del self._refs[word]
                self._bytes -= summary.nbytes + BESIDE
                self._rest.absorb(summary)
                self._tally[FOLDED] += rows
                self._tally[BAR] = max(self._tally[BAR], rows)
            refs = np.array(list(self._refs.values()), np.int64)
            self._values = self._values.take(refs)
            self._refs = dict(zip(self._refs, range(len(refs)), strict=True))


def _width(budget: int) -> int:
    """Counters a row of the sketch of keys: a sixteenth of the budget."""
    return max(16, budget // 16 // 32)
