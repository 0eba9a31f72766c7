"""Kernel student: a sum of collision kernels at learnt points, trained on what a teacher says."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["Student", "mixed", "trained"]

ROOT = float(np.sqrt(2 / np.pi))
BATCH, DECAY, SPREAD = 256, (0.9, 0.999), 1e-8
Floats = NDArray[np.float32]


class Student(NamedTuple):
    """f(q) = sum_j weights[j] * k(|q @ projection - anchors[j]|), k the chance of one code.

    Args:
        projection: (d, e) float32.
        anchors: (m, e) float32.
        weights: (m, c) float32.
    """

    projection: Floats
    anchors: Floats
    weights: Floats

    def kernel(self, x: Floats, hashes: int) -> Floats:
        """(n, m) kernels of slices of width 1."""
        return _kernel(_distances(x @ self.projection, self.anchors), hashes)[0]


def mixed(x: Floats, rows: int, rng: np.random.Generator) -> Floats:
    """The rows, and mixtures of two of them until there are so many."""
    more = max(0, rows - len(x))
    pairs = rng.integers(0, len(x), (2, more))
    share = rng.random((more, 1), np.float32)
    return np.concatenate([x, share * x[pairs[0]] + (1 - share) * x[pairs[1]]])


def _distances(points: Floats, anchors: Floats) -> Floats:
    squares = (points**2).sum(axis=1)[:, None] + (anchors**2).sum(axis=1)
    return np.sqrt(np.maximum(squares - 2 * points @ anchors.T, 1e-6))


def _kernel(far: Floats, hashes: int) -> tuple[Floats, Floats]:
    """Kernel and its slope by distance, of slices of width 1."""
    missed = -np.expm1(-0.5 / far**2) * np.float32(ROOT)
    one = np.clip(1 - 2 * ndtr(-1 / far) - missed * far, 1e-9, 1)
    return one**hashes, -hashes * one ** (hashes - 1) * missed


def _fitted(kernels: Floats, y: Floats, ridge: float) -> Floats:
    """Weights of least squares, held small."""
    wide = kernels.astype(np.float64)
    gram = wide.T @ wide
    gram[np.diag_indices_from(gram)] += ridge * len(wide)
    return np.linalg.solve(gram, wide.T @ y).astype(np.float32)


def _slopes(student: Student, x: Floats, y: Floats, hashes: int) -> tuple[Any, Any, Any]:
    """Gradient of half the mean squared error by projection, anchors and weights."""
    points = x @ student.projection
    far = _distances(points, student.anchors)
    kernels, slopes = _kernel(far, hashes)
    error = (kernels @ student.weights - y) / len(x)
    pull = (error @ student.weights.T) * slopes / far
    by_points = pull.sum(axis=1)[:, None] * points - pull @ student.anchors
    by_anchors = pull.sum(axis=0)[:, None] * student.anchors - pull.T @ points
    return x.T @ by_points, by_anchors, kernels.T @ error


def _first(x: Floats, y: Floats, shape: tuple[int, int], hashes: int, rng: np.random.Generator,
           ridge: float) -> Student:  # fmt: skip
    """Directions that tell outputs apart and random ones, anchors at rows, fitted weights."""
    anchors, dim = shape
    told = np.linalg.svd(x.T @ y / len(x), full_matrices=False)[0][:, : dim // 2]
    free = rng.standard_normal((x.shape[1], dim - told.shape[1]))
    projection = np.linalg.qr(np.hstack([told, free]))[0].astype(np.float32)
    chosen = x[rng.choice(len(x), anchors, replace=len(x) < anchors)]
    points = chosen @ projection
    some = points[rng.integers(0, anchors, 500)] - points[rng.integers(0, anchors, 500)]
    projection /= np.float32(max(float(np.median(np.linalg.norm(some, axis=1))), 1e-6))
    start = Student(projection, chosen @ projection, np.zeros((anchors, y.shape[1]), np.float32))
    part = slice(0, 4000)
    return start._replace(weights=_fitted(start.kernel(x[part], hashes), y[part], ridge))


def trained(
    x: Floats,
    y: Floats,
    *,
    shape: tuple[int, int],
    hashes: int,
    epochs: int,
    rate: float,
    ridge: float,
    rng: np.random.Generator,
) -> Student:
    """A student of a teacher's outputs, by Adam and least squares for the weights at the end.

    Args:
        x: (n, d) float32, of one scale. y: (n, c) float32, of one scale.
        shape: anchors, and columns of the projection.
        hashes: in a code.
        epochs, rate: of Adam.
        ridge: added to the mean square of every kernel, which holds weights small.
        rng: of the start and of batches.
    """
    student = _first(x, y, shape, hashes, rng, ridge)
    parts = [part.astype(np.float32) for part in student]
    means, squares = ([np.zeros_like(part) for part in parts] for _ in range(2))
    step, last = 0, max(1, epochs * -(-len(x) // BATCH))
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH):
            chosen, step = order[start : start + BATCH], step + 1
            slopes = _slopes(Student(*parts), x[chosen], y[chosen], hashes)
            pace = np.float32(rate * (1 - step / (last + 1)))
            for part, slope, mean, square in zip(parts, slopes, means, squares, strict=True):
                mean += (1 - DECAY[0]) * (slope - mean)
                square += (1 - DECAY[1]) * (slope**2 - square)
                tall = np.sqrt(square / (1 - DECAY[1] ** step)) + SPREAD
                part -= pace * mean / (1 - DECAY[0] ** step) / tall
    done = Student(*parts)
    part = rng.permutation(len(x))[:20_000]
    return done._replace(weights=_fitted(done.kernel(x[part], hashes), y[part], ridge))
