"""Bonus: the action of the largest value with a bonus for what is little known, by lifted products.

The bonus b = |x|_P of an action x is no inner product, but no more than (b**2 / r + r) / 2 for any
r > 0, and that at b = r; b**2 = <P, x x'> is one, with what of x x' is on or above its diagonal.
So actions are indexed once as [x, x x'], and the best by that bound, or by the norm of
sqrt(2 <w, x>**2 + 2 b**2) where values are not negative, are scored exactly.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thrifty.index import IVFIndex

__all__ = ["Chosen", "LiftedActions"]

Floats = NDArray[np.float64]
BLOCK = 4096  # actions scanned at once, which stay in cache
DOUBTED = 0.5  # of what the bound promised, below which all are scanned


class Chosen(NamedTuple):
    """Actions of m queries: ids (m,) int64, their scores and bonuses (m,) float64."""

    ids: NDArray[np.int64]
    scores: Floats
    bonuses: Floats


class LiftedActions:
    """Actions (n, d) and an index of their lifts.

    Args:
        actions: (n, d) float32. lift: tangent or norm. candidates: scored exactly a query.
        effort: share of the index looked at. indexed: False to scan always. seed: of the index.
    """

    def __init__(
        self,
        actions: NDArray[np.float32],
        *,
        lift: str,
        candidates: int,
        effort: float,
        indexed: bool,
        seed: int,
    ) -> None:
        self.actions, self.lift = actions, lift
        self.candidates, self.effort = candidates, effort
        self._upper = np.triu_indices(actions.shape[1])
        twice = np.where(self._upper[0] == self._upper[1], 1, 2**0.5)
        self._twice = twice.astype(np.float32)
        self._index, self.scans = None, 0
        if indexed:
            i, j = self._upper
            lifted = np.concatenate([actions, actions[:, i] * actions[:, j] * self._twice], axis=1)
            index = IVFIndex(lifted.shape[1], metric="inner", dtype="float16", seed=seed)
            self._index = index.add(lifted)

    @property
    def nbytes(self) -> int:
        """Bytes of actions and index."""
        return self.actions.nbytes + (self._index.nbytes if self._index else 0)

    def best(self, w: Floats, factors: Floats, radii: Floats) -> Chosen:
        """Of each query the action of the largest <w, x> + |x @ factor|, or nearly.

        Args:
            w: (m, d). factors: (m, d, d). radii: (m,) bonuses near which the bound is tight,
            above 0; not finite where all actions are to be scanned.
        """
        if self._index is None:
            return self._scanned(w, factors)
        known = np.isfinite(radii)
        radii = np.where(known, radii, 1)
        found, promised = self._searched(w, factors, radii)
        doubted = ~known | (found.scores < DOUBTED * promised)
        if doubted.any():
            for into, exact in zip(found, self._scanned(w[doubted], factors[doubted]), strict=True):
                into[doubted] = exact
        return found

    def _searched(self, w: Floats, factors: Floats, radii: Floats) -> tuple[Chosen, Floats]:
        """The best of the candidates, and the largest bound of any."""
        (i, j), p = self._upper, factors @ factors.transpose(0, 2, 1)
        if self.lift == "tangent":
            linear, square = w, p / (2 * radii[:, None, None])
        else:
            linear, square = 0 * w, 2 * (w[:, :, None] * w[:, None, :] + p)
        asked = np.concatenate([linear, square[:, i, j] * self._twice], axis=1)
        sizes = np.maximum(np.abs(asked).max(axis=1), 1e-300)
        ids, bounds = self._index.search(  # type: ignore[union-attr]
            asked / sizes[:, None], self.candidates, effort=self.effort
        )
        top = bounds[:, 0] * sizes
        promised = top + radii / 2 if self.lift == "tangent" else np.sqrt(np.maximum(top, 0))
        rows = self.actions[ids].astype(np.float64)
        bonuses = np.sqrt(((rows @ factors) ** 2).sum(axis=2))
        scores = np.where(ids < 0, -np.inf, np.einsum("mki,mi->mk", rows, w) + bonuses)
        best = scores.argmax(axis=1)
        places = np.arange(len(w)), best
        return Chosen(ids[places], scores[places], bonuses[places]), promised

    def _scanned(self, w: Floats, factors: Floats) -> Chosen:
        """By looking at all actions."""
        both = np.concatenate([w[:, :, None], factors], axis=2).astype(np.float32)
        found = Chosen(np.empty(len(w), np.int64), *np.empty((2, len(w))))
        self.scans += len(w)
        for q, factor in enumerate(both):
            top = -np.inf
            for start in range(0, len(self.actions), BLOCK):
                products = self.actions[start : start + BLOCK] @ factor
                bonuses = np.sqrt(np.einsum("ij,ij->i", products[:, 1:], products[:, 1:]))
                scores = products[:, 0] + bonuses
                place = int(scores.argmax())
                if scores[place] > top:
                    top = float(scores[place])
                    found.ids[q], found.scores[q] = start + place, top
                    found.bonuses[q] = bonuses[place]
        return found
