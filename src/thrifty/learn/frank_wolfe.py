"""Frank-Wolfe: the least of a convex function over the hull of very many atoms."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, in_range, method, whole
from thrifty.learn.atoms import Atoms, LinearSteps

__all__ = ["Minimum", "Quadratic", "frank_wolfe"]

Floats = NDArray[np.float64]
Objective = Callable[[Floats], tuple[float, Floats]]
FIRST = 16  # steps that look at all atoms: what they find stays in the sum for long


class Minimum(NamedTuple):
    """Where a function is least in a hull, and how far from the least value it may be.

    Args:
        point: (d,) float64. value: there.
        error: value less the least one is at most this, but for rounding of float32.
        ids, weights: (k,) int64 and float64; the point is the weighted sum of these atoms.
        values: (steps + 1,) float64, of the start and after each step.
        scans: how many steps looked at all atoms.
    """

    point: Floats
    value: float
    error: float
    ids: NDArray[np.int64]
    weights: Floats
    values: Floats
    scans: int


class Quadratic:
    """Half the squared distance of `matrix @ w` from a target, with its curvature.

    Args:
        target: (p,). matrix: (p, d); None for the identity.

    Raises:
        IncompatibleError: they do not fit.
    """

    def __init__(self, target: ArrayLike, matrix: ArrayLike | None = None) -> None:
        self.target = np.asarray(target, dtype=np.float64)
        self.matrix = None if matrix is None else np.asarray(matrix, dtype=np.float64)
        if self.matrix is not None and self.matrix.shape[:1] != self.target.shape:
            shapes = f"{self.matrix.shape} does not fit a target of shape {self.target.shape}"
            raise IncompatibleError(f"matrix of shape {shapes}")

    def __call__(self, w: Floats) -> tuple[float, Floats]:
        """Value and gradient at a point (d,)."""
        rest = (w if self.matrix is None else self.matrix @ w) - self.target
        return 0.5 * float(rest @ rest), rest if self.matrix is None else self.matrix.T @ rest

    def curvature(self, direction: Floats) -> float:
        """The second derivative along a direction (d,)."""
        moved = direction if self.matrix is None else self.matrix @ direction
        return float(moved @ moved)


@method(
    source="Frank and Wolfe 1956, doi:10.1002/nav.3800030109; linear steps by an index of lifted "
    "atoms: Xu, Song and Shrivastava 2021 (NeurIPS 34)",
    memory="13 * dim bytes an atom with its index, 4 * dim without",
    time="a search at some effort a step; a scan of all atoms each `check` steps",
    error="value less the least is at most `error`, the gap of a scan; about 1 / (c**2 * steps) if "
    "steps find a share c of the gap",
    exact='frank_wolfe(objective, Atoms(rows, search="scan"))',
    laws=("conditional gradient",),
    evidence=("frank_wolfe",),
)
def frank_wolfe(
    objective: Objective,
    atoms: Atoms | ArrayLike,
    *,
    max_steps: int = 1000,
    tol: float = 1e-6,
    check: int = 64,
    effort: float | None = None,
) -> Minimum:
    """Minimise a convex function over the hull of atoms, by steps towards one atom each.

    A step goes towards the atom of the largest gap <w - s, gradient>, which an index finds among
    the few that it looks at; at first, where that is less than half of the last scan's, and each
    `check` steps, all are looked at. The gap of such a scan bounds the error. Where the objective
    has `curvature(direction)`, a step goes as far as is best for a quadratic; otherwise
    2 / (t + 2) of the way.

    Args:
        objective: gives value and gradient (d,) at a point (d,); may have `curvature`.
        atoms: an `Atoms`, or rows (n, d), indexed here.
        max_steps: at most, 0..10**9.
        tol: stop where the error is at most this, 0..1e300.
        check: steps from a scan to the next, 1..10**9.
        effort: share of the index that a step looks at first, 1e-6..1; None for 0.05.

    Returns:
        `Minimum`: point, value, error, ids, weights, values, scans.

    Raises:
        IncompatibleError: a gradient of another width than the atoms.
        ValueError: an argument is out of range, or the value or gradient is not finite.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> rows = rng.standard_normal((2000, 8))
        >>> least = frank_wolfe(Quadratic(rows[:20].mean(axis=0)), rows, tol=1e-3)
        >>> least.value <= least.error <= 1e-3     # the least value is 0
        True
    """
    given = atoms if isinstance(atoms, Atoms) else Atoms(atoms)
    whole("max_steps", max_steps, 0, 10**9)
    whole("check", check, 1, 10**9)
    in_range("tol", tol, 0, 1e300)
    return _descend(objective, given, LinearSteps(given, effort), max_steps, tol, check)


def _descend(
    objective: Objective, atoms: Atoms, steps: LinearSteps, most: int, tol: float, check: int
) -> Minimum:
    _, gradient = _asked(objective, atoms, atoms.mean)
    taken = [(steps.at(atoms.mean, gradient).id, 1.0)]
    point = atoms.row(taken[0][0])
    value, gradient = _asked(objective, atoms, point)
    values = [value]
    for turn in range(1, most + 1):
        step = steps.at(point, gradient, tol, exact=turn <= FIRST or turn % check == 0)
        if step.exact and step.gap <= tol:
            break
        direction = atoms.row(step.id) - point
        share = _share(objective, direction, step.gap, turn)
        point = point + share * direction
        taken.append((step.id, share))
        value, gradient = _asked(objective, atoms, point)
        values.append(value)
    last = steps.at(point, gradient, exact=True)
    ids, weights = _weights(taken)
    found = (ids, weights, np.array(values), steps.scans)
    return Minimum(point, value, max(last.gap, 0.0), *found)


def _asked(objective: Objective, atoms: Atoms, point: Floats) -> tuple[float, Floats]:
    value, gradient = objective(point)
    fitting = atoms.fitting("gradient", gradient)
    if not (np.isfinite(value) and np.isfinite(fitting).all()):
        raise ValueError(f"objective must be finite with a finite gradient, got {value!r}")
    return float(value), fitting


def _share(objective: Objective, direction: Floats, gap: float, turn: int) -> float:
    """How far to go towards an atom."""
    curvature = getattr(objective, "curvature", None)
    if curvature is None:
        return 2 / (turn + 2)
    bend = float(curvature(direction))
    return 1.0 if bend <= gap else max(gap, 0.0) / bend


def _weights(taken: list[tuple[int, float]]) -> tuple[NDArray[np.int64], Floats]:
    """Atoms and weights of steps that went a share of the way each."""
    ids, shares = (np.array(column) for column in zip(*taken, strict=True))
    left = np.append(np.cumprod(1 - shares[:0:-1])[::-1], 1.0)
    unique, places = np.unique(ids.astype(np.int64), return_inverse=True)
    return unique, np.bincount(places, left * shares).astype(np.float64)
