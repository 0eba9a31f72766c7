"""SetIndex: the most similar sets or sparse vectors, by counting the tables in which they meet."""

import threading
from collections.abc import Iterator
from math import ceil
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, budget_for, in_range, method, whole
from thrifty.core.summary import Arrays
from thrifty.hashing import MinHash, PooledSimHash
from thrifty.index import _set_tables as tables_of
from thrifty.index._checked import checked_filter
from thrifty.index._parts import Part, State, allowed_in
from thrifty.index._set_collisions import put_each
from thrifty.index._set_ragged import Ragged, of_sets, of_vectors
from thrifty.index.bands import Bands
from thrifty.index.vectors import Found, VectorIndex

__all__ = ["SetIndex"]

MOST_CODES, MOST = 1024, 2**31 - 1


@method(
    source="SLASH: Wang, Shrivastava and Ryu 2018, FLASH, arXiv:1709.01190 (reservoirs, counting); "
    "Shrivastava 2017, arXiv:1703.04664 (codes of sets)",
    memory="8 + tables * (8 + at most 16) bytes a row, and 8 (vectors 12) an item where rows stay",
    time="one hash of the query; tables * capacity rows met at most, none of them compared",
    error="two sets meet in a table with probability jaccard**hashes; the estimate of a similarity "
    "s has a standard error of sqrt(s * (1 - s) / tables) where hashes is 1 and buckets are whole",
    exact="sorting all rows by Jaccard similarity, or by cosine",
    laws=("vectors", "mapped"),
    evidence=("setindex",),
)
class SetIndex(VectorIndex):
    """Find the sets (or sparse vectors) that are most similar, without looking at any of them.

    Each table has a bucket for every code of `hashes` hash values joined. A query is told its codes
    and counts in how many tables each row is in the same bucket: the rows met most often are the
    answer, and how often estimates how similar they are. A bucket holds a fair sample of at most
    `capacity` rows, and none if more than a share `hot` of all rows are in it. With an `effort`,
    that share of the rows, those met most often, is compared with the query itself.

    Args:
        tables: number of tables, 1..1024; tables * hashes at most 1024.
        hashes: hash values joined to a code, 1..24; more of them tell near rows from nearer ones,
            and let few others meet.
        dim: 0 for sets, by MinHash and Jaccard similarity; else the width of vectors, dense or
            sparse, by signs of random products and cosine.
        words, chars: length of the shingles of texts, see `MinHash`; not used for vectors.
        capacity: rows a bucket holds.
        hot: share of the rows above which a bucket says nothing, above 0 and at most 1.
        keep: hold the rows themselves, without which there is no effort.
        seed: of all hashes.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> texts = [" ".join(f"w{i + j}" for j in range(40)) for i in range(0, 4000, 20)]
        >>> index = SetIndex(64, words=1).add(texts)
        >>> ids, scores = index.search([texts[7]], 3)
        >>> ids[0].tolist()[0], sorted(ids[0].tolist()[1:]), float(scores[0, 0])
        (7, [6, 8], 1.0)
        >>> exact = index.search([texts[7]], 3, effort=1.0).scores[0]
        >>> error = (2 / 9 / 64) ** 0.5
        >>> (3 * exact).round().tolist(), bool(abs(scores[0, 1] - exact[1]) < 4 * error)
        ([3.0, 1.0, 1.0], True)
    """

    KIND = "set-index"

    def __init__(
        self,
        tables: int = 64,
        hashes: int = 1,
        *,
        dim: int = 0,
        words: int | None = 3,
        chars: int | None = None,
        capacity: int = 256,
        hot: float = 1.0,
        keep: bool = True,
        seed: int = 0,
    ) -> None:
        self.hashes = whole("hashes", hashes, 1, 24)
        self.tables = whole("tables", tables, 1, MOST_CODES // self.hashes)
        self.words, self.chars = words, chars
        self.capacity = whole("capacity", capacity, 1, MOST)
        self.hot = float(in_range("hot", hot, 1e-9, 1))
        self.keep, self.seed, self.dim = bool(keep), seed, whole("dim", dim, 0, 2**62)
        self.metric = "jaccard" if not dim else "cosine"
        self._family: Any
        if not dim:
            self._family = MinHash(tables * hashes, words=words, chars=chars, seed=seed)
            self._bands = Bands(tables, hashes)
        else:
            self._family = PooledSimHash(dim, hashes, tables, seed=seed)
            self._bands = Bands(tables, 1)
        self._lock, self._state = threading.RLock(), State()

    @classmethod
    def within(
        cls, budget: int | str, rows: int, *, items: int = 100, hashes: int = 1, **given: Any
    ) -> Self:
        """The index of most tables that holds so many rows in a budget.

        Args:
            budget: bytes or a text such as "64 MB".
            rows: how many there will be.
            items: distinct items of a row, on average; not asked where keep is False.
            hashes, given: as of the class.

        Raises:
            BudgetError: not even one table fits.
        """
        count = whole("rows", rows, 0, MOST)
        each = (8 if not given.get("dim") else 12) * whole("items", items, 0, MOST) + 8
        fixed = count * (8 + each * bool(given.get("keep", True)))
        table = 8 * count + 4 * (1 << tables_of.bucket_bits(count)) + 12
        nbytes = budget_for(f"an index over {count} sets", budget, fixed + table)
        most = min(MOST_CODES // hashes, (nbytes - fixed) // table)
        return cls(int(most), hashes, **given)

    def add(self, vectors: Any, ids: ArrayLike | None = None) -> Self:
        """Take in rows.

        Args:
            vectors: texts (their shingles are the sets), `(indptr, items)` of integers, or a sparse
                matrix whose columns are the items; for vectors (n, dim), dense or sparse. An empty
                set is held, and never found.
            ids: (n,) of at least 0, none held already; None for the next numbers.

        Raises:
            IncompatibleError: vectors of another width, or another number of ids.
            TypeError: sets that are none of these, or ids that are no whole numbers.
            ValueError: indptr does not cut the items into rows; a vector is 0 or not finite; an id
                is negative or there twice.
        """
        rows: Any = self._checked("vectors", vectors)
        with self._lock:
            self._take(rows, self._new_ids(self._state, len(rows), ids))
        return self

    def search(
        self,
        queries: Any,
        k: int = 10,
        *,
        filter: ArrayLike | None = None,
        effort: float | None = None,
    ) -> Found:
        """The most similar rows of each query.

        Args:
            queries: as `add` takes vectors.
            k: rows wanted, at least 1.
            filter: what may be answered: bool by id (none beyond its end), or allowed ids.
            effort: None counts only; else the share of rows, those met most often, that are
                compared with the query, above 0 and at most 1, which is exact.

        Returns:
            ids and scores, largest first, then lowest id: estimated similarities of the rows met,
            or with an effort the similarities themselves.

        Raises:
            IncompatibleError: queries of another width, or an effort where rows were not kept.
            TypeError: queries, k or the filter of another kind.
            ValueError: queries that cannot be used; k or effort outside the range.
        """
        if effort is None:
            ids, counts = self.met(self.codes(queries), k, filter=filter)
            return Found(ids, self.estimate(counts))
        if not 0 < effort <= 1:
            raise ValueError(f"effort must be above 0 and at most 1, got {effort!r}")
        if not self.keep:
            raise IncompatibleError(f"effort {effort!r} does not fit {self!r}: rows are not kept")
        state, asked = self._state, self._checked("queries", queries)
        found = Found(*_nothing(len(asked), whole("k", k, 1, MOST), np.float32(-np.inf)))
        for part, allowed in _open_parts(state, filter):
            most = ceil(effort * part.ids.size)
            tables_of.best_in(part, asked, allowed, most, self.seed, *found)
        return found

    def codes(self, queries: Any) -> NDArray[np.uint32]:
        """The bucket codes of queries (m, tables), all that another shard needs to be told.

        Raises:
            IncompatibleError: queries of another width.
            TypeError: queries of another kind.
            ValueError: queries that cannot be used.
        """
        return self._checked("queries", queries).codes

    def met(
        self, codes: ArrayLike, k: int, *, filter: ArrayLike | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The rows met in most tables.

        Args:
            codes: (m, tables) uint32, of an index of the same arguments.
            k, filter: as of `search`.

        Returns:
            ids (m, k), -1 where there are fewer; counts (m, k), largest first, then lowest id.

        Raises:
            IncompatibleError: codes of another number of tables.
            ValueError: k or filter outside the range.
        """
        asked = np.ascontiguousarray(codes, np.uint32)
        if asked.ndim != 2 or asked.shape[1] != self.tables:
            raise IncompatibleError(f"codes of shape {asked.shape} do not fit {self!r}")
        ids, counts = _nothing(len(asked), whole("k", k, 1, MOST), np.int32(0))
        for part, allowed in _open_parts(self._state, filter):
            for some, rows, found in tables_of.counted(part, asked, allowed, k, self.seed):
                put_each(part.ids, rows, found, ids[some], counts[some])
        return ids, counts

    def estimate(self, counts: ArrayLike) -> NDArray[np.float32]:
        """The similarity that a row met in so many tables seems to have; -inf for none."""
        met = np.asarray(counts, np.int64)
        each = (np.clip(met, 0, self.tables) / self.tables) ** (1 / self.hashes)
        likely = each if not self.dim else np.cos(np.pi * (1 - each))
        return np.where(met > 0, likely, -np.inf).astype(np.float32)

    def spec(self) -> dict[str, Any]:
        """The arguments."""
        names = ("tables", "hashes", "dim", "words", "chars", "capacity", "hot", "keep", "seed")
        return {name: getattr(self, name) for name in names}

    def _absorb(self, other: Self) -> None:
        parts = other._state.parts
        with self._lock:
            for part in parts:
                self._new_ids(self._state, len(part), part.ids[part.stays])
            for part in parts:
                self._take(self._rows_of(part), part.ids[part.stays])

    def _checked(self, name: str, given: Any) -> Any:
        read = of_vectors if self.dim else of_sets
        return read(name, given, self._family, self._bands)

    def _made(self, model: Any, rows: Any, ids: NDArray[np.int64]) -> Part:
        return tables_of.made(ids, rows, self.capacity, self.hot, self.keep, self.seed)

    def _joined(self, model: Any, parts: tuple[Part, ...]) -> Part:
        ids = np.concatenate([part.ids[part.stays] for part in parts])
        return self._made(model, Ragged.joined([self._rows_of(part) for part in parts]), ids)

    def _rows_of(self, part: Part) -> Any:
        return tables_of.held_in(part)

    @classmethod
    def _restored_state(cls, index: Self, arrays: Arrays) -> State:
        return State(None, (tables_of.read(arrays, index.tables, index.keep, index.dim > 0),))

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={v!r}" for k, v in self.spec().items())
        return f"SetIndex({given})"


def _open_parts(state: State, filter: ArrayLike | None) -> Iterator[tuple[Part, NDArray[np.bool_]]]:
    """The parts of a state, each with what may be answered."""
    only = checked_filter(filter)
    for part in state.parts:
        mask = allowed_in(part, only)
        yield part, mask if mask.size else np.ones(part.ids.size, np.bool_)


def _nothing(rows: int, k: int, score: Any) -> tuple[NDArray[np.int64], NDArray[Any]]:
    return np.full((rows, k), -1, np.int64), np.full((rows, k), score)
