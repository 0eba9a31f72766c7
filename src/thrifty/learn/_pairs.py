"""Pairs: queries and the rows of their labels, split, and what an index gets wrong about them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, in_range
from thrifty.index import MaxIPIndex

__all__ = ["Problem"]

Floats = NDArray[np.float32]
Ids = NDArray[np.int32]


class Problem:
    """Queries, labels and rows, a split, and the pairs that an index gets wrong."""

    def __init__(
        self,
        queries: ArrayLike,
        labels: ArrayLike,
        rows: ArrayLike,
        bias: ArrayLike | None,
        *,
        seed: int,
    ) -> None:
        self.queries = np.ascontiguousarray(queries, dtype=np.float32)
        self.labels = np.ascontiguousarray(labels, dtype=np.int32)
        self.rows = np.ascontiguousarray(rows, dtype=np.float32)
        self.num_rows, self.dim = self.rows.shape
        self.bias = np.asarray(np.zeros(self.num_rows) if bias is None else bias, dtype=np.float32)
        self._check()
        self.rng = np.random.default_rng([seed, 0x155])
        order = self.rng.permutation(len(self.queries))
        held = len(order) // 5
        self.held, self.train = order[:held], order[held:]
        self.unit_queries = _unit(self.queries, np.ones(len(order), np.float32))
        self.unit_rows = _unit(self.rows, self.bias)

    def _check(self) -> None:
        if self.labels.shape != (len(self.queries),):
            shapes = f"{self.labels.shape} do not fit {len(self.queries)} queries"
            raise IncompatibleError(f"labels of shape {shapes}")
        in_range("len(queries)", len(self.queries), 10, 2**31 - 1)
        if self.labels.min() < 0 or self.labels.max() >= self.num_rows:
            span = f"{self.labels.min()}..{self.labels.max()}"
            raise IncompatibleError(f"labels {span} do not fit {self.num_rows} rows")

    def white(self, num_planes: int) -> Floats:
        """Random planes through the mean of the queries, under whose normals these are white."""
        sample = self.queries[self.train][:20_000].astype(np.float64)
        mean, spread = sample.mean(axis=0), np.cov(sample.T).reshape(self.dim, self.dim)
        spread += (1e-3 * np.trace(spread) / self.dim + 1e-12) * np.eye(self.dim)
        normals = self.rng.standard_normal((self.dim, num_planes))
        normals = np.linalg.solve(np.linalg.cholesky(spread).T, normals)
        normals *= np.sqrt(self.dim) / np.linalg.norm(normals, axis=0)
        return np.vstack([normals, -mean @ normals]).astype(np.float32)

    def recall(self, index: MaxIPIndex, limit: int) -> float:
        """Share of held-out queries whose label is a candidate."""
        offsets, ids = index.candidates(self.queries[self.held], limit, "most_frequent")
        return float(_met(offsets, ids, self.labels[self.held]).mean())

    def pairs(self, index: MaxIPIndex, limit: int) -> tuple[Ids, Ids]:
        """Queries to learn from, and for each a wrong row that it met, or -1."""
        train = self.train.astype(np.int32)
        offsets, ids = index.candidates(self.queries[train], limit, "most_frequent")
        own = self._scores(train, self.labels[train].astype(np.int32))
        missed = ~_met(offsets, ids, self.labels[train]) & (own >= np.percentile(own, 10))
        pick = offsets[:-1] + self.rng.integers(0, np.maximum(1, np.diff(offsets)))
        wrong = np.append(ids, 0)[np.minimum(pick, len(ids))].astype(np.int32)
        scores = self._scores(train, wrong.astype(np.int32))
        wrong[(scores > np.percentile(scores, 50)) | (np.diff(offsets) == 0)] = -1
        of = np.append(train, train[missed]).astype(np.int32)
        return of, np.append(wrong, wrong[missed]).astype(np.int32)

    def _scores(self, of: Ids, to: Ids) -> Floats:
        return np.einsum("ij,ij->i", self.queries[of], self.rows[to]) + self.bias[to]


def _unit(rows: Floats, last: Floats) -> Floats:
    augmented = np.column_stack([rows, last])
    return augmented / np.maximum(np.linalg.norm(augmented, axis=1, keepdims=True), 1e-12)


def _met(offsets: NDArray[np.int64], ids: Ids, labels: Ids) -> NDArray[np.bool_]:
    """Whether each query's label is among its candidates."""
    query = np.repeat(np.arange(len(labels)), np.diff(offsets))
    return np.bincount(query[labels[query] == ids], minlength=len(labels)) > 0
