"""Set shards: one set index in many places, asked by codes alone, its answers merged in a tree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, one_of, whole
from thrifty.index.setindex import SetIndex
from thrifty.index.vectors import Found
from thrifty.sketch import Topkapi

__all__ = ["SetShards", "Traffic"]

MERGES = ("counts", "sketch", "candidates")
ID, COUNT = 8, 4  # bytes on the wire
MOST = 2**31 - 1
Met = tuple[NDArray[np.int64], NDArray[np.int32]]


@dataclass(frozen=True)
class Traffic:
    """Bytes that went from place to place for some queries.

    Args:
        told: the codes, once to each shard but the first.
        merged: what shards sent one another, all rounds together.
        rounds: of the tree, one after the other.
    """

    told: int
    merged: int
    rounds: int


class SetShards:
    """Shards of a set index that share their hashes and hold different rows.

    A query is hashed once and only its codes are sent. Every shard counts collisions among its own
    rows; two by two the answers are merged, until one shard holds that of all. As a row is in one
    shard, its count is whole there, and the merged lists are those of the whole index: their size
    does not depend on how many rows were met.

    Args:
        shards: made with the same arguments; no id in two of them.

    Raises:
        IncompatibleError: there is none, or their arguments differ.

    Example:
        >>> texts = [" ".join(f"w{i + j}" for j in range(40)) for i in range(0, 4000, 20)]
        >>> ids = np.arange(len(texts))
        >>> parts = [SetIndex(32, words=1).add(texts[s::4], ids[s::4]) for s in range(4)]
        >>> shards, whole = SetShards(parts), SetIndex(32, words=1).add(texts)
        >>> found, traffic = shards.search(texts[5:10], 3)
        >>> bool((found.ids == whole.search(texts[5:10], 3).ids).all())
        True
        >>> traffic.told == 3 * 5 * 32 * 4, traffic.merged == 3 * 5 * 3 * 12, traffic.rounds
        (True, True, 2)
    """

    def __init__(self, shards: Sequence[SetIndex]) -> None:
        self.shards = list(shards)
        if not self.shards or any(s.spec() != self.shards[0].spec() for s in self.shards):
            raise IncompatibleError(f"shards must be of the same arguments, got {self.shards!r}")

    def __len__(self) -> int:
        return sum(map(len, self.shards))

    def __repr__(self) -> str:
        return f"SetShards({len(self.shards)} x {self.shards[0]!r})"

    def search(
        self,
        queries: Any,
        k: int = 10,
        *,
        filter: ArrayLike | None = None,
        merge: str = "counts",
        width: int = 1024,
    ) -> tuple[Found, Traffic]:
        """The rows met in most tables, and what it took to find them.

        Args:
            queries, k, filter: as of `SetIndex.search`.
            merge: what shards send: "counts", their k best; "sketch", a Topkapi of all they met,
                which finds nothing where most of its cells have several rows; "candidates", all
                they met, each with its count.
            width: cells of a row of a sketch, of which there are 4; several times the rows met.

        Returns:
            ids and estimated similarities, and the bytes that were sent.

        Raises:
            IncompatibleError: queries of another width.
            TypeError: queries, k or the filter of another kind.
            ValueError: queries that cannot be used, an unknown merge, or k outside the range.
        """
        one_of("merge", merge, MERGES)
        count, codes = whole("k", k, 1, MOST), self.shards[0].codes(queries)
        most = count if merge == "counts" else max(1, max(map(len, self.shards)))
        answers = [shard.met(codes, most, filter=filter) for shard in self.shards]
        if merge == "sketch":
            (ids, counts), sent, rounds = self._sketched(answers, count, width)
        else:
            (ids, counts), sent, rounds = self._merged(answers, count, merge == "counts")
        found = Found(ids, self.shards[0].estimate(counts))
        return found, Traffic((len(self.shards) - 1) * codes.nbytes, sent, rounds)

    def _merged(self, answers: list[Met], k: int, cut: bool) -> tuple[Met, int, int]:
        """Lists merged two by two; cut to k in each round, or only at the end."""
        sent = rounds = 0
        while len(answers) > 1:
            sent += sum(int((ids >= 0).sum()) * (ID + COUNT) for ids, _ in answers[1::2])
            pairs = [answers[i : i + 2] for i in range(0, len(answers), 2)]
            answers = [_best(pair, k if cut else None) for pair in pairs]
            rounds += 1
        return _best(answers, k), sent, rounds

    def _sketched(self, answers: list[Met], k: int, width: int) -> tuple[Met, int, int]:
        """A sketch for each query and shard, merged two by two."""
        ids = np.full((len(answers[0][0]), k), -1, np.int64)
        counts = np.zeros(ids.shape, np.int32)
        sent = rounds = 0
        for query in range(len(ids)):
            sketches = [_sketch(met[0][query], met[1][query], width) for met in answers]
            rounds = 0
            while len(sketches) > 1:
                sent += sum(len(sketch.to_bytes()) for sketch in sketches[1::2])
                for a, b in zip(sketches[::2], sketches[1::2], strict=False):
                    a.absorb(b)
                sketches, rounds = sketches[::2], rounds + 1
            for place, held in enumerate(sketches[0].frequent(k)):
                ids[query, place], counts[query, place] = held.value, held.count.estimate
        return (ids, counts), sent, rounds


def _best(answers: list[Met], k: int | None) -> Met:
    """The largest counts of some lists side by side, equal ones by id."""
    ids, counts = (np.concatenate(parts, axis=1) for parts in zip(*answers, strict=True))
    order = np.lexsort((ids, -counts), axis=1)[:, :k]
    missing = 0 if k is None else max(0, k - order.shape[1])
    best = np.take_along_axis(ids, order, axis=1), np.take_along_axis(counts, order, axis=1)
    pad = ((0, 0), (0, missing))
    return np.pad(best[0], pad, constant_values=-1), np.pad(best[1], pad)


def _sketch(ids: NDArray[np.int64], counts: NDArray[np.int32], width: int) -> Topkapi:
    there = ids >= 0
    return Topkapi(width, longest=8).add(ids[there], counts[there])
