"""Evidence: HyperLogLog's error and intervals, and its speed beside Polars and datasketches."""

import os
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from evidence import Evidence, run
from evidence.sketch._streams import in_turns, texts
from thrifty.sketch import HyperLogLog

EVIDENCE = (
    Evidence(
        id="hyperloglog-error",
        says="the relative error over 400 seeds is that of the formula, 1.04 / sqrt(2**p), within "
        "a tenth: p of 10 and 12, 200,000 keys, the worse of both",
        against="the exact count",
        at_least=0.9,
        at_most=1.1,
    ),
    Evidence(
        id="hyperloglog-coverage",
        says="95 % intervals hold the truth in 93 to 97 of 100 cases: 500 seeds at each of p of 8, "
        "10 and 12 and n of 1, 4, 20 and 100 registers",
        against="the exact count",
        at_least=0.93,
        at_most=0.97,
    ),
    Evidence(
        id="hyperloglog-few",
        says="up to 4,096 keys, 2**14 / 4, the count is off by at most 3 over 200 seeds and takes "
        "at most 4 bytes a key",
        against="the exact count",
        at_most=3,
    ),
    Evidence(
        id="hyperloglog-many",
        says="10,000 sketches of p = 12 with 10 keys each take at most 450 bytes each, all of "
        "Python's objects counted, where 4,096 would be their registers",
        against="the memory that Python says was allocated",
        at_most=450,
    ),
    Evidence(
        id="hyperloglog-polars",
        says="10 million strings of mean 12 bytes are counted at least twice as fast as Polars' "
        "approx_n_unique does it, one core each",
        against="polars Series.approx_n_unique(), POLARS_MAX_THREADS=1, the Series made beforehand",
        at_least=2.0,
    ),
    Evidence(
        id="hyperloglog-datasketches",
        says="the same strings are counted at least 15 times as fast as datasketches does it, from "
        "a Python list made beforehand, timed on a tenth of them",
        against="datasketches hll_sketch(14).update in a loop",
        at_least=15.0,
    ),
    Evidence(
        id="hyperloglog-threads",
        says="two threads with a sketch each, merged, count 10 million strings in at most 1 / 1.8 "
        "of the wall time of one",
        against="one thread",
        at_least=1.8,
    ),
)


def measure_error() -> tuple[float, dict[str, float]]:
    """Root mean square of the relative error over its formula, the farther from 1 of two p."""
    keys, ratios = np.arange(200_000), {}
    for p in (10, 12):
        counts = np.array([HyperLogLog(p, seed=seed).add(keys).count() for seed in range(400)])
        off = counts / len(keys) - 1
        ratios[f"p {p}"] = float(np.sqrt((off**2).mean()) * 2 ** (p / 2) / 1.04)
        ratios[f"p {p} mean error"] = float(off.mean())
    return max(ratios["p 10"], ratios["p 12"], key=lambda ratio: abs(ratio - 1)), ratios


def measure_coverage() -> tuple[float, dict[str, float]]:
    """Share of all intervals that hold the truth, and that of each cell."""
    cells = {}
    for p in (8, 10, 12):
        for load in (1, 4, 20, 100):
            n = load << p
            keys = np.arange(n)
            held = [n in HyperLogLog(p, seed=seed).add(keys).interval() for seed in range(500)]
            cells[f"p {p} n {n}"] = float(np.mean(held))
    return float(np.mean(list(cells.values()))), cells


def measure_few() -> tuple[float, dict[str, float]]:
    """Largest distance from the exact count."""
    worst, share = 0.0, []
    for seed in range(200):
        for n in (10, 1000, 4096):
            sketch = HyperLogLog(14, seed=seed).add(np.arange(n))
            worst = max(worst, abs(sketch.count() - n), sketch.nbytes - 4 * n)
            share.append(n in sketch.interval())
    return worst, {"share of 95 % intervals that hold": float(np.mean(share))}


def measure_many() -> float:
    """Bytes a sketch."""
    batches = [np.arange(10 * i, 10 * i + 10) for i in range(10_000)]
    HyperLogLog(12).add(batches[0])
    tracemalloc.start()
    made = [HyperLogLog(12).add(batch) for batch in batches]
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return held / len(made)


def measure_polars() -> tuple[float, dict[str, float]]:
    """Polars' CPU time over ours."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars as pl

    column = texts()
    series = pl.Series(column)
    return in_turns(series.approx_n_unique, lambda: HyperLogLog().add(column), 9)


def measure_datasketches() -> tuple[float, dict[str, float]]:
    """Their CPU time over ours, from a list and from a column of the same strings."""
    import datasketches

    column = texts(1_000_000)
    listed = column.to_pylist()

    def theirs() -> None:
        sketch = datasketches.hll_sketch(14)
        for key in listed:
            sketch.update(key)

    return in_turns(theirs, lambda: HyperLogLog().add(column), 5)


def measure_threads() -> tuple[float, dict[str, float]]:
    """Wall time of one thread over that of two, the best of nine each."""
    column = texts()
    halves = [column.slice(0, len(column) // 2), column.slice(len(column) // 2)]
    whole = HyperLogLog().add(column)
    times: dict[int, list[float]] = {1: [], 2: []}
    with ThreadPoolExecutor(2) as pool:
        for _ in range(9):
            start = time.perf_counter()
            HyperLogLog().add(column)
            middle = time.perf_counter()
            one, two = pool.map(lambda half: HyperLogLog().add(half), halves)
            assert one.absorb(two) == whole
            times[1].append(middle - start)
            times[2].append(time.perf_counter() - middle)
    best = {threads: min(seconds) for threads, seconds in times.items()}
    return best[1] / best[2], {"seconds one": best[1], "seconds two": best[2]}


MEASURES = (
    measure_error,
    measure_coverage,
    measure_few,
    measure_many,
    measure_polars,
    measure_datasketches,
    measure_threads,
)


def main() -> int:
    """Measure all."""
    held = [run(e, m) for e, m in zip(EVIDENCE, MEASURES, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
