"""Evidence: where low-precision training ends does not depend on how many weights there are."""

import numpy as np

from evidence import Evidence, run
from thrifty.codec import FixedPoint, error_floor, quantize

EVIDENCE = (
    Evidence(
        id="bitsneeded-flat",
        says="from 10 to 100,000 weights the squared distance at which fixed-point descent with "
        "sparse gradients ends grows 1.5 times or less; a bound by the dimension 10,000 times",
        against="the distance at 10 weights",
        at_most=1.5,
    ),
    Evidence(
        id="bitsneeded-bound",
        says="that distance is below the dimension-free floor at every dimension",
        against="error_floor of the measured L1 norm of the gradients",
        at_most=1.0,
    ),
)
STEP, RATE, STEPS = 2.0**-5, 0.02, 10_000


def floor_of(d: int) -> tuple[float, float]:
    """Mean squared distance over 9,000 late steps of descent on |w - goal|**2 / 2, and its bound.

    The noise of a step is 1 or -1 on one weight, drawn with chances that fall as 1 / i**2.
    """
    rng = np.random.default_rng(d)
    chances = 1 / np.arange(1, d + 1) ** 2.0
    places = rng.choice(d, STEPS, p=chances / chances.sum())
    signs = rng.choice([-1.0, 1.0], STEPS)
    goal = np.zeros(d, np.float32)
    goal[:10] = 1
    w, form = goal.copy(), FixedPoint(12, 5, rounding="stochastic")
    distances, norms = [], []
    for step in range(STEPS):
        g = w - goal
        g[places[step]] += signs[step]
        norms.append(float(np.abs(g).sum()))
        w = quantize(w - np.float32(RATE) * g, form, seed=step)
        distances.append(float(np.square(w - goal).sum()))
    late = STEPS // 10
    bound = error_floor(l1_noise=np.mean(norms[late:]), step=STEP, l2_noise=1.0, rate=RATE)
    return float(np.mean(distances[late:])), bound


def measure() -> dict[int, tuple[float, float]]:
    """Distance and bound by the number of weights."""
    return {d: floor_of(d) for d in (10, 100, 1000, 10_000, 100_000)}


def main() -> int:
    """Measure both of one sweep."""
    found = measure()
    classical = {d: STEP**2 * d / 4 / (2 * RATE) for d in found}
    beside = {"distance, bound and d * step**2 / (8 * rate)": {
        str(d): (*pair, classical[d]) for d, pair in found.items()
    }}  # fmt: skip
    growth = found[100_000][0] / found[10][0]
    worst = max(distance / bound for distance, bound in found.values())
    held = [
        run(e, lambda value=value: (value, beside))
        for e, value in zip(EVIDENCE, (growth, worst), strict=True)
    ]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
