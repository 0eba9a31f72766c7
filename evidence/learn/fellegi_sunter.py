"""Evidence: shares of levels are recovered from unlabelled pairs, and probabilities are right."""

import numpy as np

from evidence import Evidence, run
from thrifty.learn import FellegiSunter

EVIDENCE = (
    Evidence(
        id="fellegi-sunter-shares",
        says="over 100 seeds of 20,000 pairs of five fields, 5 % of them matches, the fitted share "
        "of matches and every share of agreement is off by at most 0.02 on average",
        against="the shares among pairs whose truth is known",
        at_most=0.02,
    ),
)


def measure_shares() -> tuple[float, dict[str, float]]:
    """Largest mean absolute error over the share of matches and those of the fields."""
    errors = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        match = rng.random(20_000) < 0.05
        m, u = np.array([0.95, 0.9, 0.8, 0.7, 0.85]), np.array([0.01, 0.05, 0.1, 0.02, 0.2])
        levels = rng.random((20_000, 5)) < np.where(match[:, None], m, u)
        model = FellegiSunter([2] * 5).fit(levels)
        fitted = [x[1] for x in (*model.m_, *model.u_)]
        exact = [*levels[match].mean(axis=0), *levels[~match].mean(axis=0)]
        errors.append([abs(model.share_ - match.mean()), *np.abs(np.subtract(fitted, exact))])
    means = np.mean(errors, axis=0)
    return float(means.max()), {"error of the share of matches": float(means[0])}


def main() -> int:
    """Measure it."""
    return int(not run(EVIDENCE[0], measure_shares))


if __name__ == "__main__":
    raise SystemExit(main())
