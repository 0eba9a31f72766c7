"""Atoms: the points whose hull is searched, indexed so that a linear step looks at few of them.

What conditional-gradient methods share: at a point w with gradient g, the atom s of the largest
gap <w - s, g>, found among lifted atoms by an index, and by a scan of all where that finds none.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, in_range, one_of, whole
from thrifty.index import IVFIndex

__all__ = ["Atoms", "LinearSteps", "Step"]

Floats = NDArray[np.float64]
EFFORT, MOST = 0.05, 0.4  # of all atoms looked at; beyond this a scan is as cheap
KEPT = 128  # atoms remembered
LARGEST = 1e15


class Step(NamedTuple):
    """What a linear step found.

    Args:
        id: of the atom. gap: <w - s, g>, float64. exact: no atom has a larger one.
    """

    id: int
    gap: float
    exact: bool


class Atoms:
    """Points (n, d) with an index of what is left of them beside their mean.

    The gap of s is the product of [m - s, 1] and [g, <w - m, g>] whatever the point m. The second
    part is the same for all atoms, so it is added to what the index finds; m is the mean of the
    atoms, so that where they lie as a whole does not blur which of them is the best.

    Args:
        rows: (n, d) finite numbers of size at most 1e15, n at least 1; held as float32.
        search: "index", or "scan" for looking at all atoms at every step.
        seed: of the index, 0..2**64 - 1.

    Raises:
        ValueError: rows of another shape or not finite, or an argument out of range.

    Example:
        >>> atoms = Atoms(np.random.default_rng(0).standard_normal((2000, 8)) + 50)
        >>> steps = LinearSteps(atoms)
        >>> step = steps.at(atoms.mean, np.ones(8), exact=True)
        >>> step.id == int(atoms.row(range(2000)).sum(axis=1).argmin())
        True
    """

    def __init__(self, rows: ArrayLike, *, search: str = "index", seed: int = 0) -> None:
        given = np.asarray(rows)
        if given.ndim != 2 or not given.size:
            raise ValueError(f"rows must be of shape (n, d), both above 0, got {given.shape}")
        with np.errstate(invalid="ignore"):
            self.mean = given.mean(axis=0, dtype=np.float64)
            bad = not (np.isfinite(self.mean).all() and np.abs(given).max() <= LARGEST)
        if bad:
            raise ValueError("rows must be finite and of size at most 1e15, got others")
        self._rest = (given - self.mean).astype(np.float32, order="C")
        self.search = one_of("search", search, ("index", "scan"))
        whole("seed", seed, 0, 2**64 - 1)
        self._index = None
        if search == "index":
            self._index = IVFIndex(self.dim, metric="inner", seed=seed).add(self._rest)

    def __len__(self) -> int:
        return len(self._rest)

    @property
    def dim(self) -> int:
        """Numbers of an atom."""
        return self._rest.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of the atoms and of the index."""
        return self._rest.nbytes + self.mean.nbytes + (self._index.nbytes if self._index else 0)

    def row(self, ids: ArrayLike) -> Floats:
        """The atoms of some ids, as float64."""
        return self._rest[np.asarray(ids)] + self.mean

    def rest(self, id: int) -> NDArray[np.float32]:
        """An atom less the mean."""
        return self._rest[id]

    def fitting(self, name: str, point: ArrayLike) -> Floats:
        """The point as (d,) float64.

        Raises:
            IncompatibleError: it is of another width.
        """
        given = np.asarray(point, dtype=np.float64)
        if given.shape != (self.dim,):
            raise IncompatibleError(f"{name} of shape {given.shape} does not fit atoms {self.dim}")
        return given

    def lowest(self, gradient: Floats, effort: float) -> int:
        """The id of the atom of the least product, or nearly; all are looked at if effort is 1."""
        size = float(np.abs(gradient).max())
        down = (gradient / -(size or 1.0)).astype(np.float32)
        if self._index is None or effort >= 1:
            return int((self._rest @ down).argmax())
        return int(self._index.search(down[None], 1, effort=effort).ids[0, 0])

    def gap(self, id: int, point: Floats, gradient: Floats) -> float:
        """<w - s, g> of an atom."""
        return float((point - self.mean - self._rest[id]) @ gradient)


class LinearSteps:
    """Linear steps one after the other, which remember what they found.

    The best of what the index finds and of the last atoms that were found is taken if its gap is
    at least half of that of the last scan (lazy steps: Braun, Pokutta and Zink 2017). Otherwise
    all atoms are looked at. Where the index was far below that, its effort doubles.

    Args:
        atoms: an `Atoms`.
        effort: share of the index looked at first, 1e-6..1; None for 0.05.

    Raises:
        ValueError: effort out of range.
    """

    def __init__(self, atoms: Atoms, effort: float | None = None) -> None:
        self.atoms = atoms
        self.effort = EFFORT if effort is None else in_range("effort", effort, 1e-6, 1)
        self.scans, self._promise, self._count = 0, np.inf, 0
        self._ids = np.full(KEPT, -1, np.int64)
        self._kept = np.zeros((KEPT, atoms.dim), np.float32)
        if atoms.search == "scan":
            self.effort = 1.0

    def at(self, point: Floats, gradient: Floats, least: float = 0, *, exact: bool = False) -> Step:
        """The atom of the largest gap at a point, or of a large one.

        Args:
            point: (d,). gradient: (d,) at the point. least: a gap not above this is not believed.
            exact: look at all atoms.
        """
        if self.effort >= 1:
            return self._scan(point, gradient)
        id = self.atoms.lowest(gradient, self.effort)
        gap = self.atoms.gap(id, point, gradient)
        id, gap = max((id, gap), self._remembered(point, gradient), key=lambda found: found[1])
        if gap > max(least, self._promise / 2) and not exact:
            self._keep(id)
            return Step(id, gap, False)
        best = self._scan(point, gradient)
        if gap < 0.7 * best.gap and self.effort < MOST:
            self.effort = min(MOST, 2 * self.effort)
        return best

    def _scan(self, point: Floats, gradient: Floats) -> Step:
        self.scans += 1
        id = self.atoms.lowest(gradient, 1)
        self._keep(id)
        self._promise = self.atoms.gap(id, point, gradient)
        return Step(id, self._promise, True)

    def _keep(self, id: int) -> None:
        if id not in self._ids:
            place = self._count % KEPT
            self._ids[place], self._kept[place] = id, self.atoms.rest(id)
            self._count += 1

    def _remembered(self, point: Floats, gradient: Floats) -> tuple[int, float]:
        """The best of the atoms found last, and its gap."""
        count = min(self._count, KEPT)
        if not count:
            return -1, -np.inf
        id = int(self._ids[(self._kept[:count] @ gradient.astype(np.float32)).argmin()])
        return id, self.atoms.gap(id, point, gradient)
