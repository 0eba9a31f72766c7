"""Evidence: reductions over segments beat the loop by far, and keep up with a sparse product."""

import math

import numpy as np
from scipy.sparse import csr_array

from evidence import Evidence, run
from evidence.timing import best
from thrifty.core.segments import segment_mean, segment_sum

EVIDENCE = (
    Evidence(
        id="segments-loop",
        says="means of 10,000 points of 16 float32 in 10,000 clusters are at least 126 times as "
        "fast as a loop over the clusters, one core",
        against="for c in range(k): x[labels == c].mean(axis=0), clusters without points skipped",
        at_least=126,
    ),
    Evidence(
        id="segments-product",
        says="sums of 1,000,000 rows of 16 float32 in 1,000 segments are at least twice as fast as "
        "the product with a one-hot matrix, building it included, one core",
        against="scipy csr_array((ones, (labels, arange(n)))) @ x, summed in float32",
        at_least=2.0,
    ),
    Evidence(
        id="segments-precision",
        says="the sum of 1,000,000 float32 values in one segment is off by at most one rounding of "
        "the float32 result (2**-24 of it)",
        against="math.fsum",
        at_most=2.0**-24,
    ),
)


def case(n: int, k: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal float32 rows and uniform labels."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, d), dtype=np.float32), rng.integers(0, k, n)


def loop(x: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Cluster means, one mask a cluster."""
    means = np.full((k, x.shape[1]), np.nan, np.float32)
    for c in range(k):
        mine = labels == c
        if mine.any():
            means[c] = x[mine].mean(axis=0)
    return means


def measure_loop() -> tuple[float, dict[str, float]]:
    """CPU time of the loop over ours; both give the same means."""
    x, labels = case(10_000, 10_000, 16)
    np.testing.assert_allclose(segment_mean(x, labels, 10_000), loop(x, labels, 10_000), atol=1e-6)
    theirs = best(lambda: loop(x, labels, 10_000), 3)
    ours = best(lambda: segment_mean(x, labels, 10_000), 50)
    return theirs / ours, {"seconds loop": theirs, "seconds thrifty": ours}


def measure_product() -> tuple[float, dict[str, float]]:
    """CPU time of the one-hot product over ours."""
    n, k = 1_000_000, 1_000
    x, labels = case(n, k, 16)

    def product() -> np.ndarray:
        one_hot = csr_array((np.ones(n, np.float32), (labels, np.arange(n))), shape=(k, n))
        return one_hot @ x

    np.testing.assert_allclose(segment_sum(x, labels, k), product(), atol=1e-2)
    theirs, ours = best(product, 7), best(lambda: segment_sum(x, labels, k), 7)
    return theirs / ours, {"seconds product": theirs, "seconds thrifty": ours}


def measure_precision() -> float:
    """Largest relative error over ten sums of a million uniform values."""
    rng = np.random.default_rng(1)
    x = rng.random((1_000_000, 10), dtype=np.float32)
    total = segment_sum(x, np.zeros(len(x), np.int64))[0].astype(np.float64)
    exact = np.array([math.fsum(column) for column in x.T])
    return float(np.abs(total / exact - 1).max())


def main() -> int:
    """Measure all three."""
    measures = (measure_loop, measure_product, measure_precision)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
