"""Evidence: how many values occur once, from a sample of distinct values; intervals; cost."""

import numpy as np

from evidence import Evidence, run
from evidence.sketch._streams import in_turns, zipf
from thrifty.sketch import DistinctSample

EVIDENCE = (
    Evidence(
        id="distinctsample-error",
        says="over 200 seeds on a Zipf stream (exponent 1.1, 300,000 values of 100,000 keys) the "
        "root mean square error of the number of keys that occur once, from 4,096 kept, is at most "
        "1.2 times 1 / sqrt(keys kept that occur once)",
        against="numpy.unique of the whole stream",
        at_most=1.2,
    ),
    Evidence(
        id="distinctsample-coverage",
        says="over the same seeds 95 % intervals of distinct keys and of keys that occur once hold "
        "the truth in 93 to 97 of 100 cases, or more",
        against="numpy.unique of the whole stream",
        at_least=0.93,
    ),
    Evidence(
        id="distinctsample-speed",
        says="a stream of 10 million integers is sampled in at most a fifth of the time that "
        "numpy.unique with counts takes, one core",
        against="numpy.unique(return_counts=True) of the same array",
        at_least=5.0,
    ),
)
SEEDS, SIZE = 200, 4096


def measure_seeds() -> tuple[float, float]:
    """Error over its formula, and the smaller share of intervals that hold the truth."""
    stream = zipf(300_000, 100_000, seed=1)
    _, counts = np.unique(stream, return_counts=True)
    once, distinct = int((counts == 1).sum()), counts.size
    samples = [DistinctSample(SIZE, seed=seed).add(stream) for seed in range(SEEDS)]
    found = [sample.occurring(1) for sample in samples]
    errors = np.array([interval.estimate / once - 1 for interval in found])
    formula = 1 / np.sqrt(SIZE * once / distinct)
    held = np.mean(
        [[once in a, distinct in s.distinct()] for a, s in zip(found, samples, strict=True)], axis=0
    )
    return float(np.sqrt((errors**2).mean()) / formula), float(held.min())


def measure_speed() -> tuple[float, dict[str, float]]:
    """NumPy's CPU time over ours."""
    stream = zipf()
    return in_turns(
        lambda: np.unique(stream, return_counts=True), lambda: DistinctSample(SIZE).add(stream)
    )


def main() -> int:
    """Measure all."""
    error, coverage = measure_seeds()
    held = [
        run(EVIDENCE[0], lambda: error),
        run(EVIDENCE[1], lambda: coverage),
        run(EVIDENCE[2], measure_speed),
    ]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
