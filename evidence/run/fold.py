"""Evidence: a fold has the same bytes on every engine, what a partition costs, and two threads."""

import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as papq

from evidence import Evidence, measured
from thrifty.core import Summary
from thrifty.laws.fold import Tally
from thrifty.run import Each, fold
from thrifty.sketch import CoMoments, FrequentDirections, HyperLogLog

ENGINES = ("threads", "ray", "spark")
EVIDENCE = (
    Evidence(
        id="fold-engines",
        says="a HyperLogLog, the co-moments and the frequent directions (20 columns in 12 rows) of "
        "2,000,000 rows in 16 Parquet row groups have the same bytes from threads, Ray and Spark: "
        "the engines that differ are none",
        against="one thread; local clusters of two cores",
        at_most=0,
        cost="long",
    ),
    Evidence(
        id="fold-partition",
        says="each of 256 partitions costs at most 1 ms on threads; what it costs on Ray and "
        "Spark, and where partitions are only 16, stands beside",
        against="wall time of folds of one small batch a partition, cluster running, least of 3",
        at_most=1.0,
        cost="long",
    ),
    Evidence(
        id="fold-two-threads",
        says="two threads fold a HyperLogLog of 64,000,000 keys in memory at least 1.8 times as "
        "fast as one",
        against="the same with threads=1, wall time, median of 5 interleaved rounds",
        at_least=1.8,
        cost="long",
    ),
)


def rows_file(folder: str) -> Path:
    """Two million rows of a key and two numbers, 16 row groups."""
    rng = np.random.default_rng(1)
    n = 2_000_000
    numbers = rng.normal(size=n)
    table = pa.table(
        {"key": rng.integers(0, 500_000, n), "x": numbers, "y": numbers + rng.normal(size=n)}
    )
    path = Path(folder, "rows.parquet")
    papq.write_table(table, path, row_group_size=n // 16)
    return path


def vectors(batch: pa.RecordBatch) -> np.ndarray:
    """The two numbers of each row."""
    return np.column_stack([batch["x"].to_numpy(), batch["y"].to_numpy()])


def waves(batch: pa.RecordBatch) -> np.ndarray:
    """Twenty numbers made of the two of each row."""
    both = vectors(batch)
    return np.hstack([both * (i + 1) % 7 / (i + 1) for i in range(10)])


def summaries() -> dict[str, Any]:
    """One of integers, and two of floats in which the order of sums and merges shows."""
    return {
        "key": HyperLogLog(), "pair": Each(vectors, CoMoments(2)),
        "directions": Each(waves, FrequentDirections(20, 12)),
    }  # fmt: skip


def bytes_of(found: dict[str, Summary]) -> bytes:
    """All of them."""
    return b"".join(one.to_bytes() for one in found.values())


def measure_engines() -> tuple[float, dict[str, Any]]:
    """How many engines give other bytes than one thread; beside it, what partitions did."""
    with tempfile.TemporaryDirectory() as folder:
        path = rows_file(folder)
        first = bytes_of(fold(path, summaries(), threads=1, partition="1 MB"))
        found = {}
        for engine in ENGINES:
            start = time.perf_counter()
            same = bytes_of(fold(path, summaries(), engine=engine, partition="1 MB")) == first
            found[engine] = same, round(time.perf_counter() - start, 2)
        other = bytes_of(fold(path, summaries(), partition="1 GB")) == first
    beside = {
        "seconds, start of the cluster included": {e: seconds for e, (_, seconds) in found.items()},
        "other partitions, other bytes (floats are rounded in another order)": not other,
    }
    return sum(not same for same, _ in found.values()), beside


def measure_partition() -> tuple[float, dict[str, float]]:
    """Milliseconds a partition."""
    batches = [np.arange(i, i + 100) for i in range(256)]
    found = {}
    for engine in ENGINES:
        fold(batches, Tally(), engine=engine, partition=1)
        for count in (16, 256):
            walls = []
            for _ in range(3):
                start = time.perf_counter()
                fold(batches[:count], Tally(), engine=engine, partition=1)
                walls.append(time.perf_counter() - start)
            found[f"ms each, {engine}, {count} partitions"] = round(1000 * min(walls) / count, 3)
    return found["ms each, threads, 256 partitions"], found


def measure_threads() -> tuple[float, dict[str, Any]]:
    """One thread's wall time over that of two, in a process where nothing else was started."""
    code = "from evidence.run.fold import two_threads; print(*two_threads())"
    done = subprocess.run([sys.executable, "-c", code], stdout=-1, check=True, text=True).stdout
    ratio, one = map(float, done.split())
    return ratio, {"million keys/s, one thread": round(one, 1)}


def two_threads() -> tuple[float, float]:
    """In this process: the ratio, and millions of keys a second of one thread."""
    keys = pa.table({"key": np.random.default_rng(0).integers(0, 2**60, 64_000_000)})
    walls: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(5):
        for threads, kept in walls.items():
            start = time.perf_counter()
            fold(keys, {"key": HyperLogLog()}, threads=threads)
            kept.append(time.perf_counter() - start)
    one, two = (float(np.median(kept)) for kept in walls.values())
    return one / two, 64 / one


def main() -> int:
    """Measure all."""
    warnings.simplefilter("ignore")
    measures = (measure_engines, measure_partition, measure_threads)
    held = [measured(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
