"""LSS: hash tables whose planes are learned, so that a query meets its true label's row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import method
from thrifty.hashing import SimHash
from thrifty.index import MaxIPIndex
from thrifty.learn._pairs import Problem
from thrifty.learn.negatives import HiddenLSH

__all__ = ["LSS", "Round", "learn_planes"]

Floats = NDArray[np.float32]
Ids = NDArray[np.int32]
BATCH = 512
SHARPNESS = 20.0  # what full agreement of two soft codes is worth, as a logit
KEPT, ENOUGH, SUBSET = 8192, 512, 30_000  # of the selector: pairs and rows learned from


@dataclass(frozen=True)
class Round:
    """What `learn_planes` saw before one round of learning.

    Args:
        label_recall: share of held-out queries whose label was among their candidates.
        largest_bucket: rows that share the most common code of any table.
    """

    label_recall: float
    largest_bucket: int


def learn_planes(
    queries: ArrayLike,
    labels: ArrayLike,
    rows: ArrayLike,
    bias: ArrayLike | None,
    bits: int,
    tables: int,
    *,
    limit: int | None = None,
    capacity: int = 64,
    rounds: int = 6,
    epochs: int = 1,
    rate: float = 0.01,
    planes: ArrayLike | None = None,
    seed: int = 0,
    watch: Callable[[Round], None] | None = None,
) -> Floats:
    """Learn SimHash planes under which queries share codes with the rows of their labels.

    Learning starts from planes through the mean of the queries that see them white. A round hashes
    the rows and collects labels that were missed although their score is high, and wrong rows that
    were met although their score is low; then the tanh-soft code of each query has to agree with
    the row of its label more than with those wrong rows and the labels of the other queries in the
    batch (softmax of the agreements, Adam), missed labels twice. A fifth of the queries is held
    out: the planes of the best label recall there are returned, and two rounds without a better
    one end the learning. Queries the rows were not fitted to are best.

    Args:
        queries: (n, dim) float32.
        labels: (n,) int32, the true row of each query.
        rows: (num_rows, dim) float32.
        bias: (num_rows,) float32, or None for zeros.
        bits: bits in a code, 1..24.
        tables: number of tables.
        limit: candidates a query may have, for recall and pairs; None for 1 % of the rows.
        capacity: ids a bucket holds.
        rounds: most rounds of hashing and learning.
        epochs: passes over the queries in a round.
        rate: step of Adam.
        planes: (dim + 1, tables * bits) to start from instead.
        seed: of planes, split and batches.
        watch: called with each `Round`.

    Returns:
        (dim + 1, tables * bits) float32, for `SimHash(dim + 1, bits, tables, planes=...)`.

    Raises:
        IncompatibleError: queries and labels of different length, or a label without a row.
        ValueError: fewer than 10 queries.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> rows = rng.standard_normal((500, 8))
        >>> labels = rng.integers(0, 500, 400)
        >>> queries = rows[labels] + 0.3 * rng.standard_normal((400, 8)) + 3
        >>> seen = []
        >>> planes = learn_planes(queries, labels, rows, None, 5, 4, watch=seen.append)
        >>> max(seen, key=lambda r: r.label_recall).label_recall >= seen[0].label_recall
        True
    """
    problem = Problem(queries, labels, rows, bias, seed=seed)
    limit = max(16, problem.num_rows // 100) if limit is None else limit
    planes = problem.white(bits * tables) if planes is None else planes
    family = SimHash(problem.dim + 1, bits, tables, planes=np.array(planes, dtype=np.float32))
    adam, best, best_recall, stalled = _Adam(family.planes, rate), family.planes, -1.0, 0
    for last in [False] * rounds + [True]:
        index = MaxIPIndex(family, capacity=capacity, seed=seed).build(problem.rows, problem.bias)
        recall = problem.recall(index, limit)
        if watch is not None:
            watch(Round(recall, index.largest_bucket))
        stalled = 0 if recall > best_recall else stalled + 1
        if recall > best_recall:
            best, best_recall = family.planes.copy(), recall
        if last or stalled == 2:
            break
        _descend(adam, problem, *problem.pairs(index, limit), epochs)
    return best


@method(
    source="Liu et al. 2021, Climbing the WOL: training for cheaper inference",
    memory="the index, 8192 * (4 * dim + 4) bytes of pairs; 3 times the planes while learning",
    time="a round: one index build, and 12 * dim * bits * tables operations a query and epoch",
    error="label recall is measured on held-out queries; the best planes seen there are returned",
    exact="the label is always among all rows",
    laws=("negatives",),
    evidence=("lss",),
)
class LSS(HiddenLSH):
    """Negatives from tables with learned planes; as `HiddenLSH` until enough pairs were seen.

    Every full refresh learns the planes anew from the newest pairs of hidden values and labels
    that `observe` was told, starting from the present ones.

    Args:
        num_classes: classes of the output layer.
        dim: width of the hidden values.
        memory: budget of the index.
        seed: of planes and of learning.
        share: part of the negatives that the index may choose, 0..1.

    Raises:
        BudgetError: memory cannot hold one table.
    """

    def __init__(
        self, num_classes: int, dim: int, *, memory: int | str, seed: int = 0, share: float = 1.0
    ) -> None:
        index = MaxIPIndex.within(memory, num_rows=num_classes, dim=dim, seed=seed)
        super().__init__(index, num_classes, share=share)
        self._queries, self._labels = np.empty((KEPT, dim), np.float32), np.empty(KEPT, np.int32)
        self.seed, self._seen, self._learned = seed, 0, False

    def observe(self, hidden: Floats, labels: Ids) -> None:
        """Keep pairs to learn from; the newest 8192 stay.

        Args:
            hidden: (b, d) float32.
            labels: (b,) int32, the true class of each.
        """
        hidden, labels = hidden[-KEPT:], labels[-KEPT:]
        places = (self._seen + np.arange(len(labels))) % KEPT
        self._queries[places], self._labels[places] = hidden, labels
        self._seen += len(labels)

    def refresh(self, weights: Floats, bias: Floats, ids: Ids | None = None) -> None:
        """See `Selector.refresh`; with ids None the planes are learned anew too."""
        if ids is None and self._seen >= ENOUGH:
            self._learn(weights, bias)
        super().refresh(weights, bias, ids)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """See `Selector.state`."""
        header, arrays = super().state()
        pairs = {"queries": self._queries[: self._seen], "labels": self._labels[: self._seen]}
        return header | {"seen": self._seen, "learned": self._learned}, arrays | pairs

    def restore(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """See `Selector.restore`."""
        super().restore(header, arrays)
        self._seen, self._learned = header["seen"], header["learned"]
        self._queries[: self._seen], self._labels[: self._seen] = (
            arrays["queries"],
            arrays["labels"],
        )

    def _learn(self, weights: Floats, bias: Floats) -> None:
        """New planes, learned on the labels seen and a sample of the other rows."""
        old: Any = self.index.family
        labels = self._labels[: self._seen]
        others = np.random.default_rng([self.seed, 0x1555]).integers(0, self.num_classes, SUBSET)
        rows = np.union1d(labels, others)
        learned = learn_planes(
            self._queries[: self._seen], np.searchsorted(rows, labels), weights[rows], bias[rows],
            old.bits, old.tables, rounds=3, seed=self.seed,
            planes=old.planes if self._learned else None,
        )  # fmt: skip
        family = SimHash(old.dim, old.bits, old.tables, planes=learned)
        self.index = MaxIPIndex(family, capacity=self.index.capacity, seed=self.index.seed)
        self._learned = True


class _Adam:
    """Adam on one array, in place."""

    def __init__(self, values: Floats, rate: float) -> None:
        self.values, self.rate, self.step = values, rate, 0
        self.mean, self.square = np.zeros_like(values), np.zeros_like(values)

    def update(self, gradient: Floats) -> None:
        """One step against the gradient."""
        self.step += 1
        self.mean += 0.1 * (gradient - self.mean)
        self.square += 0.001 * (gradient * gradient - self.square)
        mean = self.mean / (1 - 0.9**self.step)
        square = self.square / (1 - 0.999**self.step)
        self.values -= self.rate * mean / (np.sqrt(square) + 1e-8)


def _descend(adam: _Adam, problem: Problem, of: Ids, wrong: Ids, epochs: int) -> None:
    """Passes over the queries in shuffled batches."""
    for _ in range(epochs):
        order = problem.rng.permutation(len(of))
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            met = wrong[part]
            to = np.concatenate([problem.labels[of[part]], met[met >= 0]])
            x, y = problem.unit_queries[of[part]], problem.unit_rows[to]
            adam.update(_gradient(adam.values, x, y, to)[0])


def _gradient(planes: Floats, x: Floats, y: Floats, to: Ids) -> tuple[Floats, float]:
    """Gradient and value of the mean of -log softmax of soft-code agreements at the own label.

    Args:
        planes: (dim, p) float32.
        x: (b, dim) queries.
        y: (m, dim) rows, m >= b; row i is the label of query i.
        to: (m,) ids of those rows; the same id elsewhere does not count as wrong.
    """
    n = len(x)
    a, b = np.tanh(x @ planes), np.tanh(y @ planes)
    scale = np.float32(SHARPNESS / planes.shape[1])
    z = scale * (a @ b.T)
    z[(to[:n, None] == to[None, :]) & ~np.eye(n, len(to), dtype=bool)] = -np.inf
    z -= z.max(axis=1, keepdims=True)
    p = np.exp(z)
    p /= p.sum(axis=1, keepdims=True)
    own = np.arange(n)
    loss = -float(np.log(p[own, own]).mean())
    p[own, own] -= 1
    p *= scale / n
    return x.T @ ((p @ b) * (1 - a * a)) + y.T @ ((p.T @ a) * (1 - b * b)), loss
