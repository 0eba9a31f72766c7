"""Evidence: weighted samples are drawn by weight, and adjusted weights make fair sums."""

import numpy as np

from evidence import Evidence, run
from thrifty.sketch import WeightedReservoir

EVIDENCE = (
    Evidence(
        id="weightedreservoir-chances",
        says="the ordered pairs of 5,000 weighted samples of 2 of 8 rows have a chi-square within "
        "4 standard errors of that of drawing by weight without replacement",
        against="p_i * p_j / (1 - p_i), 55 degrees of freedom",
        at_most=4.0,
    ),
    Evidence(
        id="weightedreservoir-sums",
        says="over 500 streams of 2,000 rows of Pareto weights in 4 parts merged, the sum of the "
        "adjusted weights of 100 rows is off by at most 1 / sqrt(99) (root mean square, relative)",
        against="the sum of all weights; 0.1005",
        at_most=99**-0.5,
    ),
)


def measure_chances() -> float:
    """Distance of the chi-square from its mean, in standard errors."""
    weights = np.array([1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0])
    p = weights / weights.sum()
    counts = np.zeros((8, 8))
    for stream in range(5000):
        rows = WeightedReservoir(2, stream=stream).add(np.arange(8), weights).sample().to_numpy()
        counts[rows[0], rows[1]] += 1
    expected, away = 5000 * np.outer(p / (1 - p), p), ~np.eye(8, dtype=bool)
    statistic = ((counts - expected)[away] ** 2 / expected[away]).sum()
    return float(abs(statistic - 55) / np.sqrt(2 * 55))


def measure_sums() -> tuple[float, dict[str, float]]:
    """Root mean square of the relative error, and the mean, which should be near 0."""
    errors = []
    for seed in range(500):
        weights = np.random.default_rng(seed).pareto(1.2, 2000) + 0.01
        whole = WeightedReservoir(100)
        for i, rows in enumerate(np.array_split(np.arange(2000), 4)):
            whole.absorb(WeightedReservoir(100, stream=f"{seed}/{i}").add(rows, weights[rows]))
        errors.append(whole.adjusted().sum() / weights.sum() - 1)
    mean = float(np.mean(errors))
    return float(np.sqrt(np.mean(np.square(errors)))), {"mean": mean}


def main() -> int:
    """Measure both."""
    measures = (measure_chances, measure_sums)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
