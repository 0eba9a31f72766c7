"""PEPPP: which number format to train in, from a few trained ones and what other tasks say."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, in_range, method, whole
from thrifty.learn.low_rank import low_rank

__all__ = ["PEPPP", "pareto"]

Reals = NDArray[np.float64]
Ints = NDArray[np.int64]


def pareto(costs: ArrayLike, errors: ArrayLike) -> Ints:
    """The points that no other is below in both: ids, by rising cost.

    Args:
        costs: (n,). errors: (n,).

    Raises:
        IncompatibleError: they are not of one length.

    Example:
        >>> pareto([1, 2, 3, 4], [0.5, 0.6, 0.2, 0.2]).tolist()
        [0, 2]
    """
    cost, error = np.asarray(costs, np.float64), np.asarray(errors, np.float64)
    if cost.ndim != 1 or cost.shape != error.shape:
        raise IncompatibleError(f"errors must be of shape {cost.shape}, got {error.shape}")
    order = np.lexsort((error, cost))
    best = np.minimum.accumulate(np.append(np.inf, error[order]))[:-1]
    return order[error[order] < best].astype(np.int64)


@method(
    source="Yang, Wu, Chee, De Sa and Udell 2022 (ICLR), arXiv:2106.09686",
    memory="8 * configs * rank bytes",
    time="a fit: sweeps of `low_rank`; a choice of k runs: k * configs * rank**2",
    error="none is promised; `spread` is what the model expects of each configuration",
    exact="training every configuration",
    laws=("precision choice",),
    evidence=("peppp",),
)
class PEPPP:
    """Learn from errors of many tasks in many configurations which few to try on a new task.

    The errors, a matrix with holes, are completed at low rank; a task is then a point of few
    numbers, with a normal prior from the tasks that were seen. A new task's configurations are
    chosen one by one, each the one that says most about that point (D-optimal: the determinant
    of what is known grows most); from their errors follow all others, and the frontier.

    Args:
        rank: of the errors of tasks after their mean, at least 1.
        ridge: of the completion: see `low_rank`.
        seed: of the completion.

    Raises:
        TypeError: a number is none.
        ValueError: one is out of range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> bits = np.arange(2, 17)
        >>> tasks = rng.uniform(0.1, 0.4, (20, 1)) + rng.uniform(0.5, 2, (20, 1)) * 0.5**bits
        >>> model = PEPPP(rank=2).fit(tasks[1:])
        >>> tried = model.design(bits, 2)
        >>> guess = model.predict({int(j): tasks[0, j] for j in tried})
        >>> float(np.abs(guess - tasks[0]).max()) < 0.01
        True
    """

    def __init__(self, rank: int = 4, *, ridge: float = 1e-3, seed: int = 0) -> None:
        self.rank, self.ridge = whole("rank", rank, 1, 10**4), in_range("ridge", ridge, 0, 1e6)
        self.seed = seed
        self.mean: Reals = np.zeros(0)
        self.factors: Reals = np.zeros((0, 0))
        self.noise = 0.0

    def fit(self, errors: ArrayLike) -> "PEPPP":
        """Learn from tasks that were tried; returns self.

        Args:
            errors: (tasks, configs), NaN where a configuration was not tried; each task and each
                configuration was, at least once.

        Raises:
            ValueError: the matrix has a row or column of NaN alone, or is infinite somewhere.
        """
        found = np.asarray(errors, np.float64)
        known = ~np.isnan(found)
        if found.ndim != 2 or not (known.any(axis=0).all() and known.any(axis=1).all()):
            raise ValueError("errors must hold a number in each row and column, got holes alone")
        shift = np.nanmean(found, axis=1, keepdims=True)
        shape = np.nanmean(found - shift, axis=0)
        rest = found - shift - shape
        rank = min(self.rank, *rest.shape)
        filled = low_rank(rest, rank, ridge=self.ridge, seed=self.seed)
        self.mean = shape + float(shift.mean())
        self.factors = self._prior(filled.left, filled.right, shift[:, 0])
        free = known & np.isfinite(rest)
        gap = ((rest - filled.filled)[free] ** 2).sum() / max(int(free.sum()) - rank, 1)
        self.noise = max(float(gap), 1e-6 * float(np.var(found[known])) + 1e-12)
        return self

    def _prior(self, left: Reals, right: Reals, shift: Reals) -> Reals:
        """Columns of a square root of the prior covariance of a task's errors, by configuration."""
        loads = np.column_stack([left, shift - shift.mean()])
        basis = np.vstack([right, np.ones(right.shape[1])])
        center = loads.mean(axis=0)
        self.mean = self.mean + center @ basis
        spread = (loads - center).T @ (loads - center) / max(len(loads) - 1, 1)
        values, vectors = np.linalg.eigh(spread)
        return (basis.T @ vectors) * np.sqrt(values.clip(min=0))

    def design(
        self, costs: ArrayLike, runs: int, *, cap: float | None = None, total: float | None = None
    ) -> Ints:
        """The configurations to try first, in order.

        Args:
            costs: (configs,) of one run each, such as bytes.
            runs: at most so many, at least 1.
            cap: a run may cost at most this; None for all.
            total: all runs together may; None for no limit. Where it is given, what a run says
                is weighed against its cost.

        Returns:
            Ids of configurations; fewer than `runs` where no more is allowed.

        Raises:
            IncompatibleError: costs are not one for each configuration.
            TypeError: a number is none.
            ValueError: it is out of range.
        """
        cost = np.asarray(costs, np.float64)
        if cost.shape != self.mean.shape:
            raise IncompatibleError(f"costs must be of shape {self.mean.shape}, got {cost.shape}")
        whole("runs", runs, 1, 10**9)
        left, chosen = np.inf if total is None else float(total), []
        allowed = cost <= (np.inf if cap is None else cap)
        known = np.eye(self.factors.shape[1])  # inverse of what is known of the point
        for _ in range(min(runs, cost.size)):
            some = allowed & (cost <= left)
            if not some.any():
                break
            wide = np.einsum("ja,ab,jb->j", self.factors, known, self.factors)
            told = np.log1p(wide / self.noise) / (1.0 if total is None else cost)
            best = int(np.where(some, told, -np.inf).argmax())
            chosen.append(best)
            allowed[best], left = False, left - cost[best]
            known = _sharper(known, self.factors[best], self.noise)
        return np.array(chosen, np.int64)

    def predict(self, tried: Mapping[int, float]) -> Reals:
        """The error of every configuration, from those that were tried.

        Args:
            tried: error by id of configuration.

        Returns:
            (configs,) float64; what was tried is as it was measured.

        Raises:
            IncompatibleError: an id is of no configuration.
            ValueError: an error is not finite.
        """
        return self._told(tried)[0]

    def spread(self, tried: Mapping[int, float]) -> Reals:
        """The standard deviation that the model expects of each configuration's prediction.

        Raises:
            IncompatibleError: an id is of no configuration.
            ValueError: an error is not finite.
        """
        return self._told(tried)[1]

    def frontier(self, costs: ArrayLike, tried: Mapping[int, float]) -> Ints:
        """The configurations that are predicted to be on the Pareto frontier, by rising cost.

        Args:
            costs: (configs,). tried: error by id of configuration.

        Raises:
            IncompatibleError: they do not fit.
        """
        return pareto(costs, self.predict(tried))

    def _told(self, tried: Mapping[int, float]) -> tuple[Reals, Reals]:
        ids = np.array(list(tried), np.int64)
        if ids.size and not (ids.min() >= 0 and ids.max() < self.mean.size):
            raise IncompatibleError(f"tried must be ids below {self.mean.size}, got others")
        seen = np.array(list(tried.values()), np.float64)
        if not np.isfinite(seen).all():
            raise ValueError("tried must be finite errors, got others")
        rows = self.factors[ids]
        inner = np.eye(self.factors.shape[1]) + rows.T @ rows / self.noise
        point = np.linalg.solve(inner, rows.T @ (seen - self.mean[ids]) / self.noise)
        guess = self.mean + self.factors @ point
        inverse = np.linalg.inv(inner)
        wide = np.sqrt(np.einsum("ja,ab,jb->j", self.factors, inverse, self.factors) + self.noise)
        guess[ids], wide[ids] = seen, 0.0
        return guess, wide


def _sharper(known: Reals, row: Reals, noise: float) -> Reals:
    """The inverse after one more row is known."""
    along = known @ row
    return known - np.outer(along, along) / (noise + row @ along)
