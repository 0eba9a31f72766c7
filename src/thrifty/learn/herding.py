"""Herding: rows that stand for all, chosen so that their mean features are those of all."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import in_range, method, one_of, whole
from thrifty.learn.atoms import Atoms, LinearSteps

__all__ = ["Herd", "fourier_features", "kernel_herding"]

Floats = NDArray[np.float64]
PAIRS = 2000  # rows whose distances give the bandwidth


class Herd(NamedTuple):
    """Rows chosen, and how far they are from all after each.

    Args:
        ids: (size,) int64 in the order they were chosen; a row may come twice.
        errors: (size,) float64, the distance of the mean features of the first t rows from the
            mean of all: the maximum mean discrepancy under the features' kernel.
        scans: how many choices looked at all rows.
    """

    ids: NDArray[np.int64]
    errors: Floats
    scans: int


def fourier_features(
    x: ArrayLike, num_features: int = 128, *, bandwidth: float | None = None, seed: int = 0
) -> NDArray[np.float32]:
    """Features whose products are near the Gaussian kernel exp(-|a - b|**2 / (2 * bandwidth**2)).

    Cosines and sines of random projections (Rahimi and Recht 2007); all rows have length 1.

    Args:
        x: (n, d) finite numbers.
        num_features: even, 2..65536.
        bandwidth: of the kernel, 1e-300..1e300; None for the median distance of some rows.
        seed: of the projections, 0..2**64 - 1.

    Returns:
        (n, num_features) float32.

    Raises:
        ValueError: x of another shape or not finite, or an argument out of range.

    Example:
        >>> x = np.random.default_rng(0).standard_normal((50, 3))
        >>> features = fourier_features(x, 4096, bandwidth=1.0)
        >>> exact = np.exp(-0.5 * ((x[:, None] - x) ** 2).sum(axis=2))
        >>> bool(abs(features @ features.T - exact).max() < 5 / 2048**0.5)
        True
    """
    rows = np.asarray(x, dtype=np.float64)
    if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
        raise ValueError(f"x must be (n, d) finite numbers, both above 0, got shape {rows.shape}")
    half = whole("num_features", num_features, 2, 65536) // 2
    if 2 * half != num_features:
        raise ValueError(f"num_features must be even, got {num_features!r}")
    rng = np.random.default_rng(whole("seed", seed, 0, 2**64 - 1))
    if bandwidth is not None:
        in_range("bandwidth", bandwidth, 1e-300, 1e300)
    scale = _median(rows, rng) if bandwidth is None else bandwidth
    waves = (rng.standard_normal((rows.shape[1], half)) / scale).astype(np.float32)
    phases = rows.astype(np.float32) @ waves
    both = np.concatenate([np.cos(phases), np.sin(phases)], axis=1)
    return np.multiply(both, half**-0.5, dtype=np.float32)


def _median(rows: Floats, rng: np.random.Generator) -> float:
    """The median distance of some pairs; 1 where they are the same."""
    left, right = rng.integers(0, len(rows), (2, PAIRS))
    gaps = np.sqrt(((rows[left] - rows[right]) ** 2).sum(axis=1))[left != right]
    return float(np.median(gaps)) if gaps.size and np.median(gaps) > 0 else 1.0


@method(
    source="Chen, Welling and Smola 2010, arXiv:1203.3472; choices by an index of lifted atoms: "
    "Xu, Song and Shrivastava 2021 (NeurIPS 34)",
    memory="13 * dim bytes a row of features with its index, 4 * dim without",
    time="a search at some effort a row chosen; a scan of all where that finds nothing",
    error="errors fall as 1 / t for features of finite width, random rows' as 1 / sqrt(t)",
    exact='kernel_herding(Atoms(features, search="scan"), size)',
    laws=("herding",),
    evidence=("herding",),
)
def kernel_herding(
    features: Atoms | ArrayLike, size: int, *, effort: float | None = None, search: str = "index"
) -> Herd:
    """Choose rows whose mean features are those of all rows, one after the other.

    The next row is the one of the largest product with what the rows chosen so far lack. That is
    the step of Frank and Wolfe on the squared distance of means, 1 / (t + 1) of the way.

    Args:
        features: (n, dim), such as of `fourier_features`; or `Atoms` of them.
        size: rows wanted, 1..10**9.
        effort: share of the index that a choice looks at first, 1e-6..1; None for 0.05.
        search: "index" or "scan", where features are rows.

    Returns:
        `Herd`: ids, errors, scans.

    Raises:
        ValueError: features of another shape or not finite, or an argument out of range.

    Example:
        >>> x = np.random.default_rng(0).standard_normal((3000, 2))
        >>> herd = kernel_herding(fourier_features(x), 100)
        >>> bool(herd.errors[-1] < 0.5 / np.sqrt(100))     # of random rows, about 1 / sqrt(100)
        True
    """
    whole("size", size, 1, 10**9)
    one_of("search", search, ("index", "scan"))
    atoms = features if isinstance(features, Atoms) else Atoms(features, search=search)
    steps, total = LinearSteps(atoms, effort), np.zeros(atoms.dim)
    ids, errors = np.empty(size, np.int64), np.empty(size)
    for turn in range(size):
        lack = atoms.mean * (turn + 1) - total
        point = total / turn if turn else atoms.mean
        ids[turn] = steps.at(point, -lack).id
        total += atoms.row(ids[turn])
        errors[turn] = np.sqrt(((total / (turn + 1) - atoms.mean) ** 2).sum())
    return Herd(ids, errors, steps.scans)
