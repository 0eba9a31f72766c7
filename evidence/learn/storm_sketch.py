"""Evidence: linear models learnt from counters alone, beside least squares and samples."""

import numpy as np

from evidence import Evidence, run
from evidence.datasets import california
from evidence.sketch.privatesketch import census
from thrifty.learn import StormClassifier, StormRegressor, StormSketch

EVIDENCE = (
    Evidence(
        id="storm-sketch-risk",
        says="the risk of models is unbiased: over 300 seeds the mean is within 4 standard errors "
        "of the mean surrogate, the worst of 20 models of five lengths",
        against="the mean surrogate loss over the rows",
        at_most=4.0,
    ),
    Evidence(
        id="storm-sketch-california",
        says="a regression of California housing (8 columns) learnt from 2,000 arrays of 16 "
        "counters has at most 1.25 times the squared error of least squares, mean of five seeds",
        against="least squares on all 20,433 rows, which needs but 81 sums; a sample of 100 rows "
        "does as well: see beside",
        at_most=1.25,
        cost="long",
    ),
    Evidence(
        id="storm-sketch-adult",
        says="a classifier of adult incomes (5 columns) learnt from 1,000 arrays of 16 counters "
        "is at most 0.02 less accurate than logistic regression, mean of five seeds",
        against="scikit-learn's LogisticRegression on the same columns",
        at_most=0.02,
        cost="long",
    ),
)


def measure_risk() -> float:
    """Largest distance from the exact mean, in standard errors."""
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((500, 5))
    models = rng.standard_normal((20, 5))
    lengths = np.tile([0.1, 0.3, 0.5, 0.7, 0.9], 4)
    models *= (lengths / np.linalg.norm(models, axis=1))[:, None]
    short = rows / np.maximum(2.5, np.linalg.norm(rows, axis=1, keepdims=True))
    found = []
    for seed in range(300):
        sketch = StormSketch(5, radius=2.5, tables=60, seed=seed).add(rows)
        found.append(sketch.risk(models))
        exact = sketch.surrogate(models @ short.T).mean(axis=1)
    error = np.std(found, axis=0, ddof=1) / np.sqrt(300)
    return float((np.abs(np.mean(found, axis=0) - exact) / error).max())


def housing() -> tuple[np.ndarray, np.ndarray]:
    """Numeric columns without gaps, and the value."""
    split = california()
    names = [name for name in split.columns if name != "ocean_proximity"]
    rows = [[row[n] for n in (*names, split.target)] for row in split.train + split.valid]
    table = np.array([row for row in rows if None not in row], np.float64)
    return table[:, :-1], table[:, -1]


def error_of(x: np.ndarray, y: np.ndarray, some: np.ndarray) -> float:
    """Mean squared error on all rows of least squares on some."""
    wide = np.column_stack([x, np.ones(len(x))])
    coefficients = np.linalg.lstsq(wide[some], y[some], rcond=None)[0]
    return float(((y - wide @ coefficients) ** 2).mean())


def measure_california() -> tuple[float, dict[str, float]]:
    """Squared error over that of least squares; beside it other sizes and samples of rows."""
    x, y = housing()
    exact, beside = error_of(x, y, np.arange(len(x))), {}
    rng = np.random.default_rng(0)
    for tables in (500, 2000):
        models = [StormRegressor(tables, seed=seed).fit(x, y) for seed in range(5)]
        errors = [np.mean((y - model.predict(x)) ** 2) / exact for model in models]
        nbytes = models[0].sketch_.nbytes
        beside[f"{tables} tables"] = float(np.mean(errors))
        beside[f"{tables} tables, bytes"] = nbytes
        for kind, size in (("of the same bytes", nbytes // 72), ("of 100 rows", 100)):
            samples = [rng.choice(len(x), min(size, len(x)), replace=False) for _ in range(20)]
            ratio = np.mean([error_of(x, y, some) / exact for some in samples])
            beside[f"{tables} tables: a sample {kind}"] = float(ratio)
    return beside["2000 tables"], beside


def measure_adult() -> tuple[float, dict[str, float]]:
    """Accuracy below that of logistic regression."""
    from sklearn.linear_model import LogisticRegression

    x, y, queries, truth = census()
    exact = LogisticRegression(max_iter=1000).fit(x, y).score(queries, truth)
    models = [StormClassifier(1000, seed=seed).fit(x, y) for seed in range(5)]
    ours = float(np.mean([model.score(queries, truth) for model in models]))
    beside = {"logistic regression": exact, "STORM": ours, "bytes": models[0].sketch_.nbytes}
    return exact - ours, beside


def main() -> int:
    """Measure all three."""
    measures = (measure_risk, measure_california, measure_adult)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
