"""Fellegi-Sunter: which pairs of records are the same entity, learnt without any labels."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, in_range, method

__all__ = ["FellegiSunter"]

FLOOR = 1e-6
START = 0.8


@method(
    source="Fellegi and Sunter 1969, doi:10.1080/01621459.1969.10501049; EM: Winkler 1988, Using "
    "the EM algorithm for weight computation in the Fellegi-Sunter model of record linkage",
    memory="distinct rows of levels, at most (levels + 1)**fields of fields bytes; the sum of "
    "levels of all fields numbers are kept",
    time="O(distinct rows * fields) a step, whatever the number of pairs",
    error="a local maximum of the likelihood; probabilities are right where fields agree "
    "independently, given whether the pair matches",
    exact="shares of levels among pairs whose truth is known",
    laws=("mixtures",),
    evidence=("fellegi_sunter",),
)
class FellegiSunter:
    """Score pairs of records by how their fields agree, learnt from unlabelled pairs by EM.

    Each field of a pair agrees on a level, 0 the least. Levels are independent given whether the
    pair matches; their shares among matches (m) and others (u), and the share of matches, are
    fitted by expectation maximisation. It starts with matches agreeing in full with probability
    0.8 and others with 0.2, which fixes which of the two kinds are the matches.

    Args:
        levels: number of levels of each field, 2..100 each.
        steps: of expectation maximisation at most, 1..100,000.
        tolerance: it ends when no share moves by more, 0..1.

    Raises:
        ValueError: an argument outside its range.
        IncompatibleError: levels that do not fit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> match = rng.random(5000) < 0.3
        >>> agree = rng.random((5000, 3)) < np.where(match[:, None], 0.9, 0.05)
        >>> model = FellegiSunter([2, 2, 2]).fit(agree)
        >>> bool(abs(model.share_ - 0.3) < 0.03), bool(abs(model.m_[0][1] - 0.9) < 0.03)
        (True, True)
    """

    def __init__(
        self, levels: Sequence[int], *, steps: int = 1000, tolerance: float = 1e-8
    ) -> None:
        self.levels = [int(in_range("levels", number, 2, 100)) for number in levels]
        if not self.levels:
            raise ValueError("levels must be one number a field, got none")
        self.steps = int(in_range("steps", steps, 1, 100_000))
        self.tolerance = in_range("tolerance", tolerance, 0, 1)

    def __repr__(self) -> str:
        return f"FellegiSunter({self.levels})"

    def fit(self, levels: ArrayLike, weights: ArrayLike | None = None) -> Self:
        """Learn the shares from pairs.

        Args:
            levels: (n, fields) integers; -1 where a value is missing, which says nothing.
            weights: (n,) how many such pairs there are; None for 1 each.

        Returns:
            self, with share_ (of matches), m_ and u_ (for each field the shares of its levels
            among matches and others) and steps_ (taken).

        Raises:
            IncompatibleError: levels of another width, or beyond those of a field.
            ValueError: there are no pairs.
        """
        rows, counts = self._rows(levels, weights)
        if not counts.sum() > 0:
            raise ValueError("levels must be at least one pair, got none")
        self.share_ = 0.5 if len(rows) > 1 else START
        self.m_ = [_start(number, number - 1) for number in self.levels]
        self.u_ = [_start(number, 0) for number in self.levels]
        for step in range(self.steps):
            before = np.concatenate([[self.share_], *self.m_, *self.u_])
            self._improve(rows, counts)
            self.steps_ = step + 1
            after = np.concatenate([[self.share_], *self.m_, *self.u_])
            if np.abs(after - before).max() <= self.tolerance:
                break
        return self

    def decision_function(self, levels: ArrayLike) -> NDArray[np.float64]:
        """Weight of each pair: the sum over fields of log2(m / u), 0 where nothing is known.

        Returns:
            (n,) float64.

        Raises:
            IncompatibleError: levels of another width, or beyond those of a field.
        """
        found = self._checked(levels)
        return self._log_odds(found) / np.log(2)

    def predict_proba(self, levels: ArrayLike) -> NDArray[np.float64]:
        """Probability of each pair to be no match, and to be one.

        Returns:
            (n, 2) float64.

        Raises:
            IncompatibleError: levels of another width, or beyond those of a field.
        """
        match = self._match(self._checked(levels))
        return np.column_stack([1 - match, match])

    def predict(self, levels: ArrayLike) -> NDArray[np.bool_]:
        """Whether each pair is more probably a match than not."""
        return self._match(self._checked(levels)) > 0.5

    def _match(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        odds = self._log_odds(rows) + np.log(self.share_) - np.log1p(-self.share_)
        return 1 / (1 + np.exp(-np.clip(odds, -700, 700)))

    def _log_odds(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        odds = np.zeros(len(rows))
        for field, (m, u) in enumerate(zip(self.m_, self.u_, strict=True)):
            known = np.append(np.log(m) - np.log(u), 0.0)
            odds += known[rows[:, field]]  # -1 takes the last
        return odds

    def _improve(self, rows: NDArray[np.int64], counts: NDArray[np.float64]) -> None:
        matches = counts * self._match(rows)
        others = counts - matches
        self.share_ = float(np.clip(matches.sum() / counts.sum(), FLOOR, 1 - FLOOR))
        for field, number in enumerate(self.levels):
            known = rows[:, field] >= 0
            places = rows[known, field]
            self.m_[field] = _shares(places, matches[known], number)
            self.u_[field] = _shares(places, others[known], number)

    def _rows(
        self, levels: ArrayLike, weights: ArrayLike | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Distinct rows and how often each came."""
        found = self._checked(levels)
        rows, places = np.unique(found, axis=0, return_inverse=True)
        each = None if weights is None else np.asarray(weights, np.float64)
        return rows, np.bincount(places.ravel(), each, minlength=len(rows)).astype(np.float64)

    def _checked(self, levels: ArrayLike) -> NDArray[np.int64]:
        found = np.asarray(levels, np.int64)
        if found.size == 0 and found.ndim < 2:
            found = found.reshape(0, len(self.levels))
        fits = found.ndim == 2 and found.shape[1] == len(self.levels)
        if not fits or (found < -1).any() or (found >= np.array(self.levels)).any():
            raise IncompatibleError(f"levels of shape {found.shape} do not fit {self!r}")
        return found


def _start(number: int, main: int) -> NDArray[np.float64]:
    """Most on one level, the rest shared by the others."""
    shares = np.full(number, (1 - START) / (number - 1))
    shares[main] = START
    return shares


def _shares(
    places: NDArray[np.int64], weights: NDArray[np.float64], number: int
) -> NDArray[np.float64]:
    """Shares of levels, none of them quite 0; even where a field is never known."""
    sums = np.bincount(places, weights, minlength=number) + FLOOR
    return sums / sums.sum()
