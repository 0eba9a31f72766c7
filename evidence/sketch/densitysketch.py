"""Evidence: densities and samples of mixtures, from a table that does not grow."""

import numpy as np

from evidence import Evidence, run
from evidence.timing import best
from thrifty.sketch import DensitySketch

EVIDENCE = (
    Evidence(
        id="densitysketch-l1",
        says="the density of a mixture of three Gaussians in two dimensions, from 1,000,000 rows "
        "in 1.5 MB, is off by at most 0.06 (integral of the absolute error)",
        against="the true density, on a grid of 200 by 200 points",
        at_most=0.06,
    ),
    Evidence(
        id="densitysketch-consistent",
        says="the integral of the absolute error falls with more rows: at 1,000,000 rows it is at "
        "most half of that at 10,000, with cells shrinking as n**(-1/4)",
        against="the same sketch at 10,000 rows",
        at_most=0.5,
    ),
    Evidence(
        id="densitysketch-classifier",
        says="a nearest-neighbour classifier trained on 20,000 drawn rows of two sketches is at "
        "most 0.01 less accurate than one trained on 20,000 of 1,000,000 rows of two moons",
        against="the same classifier on a sample of the rows",
        at_most=0.01,
    ),
)

MEANS = np.array([[0.0, 0.0], [3.0, 1.0], [-2.0, 3.0]])
SPREADS, SHARES = np.array([1.0, 0.5, 0.8]), np.array([0.5, 0.3, 0.2])


def mixture(rows: int, seed: int) -> np.ndarray:
    """Rows of the mixture."""
    rng = np.random.default_rng(seed)
    which = rng.choice(3, rows, p=SHARES)
    noise = rng.standard_normal((rows, 2), np.float32)
    return MEANS[which].astype("f4") + noise * SPREADS[which, None].astype("f4")


def l1(rows: int) -> tuple[float, DensitySketch, np.ndarray]:
    """Integral of the absolute error, the sketch and its rows."""
    x = mixture(rows, 1)
    width = 0.2 * (rows / 1e6) ** -0.25
    sketch = DensitySketch(2, width=width, grids=8, counters=32_768, seed=1).add(x)
    axis = np.linspace(-6, 7, 200)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    far = ((points[:, None] - MEANS) ** 2).sum(axis=2) / SPREADS**2
    exact = (SHARES * np.exp(-far / 2) / (2 * np.pi * SPREADS**2)).sum(axis=1)
    error = np.abs(sketch.density(points) - exact).sum() * (axis[1] - axis[0]) ** 2
    return float(error), sketch, x


def measure_l1() -> tuple[float, dict[str, float]]:
    """Integral of the absolute error; beside it bytes and speed."""
    error, sketch, x = l1(1_000_000)
    fresh = DensitySketch(2, width=sketch.width, grids=8, counters=32_768, seed=1)
    seconds = best(lambda: fresh.add(x[:200_000]), 2)
    beside = {"bytes": sketch.nbytes, "of rows": x.nbytes, "mass covered": sketch.covered}
    return error, {**beside, "rows a second": 200_000 / seconds}


def measure_consistency() -> tuple[float, dict[str, float]]:
    """Error at a million rows over that at ten thousand."""
    few, many = l1(10_000)[0], l1(1_000_000)[0]
    return many / few, {"at 10,000": few, "at 1,000,000": many}


def moons(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two half circles with noise."""
    rng = np.random.default_rng(seed)
    which, turn = rng.random(rows) < 0.5, np.pi * rng.random(rows)
    x = np.where(which, np.cos(turn), 1 - np.cos(turn))
    y = np.where(which, np.sin(turn), 0.5 - np.sin(turn))
    return np.column_stack([x, y]) + 0.2 * rng.standard_normal((rows, 2)), which


def measure_classifier() -> tuple[float, dict[str, float]]:
    """Accuracy lost by learning from drawn rows."""
    from sklearn.neighbors import KNeighborsClassifier

    x, y = moons(1_000_000, 1)
    queries, truth = moons(20_000, 2)
    options = {"width": 0.1, "counters": 8192, "seed": 1}
    sketches = [DensitySketch(2, **options).add(x[y == kind]) for kind in (False, True)]
    drawn = np.vstack([sketch.sample(10_000, seed=3) for sketch in sketches])
    kinds = np.repeat([False, True], 10_000)
    model = KNeighborsClassifier(25)
    ours = model.fit(drawn, kinds).score(queries, truth)
    sample = model.fit(x[:20_000], y[:20_000]).score(queries, truth)
    beside = {"drawn": ours, "sample": sample, "bytes": sum(s.nbytes for s in sketches)}
    return sample - ours, beside


def main() -> int:
    """Measure all three."""
    measures = (measure_l1, measure_consistency, measure_classifier)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
