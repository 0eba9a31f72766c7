"""Evidence: a few designed runs and other tasks tell which number format to train in.

22 small tables (scikit-learn's, UCI's, generated), networks of 16 hidden units, 30 pairs of
formats: floats for weights, activations and gradients, floats for the state of the optimizer.
Each table in turn is the new task, the others are what was seen. The abstract gives no number:
it says that the frontier is found "with a limited number of network evaluations".
"""

import numpy as np

from evidence import Evidence, run
from evidence.learn._precisions import matrix
from thrifty.learn import PEPPP

EVIDENCE = (
    Evidence(
        id="peppp-runs",
        says="the frontier that PEPPP names after 4 runs of a new task is as near the true one as "
        "that of at least 3 times as many runs drawn at random (mean of 22 tables)",
        against="the frontier of what was run, 20 draws; the cheapest format counts as the worst "
        "error until one is run",
        at_least=3,
        cost="long",
    ),
    Evidence(
        id="peppp-design",
        says="at 4 runs the designed ones leave at most 0.9 of the distance from the true frontier "
        "that runs drawn at random leave with the same completion",
        against="20 draws of 4 runs, completed by the same model",
        at_most=0.9,
        cost="long",
    ),
    Evidence(
        id="peppp-memory",
        says="the formats picked for each budget of memory after 4 runs err at most half as much "
        "above the best as the format of most memory within the budget",
        against="nearest memory, which needs no run",
        at_most=0.5,
        cost="long",
    ),
)
RUNS, DRAWS, RANK = 4, 20, 2
MORE = (4, 6, 8, 10, 12, 14, 16, 20, 24)


def gap(costs: np.ndarray, true: np.ndarray, told: np.ndarray) -> float:
    """Mean distance of two frontiers over all budgets, in errors."""
    order = np.argsort(costs, kind="stable")
    one, two = (np.minimum.accumulate(errors[order]) for errors in (true, told))
    return float(np.abs(one - two).mean())


def regret(costs: np.ndarray, true: np.ndarray, told: np.ndarray) -> float:
    """How far what is picked within each budget is above the best within it, on average."""
    order = np.argsort(costs, kind="stable")
    told, true = told[order], true[order]
    picked = [true[told[: i + 1].argmin()] for i in range(len(true))]
    return float((picked - np.minimum.accumulate(true)).mean())


def compare() -> dict[str, float]:
    """Mean gaps and regrets of all ways."""
    _, errors, memory = matrix()
    found: dict[str, list[float]] = {}
    for held, (true, costs) in enumerate(zip(errors, memory, strict=True)):
        model = PEPPP(RANK).fit(np.delete(errors, held, axis=0))
        rng = np.random.default_rng(held)

        def put(name: str, value: float) -> None:
            found.setdefault(name, []).append(value)

        put("nearest memory, regret", regret(costs, true, -costs))
        for runs in (2, 3, RUNS, 6, 8):
            told = model.predict({int(j): true[j] for j in model.design(costs, runs)})
            put(f"PEPPP {runs}, gap", gap(costs, true, told))
            put(f"PEPPP {runs}, regret", regret(costs, true, told))
        for _ in range(DRAWS):
            for runs in MORE:
                ids = rng.permutation(len(true))[:runs]
                told = np.full(len(true), true.max())
                told[ids] = true[ids]
                put(f"random {runs}, gap", gap(costs, true, told))
            told = model.predict({int(j): true[j] for j in rng.permutation(len(true))[:RUNS]})
            put(f"random {RUNS} completed, gap", gap(costs, true, told))
    return {name: float(np.mean(values)) for name, values in found.items()}


FOUND: dict[str, float] = {}


def measure_runs() -> tuple[float, dict]:
    """The runs at random that come as near, over ours."""
    FOUND.update(compare())
    ours = FOUND[f"PEPPP {RUNS}, gap"]
    enough = [runs for runs in MORE if FOUND[f"random {runs}, gap"] <= ours]
    return (enough[0] if enough else MORE[-1]) / RUNS, {"means": FOUND}


def measure_design() -> float:
    """Our gap over that of random runs completed."""
    return FOUND[f"PEPPP {RUNS}, gap"] / FOUND[f"random {RUNS} completed, gap"]


def measure_memory() -> float:
    """Our regret over that of nearest memory."""
    return FOUND[f"PEPPP {RUNS}, regret"] / FOUND["nearest memory, regret"]


def main() -> int:
    """Measure all three; the later two read what the first measured."""
    measures = (measure_runs, measure_design, measure_memory)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
