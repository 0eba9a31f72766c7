"""Descent: minimise the risk of a STORM sketch without gradients, which its steps do not have."""

import numpy as np
from numpy.typing import NDArray

from thrifty.learn.storm_sketch import StormSketch

__all__ = ["classified", "regressed"]

PULL, REACH = 0.1, 2.0


def regressed(
    sketch: StormSketch, *, steps: int, directions: int, spread: float, seed: int
) -> NDArray[np.float64]:
    """Coefficients of the last column on the others, of least risk; the mean of the later steps.

    The model is (coefficients, -1) over a fixed length REACH, never over its own, which would make
    it total least squares.
    """
    size = sketch.dim - 1
    curve = (sketch.surrogate(0.05) - sketch.surrogate(0.0)) / 0.05**2
    rate = PULL * (sketch.radius * REACH) ** 2 / (2 * float(curve))
    longest = np.sqrt(REACH**2 - 1)

    def risks(models: NDArray[np.float64]) -> NDArray[np.float64]:
        last = np.full((len(models), 1), -1.0)
        return sketch.risk(np.hstack([models, last]) / REACH)

    rng, model, kept = np.random.default_rng([seed, 0x5703]), np.zeros(size), np.zeros(size)
    for step in range(steps):
        model = model - rate * _slope(risks, model, directions, spread, rng)
        model *= min(1.0, longest / max(np.linalg.norm(model), 1e-12))
        kept += model * (2 * step >= steps)
    return kept / ((steps + 1) // 2)


def classified(
    sketch: StormSketch, *, steps: int, directions: int, spread: float, seed: int
) -> NDArray[np.float64]:
    """The direction of least risk; the mean of the later steps, of length 1."""
    rng = np.random.default_rng([seed, 0x5704])
    model, kept = np.zeros(sketch.dim), np.zeros(sketch.dim)
    for step in range(steps):
        slope = _slope(sketch.risk, model, directions, spread, rng)
        model = model - 0.5 * slope / max(np.linalg.norm(slope), 1e-12) / np.sqrt(1 + step)
        model /= max(1.0, np.linalg.norm(model))
        kept += model * (2 * step >= steps)
    return kept / max(np.linalg.norm(kept), 1e-12)


def _slope(
    risks, model: NDArray[np.float64], directions: int, spread: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Mean slope over Gaussian directions, each looked at both ways with the same numbers."""
    step = rng.standard_normal((directions, model.size))
    found = risks(np.vstack([model + spread * step, model - spread * step]))
    ahead, behind = found[:directions], found[directions:]
    return ((ahead - behind)[:, None] * step).mean(axis=0) / (2 * spread)
