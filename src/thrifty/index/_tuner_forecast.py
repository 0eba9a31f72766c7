"""Forecast: how fast an index of all rows would be, told from indexes of some of them."""

import time
from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thrifty.index._tuner_trial import Trial, curve_of, fastest
from thrifty.index.vectors import VectorIndex

__all__ = ["TOO_LARGE", "Sample", "built", "reason", "samples"]

FEWEST, MOST = 1 << 14, 1 << 16
PART = 4  # a sample is so many times as large as the one before, all rows as the last, or more
SLACK = 2.0  # by which an index of few rows may be larger, beside them, than one of all
STEEPEST = 1.5
TOO_LARGE = "it holds more than the budget"


class Sample(NamedTuple):
    """Some rows, by their numbers, with queries and what is nearest to them among these."""

    rows: NDArray[np.float32]
    ids: NDArray[np.int64]
    trial: Trial


def samples(rows: NDArray[np.float32], trial: Trial, metric: str, seed: int) -> list[Sample]:
    """A small sample and a larger one; none where it is as well to build all.

    Args:
        rows: (n, d) float32, all. trial: of them. metric: of the index. seed: of the draw.
    """
    if len(rows) < FEWEST:
        return []
    large, found = min(MOST, len(rows) // PART), []
    order = np.random.default_rng([seed, 1]).permutation(len(rows))
    for count in (large // PART, large):
        ids = np.sort(order[:count])
        some, k = rows[ids], min(trial.nearest.shape[1], count - 1)
        found.append(Sample(some, ids, trial.among(some, ids, metric, k)))
    return found


def built(
    variants: Sequence[VectorIndex],
    rows: NDArray[np.float32],
    nbytes: float,
    ids: NDArray[np.int64] | None = None,
) -> tuple[VectorIndex | None, float]:
    """The first that fits, with all rows, and the CPU seconds to build it."""
    for index in variants:
        a_row = 8 + rows.shape[1] * np.dtype(index.spec()["dtype"]).itemsize
        if len(rows) * a_row > nbytes:
            continue
        start = time.process_time()
        index.add(rows, ids)
        if index.nbytes <= nbytes:
            return index, time.process_time() - start
    return None, 0.0


def reason(
    makers: Sequence[Sequence[VectorIndex]],
    given: Sequence[Sample],
    rows: int,
    nbytes: int,
    wanted: float,
    beaten: float,
) -> str | None:
    """Why an index of all rows would not be faster than this; None where it may.

    More rows make no index faster, so one that is slower on few is out; else its speed goes on
    falling by the power of rows that it falls by between the samples.

    Args:
        makers: of each sample, the empty indexes of a kind, the better before the smaller.
        given: samples, the smaller first. rows: all. nbytes: budget of all. wanted: recall.
        beaten: queries a CPU second of the best so far.
    """
    speeds: list[float] = []
    for variants, sample in zip(makers, given, strict=True):
        some = len(sample.ids)
        index, _ = built(variants, sample.rows, SLACK * nbytes * some / rows, sample.ids)
        if index is None:
            return TOO_LARGE
        speed, fault = _speed(index, sample.trial, wanted, beaten)
        if fault:
            return f"of {some} rows it {fault}"
        speeds.append(speed)
    few, some = (len(sample.ids) for sample in given)
    power = min(max(log(speeds[0] / speeds[1]) / log(some / few), 0.0), STEEPEST)
    told = speeds[1] * (some / rows) ** power
    if told > beaten:
        return None
    now = f"of {few} and {some} rows it answers {speeds[0]:.0f} and {speeds[1]:.0f}"
    return now + f" queries a second, which makes {told:.0f} of {rows} rows, not {beaten:.0f}"


def _speed(index: VectorIndex, trial: Trial, wanted: float, beaten: float) -> tuple[float, str]:
    """Queries a CPU second at the recall wanted, and what is amiss with that, if anything."""
    curve = curve_of(index, trial, wanted, beaten)
    point = fastest(curve, wanted)
    speed = (point or curve[-1]).queries_per_second
    if speed <= beaten:
        least = "" if point else " before it finds enough"
        return speed, f"answers {speed:.0f} queries a second{least}, not {beaten:.0f}"
    return speed, "" if point else "finds too little"
