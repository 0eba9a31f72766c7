"""MaxIPIndex: a small set of rows whose inner product with a query is probably large."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import (
    FormatError,
    IncompatibleError,
    Saved,
    in_range,
    method,
    one_of,
)
from thrifty.hashing import SimHash
from thrifty.index._buckets import rerank
from thrifty.index._maxip_families import Family, described, restored
from thrifty.index._maxip_tables import CAPACITY, Ids, Tables, shape_within

__all__ = ["MaxIPIndex"]

ROWS = 8192  # hashed at once


@method(
    source="Chen et al. 2020, SLIDE; Neyshabur and Srebro 2015 (the norm transform)",
    memory="tables * (num_codes * (4 * capacity + 8) + (2 or 4) * num_rows) bytes and the family",
    time="one hash, tables * capacity ids at most a query; moved codes only on refresh",
    error="recall is measured; limit >= num_rows is exact",
    exact="np.argsort(-(queries @ rows.T + bias))",
    laws=("index",),
    evidence=("maxip",),
)
class MaxIPIndex(Saved):
    """Find rows with a large inner product through hash tables of row ids.

    Row w with bias b is hashed as [w, b], query q as [q, 1]. Each table keeps the ids of a code
    in a flat bucket; the ids in the buckets of a query are its candidates. The rows themselves
    stay with the caller. Reading while another thread refreshes gives valid, perhaps old, ids.

    Args:
        family: LSH family over dim + 1 values (dim + 2 with the norm transform).
        capacity: ids a bucket holds, 1..32767.
        replacement: what a full bucket does: "reservoir" keeps a random subset, "fifo" the newest.
        transform: "none", or "norm": one more value makes all rows equally long, so that the
            largest cosine is the largest product; it pays unless few rows are far the longest.
        seed: of the reservoir and of ties.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> rows, queries = rng.standard_normal((1000, 16)), rng.standard_normal((5, 16))
        >>> index = MaxIPIndex(SimHash(17, 4, 10)).build(rows)
        >>> ids, scores = index.search(queries, 3, rows, limit=1000)   # full effort is exact
        >>> bool((ids == np.argsort(-(queries @ rows.T), axis=1)[:, :3]).all())
        True
    """

    KIND = "maxip-index"

    def __init__(
        self,
        family: Family,
        *,
        capacity: int = CAPACITY,
        replacement: str = "reservoir",
        transform: str = "none",
        seed: int = 0,
    ) -> None:
        self.family = family
        self.capacity = in_range("capacity", capacity, 1, 32767)
        self.replacement = one_of("replacement", replacement, ("reservoir", "fifo"))
        self.transform = one_of("transform", transform, ("none", "norm"))
        self.seed, extra = seed, int(transform == "norm")
        self.dim = in_range("family.dim", family.dim, 2 + extra, 2**31 - 1) - 1 - extra
        self._clear(0)

    @classmethod
    def within(cls, budget: int | str, *, num_rows: int, dim: int, seed: int = 0) -> Self:
        """The empty index of most tables (64 at most) over num_rows rows that fits the budget.

        Raises:
            BudgetError: not even one table fits.
        """
        bits, tables = shape_within(budget, num_rows, dim)
        return cls(SimHash(dim + 1, bits, tables, seed=seed), seed=seed)

    def __repr__(self) -> str:
        return f"MaxIPIndex({self.family!r}, capacity={self.capacity}, num_rows={self.num_rows})"

    def build(self, rows: ArrayLike, bias: ArrayLike | None = None) -> Self:
        """Index these rows in place of any before; returns self.

        Args:
            rows: (num_rows, dim) float32; row i has id i.
            bias: (num_rows,) float32, added to every inner product; None for zeros.

        Raises:
            IncompatibleError: rows or bias of another shape.
        """
        rows, bias = self._fitting(rows, bias)
        self._clear(len(rows))
        self._longest = self._norms(rows, bias).max(initial=0.0)
        for start in range(0, len(rows), ROWS):
            part = slice(start, start + ROWS)
            self._tables.codes[:, part] = self._hash_rows(rows[part], bias[part]).T
        self._tables.fill()
        return self

    def refresh(self, ids: ArrayLike, rows: ArrayLike, bias: ArrayLike | None = None) -> int:
        """Move rows that changed to the buckets of their new codes; returns how many moves.

        Args:
            ids: (n,) int32, of rows that were built.
            rows: (n, dim) float32, their values now.
            bias: (n,) float32, their biases now.

        Raises:
            IncompatibleError: rows or bias of another shape, or an id that was never built.
        """
        (rows, bias), ids = self._fitting(rows, bias), self._known(ids)
        if len(ids) != len(rows):
            raise IncompatibleError(f"{len(ids)} ids do not fit {len(rows)} rows")
        return self._tables.move(ids, np.ascontiguousarray(self._hash_rows(rows, bias).T))

    def candidates(
        self, queries: ArrayLike, limit: int | None = None, mode: str = "union"
    ) -> tuple[NDArray[np.int64], Ids]:
        """Candidates of each query.

        Args:
            queries: (n, dim) float32.
            limit: most candidates a query; None for all that its buckets hold. From num_rows on
                every row is a candidate.
            mode: which to keep at the limit: "union" the first met, table by table,
                "most_frequent" those met in most tables.

        Returns:
            offsets (n + 1,) int64 and ids: query i has ids[offsets[i]:offsets[i + 1]], sorted.

        Raises:
            IncompatibleError: queries of another width.
        """
        codes = self._hash_queries(queries)
        if limit is not None and limit >= self.num_rows:
            every, n = np.arange(self.num_rows, dtype=np.int32), codes.shape[1]
            return np.arange(n + 1, dtype=np.int64) * self.num_rows, np.tile(every, n)
        by_count = one_of("mode", mode, ("union", "most_frequent")) == "most_frequent"
        limit = self.num_rows if limit is None else limit
        return self._tables.of_each(codes, limit, by_count)

    def candidates_of_tile(
        self, queries: ArrayLike, limit: int, exclude: ArrayLike | None = None
    ) -> Ids:
        """Candidates that a tile of queries shares: those met most often over all its queries.

        Args:
            queries: (n, dim) float32.
            limit: most candidates.
            exclude: (p,) int32 ids that shall not be among them.

        Returns:
            Sorted unique ids, at most limit.
        """
        return self._tables.of_all(self._hash_queries(queries), limit, self._known(exclude))

    def neighbours_of_tile(
        self, ids: ArrayLike, limit: int, exclude: ArrayLike | None = None
    ) -> Ids:
        """As `candidates_of_tile` with indexed rows as the queries, by their stored codes."""
        codes = self._tables.codes[:, self._known(ids)].astype(np.int32, order="C")
        return self._tables.of_all(codes, limit, self._known(exclude))

    def search(
        self,
        queries: ArrayLike,
        k: int,
        rows: ArrayLike,
        bias: ArrayLike | None = None,
        *,
        limit: int | None = None,
        mode: str = "most_frequent",
    ) -> tuple[Ids, NDArray[np.float32]]:
        """The k rows of largest product among the candidates, by exact scores.

        Args:
            queries: (n, dim) float32.
            k: how many, at least 1.
            rows, bias: as at `build`.
            limit, mode: as for `candidates`.

        Returns:
            ids (n, k) int32 and scores (n, k) float32, highest first, equal ones by id; where
            there are fewer than k candidates, -1 and -inf.
        """
        rows, bias = self._fitting(rows, bias)
        if len(rows) != self.num_rows:
            raise IncompatibleError(f"{len(rows)} rows do not fit {self!r}")
        in_range("k", k, 1, 2**31 - 1)
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        offsets, candidates = self.candidates(queries, limit, mode)
        shape = (len(queries), k)
        ids, scores = np.full(shape, -1, np.int32), np.full(shape, -np.inf, np.float32)
        rerank(queries, rows, bias, offsets, candidates, ids, scores)
        return ids, scores

    @property
    def largest_bucket(self) -> int:
        """Rows that share the most common code of any table."""
        return int(self._tables.load.max(initial=0))

    @property
    def nbytes(self) -> int:
        """Bytes held by buckets, codes and hash family (8 more a row and thread while asked)."""
        return self.family.nbytes + self._tables.nbytes

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """A JSON-able header and every array, not copied; `from_state` is the inverse."""
        names = ("capacity", "replacement", "transform", "seed")
        settings = {name: getattr(self, name) for name in names} | {"longest": float(self._longest)}
        told, arrays = described(self.family)
        return {"family": told, "index": settings}, arrays | self._tables.arrays()

    @classmethod
    def from_state(cls, header: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> Self:
        """Inverse of `state`; takes the arrays over.

        Raises:
            FormatError: header and arrays do not belong together.
        """
        try:
            settings = dict(header["index"])
            longest = float(settings.pop("longest"))
            index = cls(restored(header["family"], arrays), **settings)
            index._clear(arrays["codes"].shape[-1])
            index._tables.adopt(arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"not an index, or damaged: {error}") from error
        index._longest = longest
        return index

    _contents, _restored = state, from_state

    def _clear(self, num_rows: int) -> None:
        self.num_rows, self._longest = num_rows, 0.0
        shape = (self.family.tables, self.family.num_codes, self.capacity, num_rows)
        self._tables = Tables(*shape, self.replacement == "reservoir", self.seed)

    def _fitting(self, rows: ArrayLike, bias: ArrayLike | None) -> tuple[NDArray, NDArray]:
        rows = np.ascontiguousarray(rows, dtype=np.float32)
        bias = np.zeros(len(rows)) if bias is None else bias
        bias = np.asarray(bias, dtype=np.float32, order="C")
        if rows.ndim != 2 or rows.shape[1] != self.dim or bias.shape != (len(rows),):
            shapes = f"rows of shape {rows.shape} with a bias of shape {bias.shape}"
            raise IncompatibleError(f"{shapes} do not fit {self!r}")
        return rows, bias

    def _known(self, ids: ArrayLike | None) -> Ids:
        ids = np.ascontiguousarray([] if ids is None else ids, dtype=np.int32)
        if ids.size and not (ids.min() >= 0 and ids.max() < self.num_rows):
            raise IncompatibleError(f"ids {ids.min()}..{ids.max()} do not fit {self!r}")
        return ids

    def _norms(self, rows: NDArray, bias: NDArray) -> NDArray:
        if self.transform == "none":
            return np.zeros(len(rows))
        return np.sqrt(np.einsum("ij,ij->i", rows, rows) + bias * bias)

    def _hash_rows(self, rows: NDArray, bias: NDArray) -> NDArray[np.int32]:
        augmented = np.zeros((len(rows), self.family.dim), np.float32)
        augmented[:, : self.dim], augmented[:, self.dim] = rows, bias
        if self.transform == "norm":
            rest = self._longest**2 - self._norms(rows, bias) ** 2
            augmented[:, -1] = np.sqrt(np.maximum(rest, 0))
        return self.family(augmented)

    def _hash_queries(self, queries: ArrayLike) -> NDArray[np.int32]:
        queries = np.asarray(queries, dtype=np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise IncompatibleError(f"queries of shape {queries.shape} do not fit {self!r}")
        augmented = np.zeros((len(queries), self.family.dim), np.float32)
        augmented[:, : self.dim], augmented[:, self.dim] = queries, 1
        return np.ascontiguousarray(self.family(augmented).T)
