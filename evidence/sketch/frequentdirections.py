"""Evidence: frequent directions keep their bound, lose little beside the best, and are fast."""

import numpy as np

from evidence import Evidence, run
from evidence.sketch._streams import in_turns
from thrifty.sketch import FrequentDirections

EVIDENCE = (
    Evidence(
        id="frequentdirections-bound",
        says="of 120 matrices of 400 x 40 with flat to steep spectra, in 10 or 20 rows, whole and "
        "in 8 parts merged, the error of the Gram matrix is never below 0 or above the bound, but "
        "for rounding, nor the bound above |A|_F**2 / (ell + 1) (the worst ratio of either)",
        against="numpy A.T @ A and its largest eigenvalue",
        at_most=1.0 + 1e-9,
    ),
    Evidence(
        id="frequentdirections-subspace",
        says="the 10 directions of 20 rows, of 100 matrices of 1,000 x 60 with spectra of 0.9**j, "
        "lose at most 1.05 times the squared length that the best 10 lose (mean)",
        against="numpy.linalg.svd",
        at_most=1.05,
    ),
    Evidence(
        id="frequentdirections-speed",
        says="50,000 rows of 512 columns go into 32 rows at least 3 times as fast as their "
        "singular values and vectors are found, one thread",
        against="numpy.linalg.svd(a, full_matrices=False), OPENBLAS_NUM_THREADS=1",
        at_least=3.0,
        cost="long",
    ),
)


def matrix(seed: int, n: int, d: int, decay: float) -> np.ndarray:
    """Normal rows of falling variances, turned at random."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return rng.normal(size=(n, d)) * decay ** np.arange(d) @ turn


def sketched(a: np.ndarray, ell: int, parts: int) -> FrequentDirections:
    """The rows in a sketch, from so many parts."""
    whole = FrequentDirections(a.shape[1], ell)
    for part in np.array_split(a, parts):
        whole.absorb(FrequentDirections(a.shape[1], ell).add(part))
    return whole


def measure_bound() -> tuple[float, dict[str, float]]:
    """Worst of error over bound, and of bound over formula; infinite if an error is negative."""
    ratios, promised = [], []
    for seed in range(120):
        a = matrix(seed, 400, 40, (1.0, 0.95, 0.8, 0.5)[seed % 4])
        sketch = sketched(a, 10 + 10 * (seed % 2), 1 + 7 * (seed % 3 == 0))
        ends = np.linalg.eigvalsh(a.T @ a - sketch.rows.T @ sketch.rows)
        slack = 1e-14 * sketch.energy
        error = np.inf if ends.min() < -slack else ends.max()
        ratios.append(error / (sketch.error_bound() + slack))
        promised.append(sketch.error_bound() * (sketch.ell + 1) / (a**2).sum())
    worst = float(max(ratios)), float(max(promised))
    return max(worst), {"error over bound": worst[0], "bound over formula": worst[1]}


def measure_subspace() -> float:
    """Mean ratio of what is left over beside ten directions, ours over the best."""
    ratios = []
    for seed in range(100):
        a = matrix(seed, 1000, 60, 0.9)
        _, found = FrequentDirections(60, 20).add(a).directions(10)
        best = (np.linalg.svd(a, compute_uv=False)[10:] ** 2).sum()
        ratios.append(((a - a @ found.T @ found) ** 2).sum() / best)
    return float(np.mean(ratios))


def measure_speed() -> tuple[float, dict[str, float]]:
    """CPU time of the decomposition over ours."""
    a = matrix(0, 50_000, 512, 0.98)
    return in_turns(
        lambda: np.linalg.svd(a, full_matrices=False), lambda: FrequentDirections(512, 32).add(a), 2
    )


def main() -> int:
    """Measure all three."""
    measures = (measure_bound, measure_subspace, measure_speed)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
