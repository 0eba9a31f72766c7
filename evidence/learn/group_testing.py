"""Evidence: pools decoded by messages need a third of the tests, and miss no more of the sick."""

from collections.abc import Callable

import numpy as np

from evidence import Evidence, run
from thrifty.learn import decode_pools, pool_design, pool_posterior

PEOPLE, TRIALS, TPR, TNR = 400, 100, 0.95, 0.99

EVIDENCE = (
    Evidence(
        id="group-testing-missed",
        says="of 400 people of whom 2 % are positive, 130 pools of at most 24 (3.1 times fewer "
        "tests than people; true positive rate 0.95, true negative rate 0.99) miss at most 5 % of "
        "the positive, mean of 100 trials, cut at probability 0.5",
        against="individual tests miss 5 %; Dorfman, COMP and DD on the same people beside",
        at_most=0.05,
    ),
    Evidence(
        id="group-testing-false",
        says="of the negative among them, at most 0.2 % are called positive",
        against="individual tests call 1 % positive",
        at_most=0.002,
    ),
    Evidence(
        id="group-testing-exact",
        says="probabilities of 12 people in 8 pools of 4 are within 0.01 of the exact ones, mean "
        "of 200 trials",
        against="the sum over all 4,096 states",
        at_most=0.01,
    ),
)


def results_of(pools: np.ndarray, sick: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Results of noisy tests."""
    any_sick = (pools & sick).any(axis=1)
    return np.where(any_sick, rng.random(len(pools)) < TPR, rng.random(len(pools)) > TNR)


def messages(pools: np.ndarray, results: np.ndarray, prior: float) -> np.ndarray:
    """Positive at probability one half or more."""
    return decode_pools(pools, results, prior, tpr=TPR, tnr=TNR) >= 0.5


def comp(pools: np.ndarray, results: np.ndarray, prior: float) -> np.ndarray:
    """Positive unless in a negative pool."""
    return ~(pools & ~results[:, None]).any(axis=0)


def definite(pools: np.ndarray, results: np.ndarray, prior: float) -> np.ndarray:
    """Positive if the only one in a positive pool that no negative pool frees."""
    left = pools & comp(pools, results, prior)
    alone = results & (left.sum(axis=1) == 1)
    return (left & alone[:, None]).any(axis=0)


def rates(decode: Callable, prior: float, tests: int, size: int) -> tuple[float, float]:
    """Share of the positive that are missed, and of the negative that are called positive."""
    missed, called = [], []
    for seed in range(TRIALS):
        rng = np.random.default_rng(seed)
        sick = rng.random(PEOPLE) < prior
        pools = pool_design(PEOPLE, tests, pool_size=size, seed=seed % 10)
        found = decode(pools, results_of(pools, sick, rng), prior)
        missed += found[sick].tolist()
        called += found[~sick].tolist()
    return 1 - float(np.mean(missed)), float(np.mean(called))


def dorfman(prior: float, size: int) -> dict[str, float]:
    """Two stages: pools of a size, then everyone in a positive pool; rates and tests a person."""
    rng, missed, called, tests = np.random.default_rng(0), [], [], 0
    for _ in range(TRIALS):
        sick = rng.random(PEOPLE) < prior
        pools = np.repeat(np.eye(PEOPLE // size, dtype=bool), size, axis=1)
        suspect = np.repeat(results_of(pools, sick, rng), size)
        alone = results_of(np.eye(PEOPLE, dtype=bool), sick, rng)
        missed += (suspect & alone)[sick].tolist()
        called += (suspect & alone)[~sick].tolist()
        tests += len(pools) + int(suspect.sum())
    return {"missed": 1 - float(np.mean(missed)), "called": float(np.mean(called)),
            "tests a person": tests / TRIALS / PEOPLE}  # fmt: skip


def measure() -> dict[str, tuple[float, dict]]:
    """Both rates, with those of the baselines beside."""
    missed, called = rates(messages, 0.02, 130, 24)
    beside = {"tests a person": 130 / PEOPLE, "Dorfman, pools of 8": dorfman(0.02, 8)}
    for name, decode in (("COMP", comp), ("DD", definite)):
        beside[name] = dict(zip(("missed", "called"), rates(decode, 0.02, 130, 24), strict=True))
    few = rates(messages, 0.01, 80, 32)
    beside["at 1 % in 80 pools of 32"] = {"missed": few[0], "called": few[1]}
    return {"group-testing-missed": (missed, beside), "group-testing-false": (called, {})}


def measure_exact() -> float:
    """Mean difference of probabilities from the exact sum."""
    gaps, number = [], np.arange(2**12)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        pools = pool_design(12, 8, pool_size=4, seed=seed)
        results = results_of(pools, rng.random(12) < 0.1, rng)
        states = pool_posterior(pools, results, 0.1, tpr=TPR, tnr=TNR)
        exact = np.array([states[number >> i & 1 == 1].sum() for i in range(12)])
        gaps.append(np.abs(decode_pools(pools, results, 0.1, tpr=TPR, tnr=TNR) - exact).mean())
    return float(np.mean(gaps))


def main() -> int:
    """Measure all three."""
    found = measure()
    held = [run(e, lambda e=e: found[e.id]) for e in EVIDENCE[:2]]
    held.append(run(EVIDENCE[2], measure_exact))
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
