"""Evidence: rows a second at SLIDE's scale, beside what memory and arithmetic allow.

135,909 sparse inputs (75 a row), hidden 128, 670,091 outputs, tiles of 256 with 512 uniform
negatives. The roofline of a tile adds three phases that must follow each other: reading its table
rows, the three products, and reading and writing back the rows that move; each phase takes its
bytes over the measured bandwidth of random rows, or its operations over the measured peak.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from evidence import Evidence, run
from evidence.learn._curve import TILE, learner, path_of, warm
from evidence.learn._synthetic import AMAZON, Rows
from thrifty.learn.rows import kernel, prefetch
from thrifty.learn.tile import Scratch, cut
from thrifty.learn.worker import Worker

ROWS, NEGATIVES, HIDDEN, ROUNDS = 100_000, 512, 128, 3

EVIDENCE = (
    Evidence(
        id="slide-rate",
        says="at 670,091 outputs one core trains on at least 20,000 rows a second of CPU time",
        against="the prototype's 13,000",
        at_least=20_000,
        cost="long",
    ),
    Evidence(
        id="slide-roofline",
        says="at 670,091 outputs one core trains on at least half the rows a second that measured "
        "bandwidth and measured peak allow, the phases of a tile one after the other",
        against="bytes over the bandwidth of random rows of 512 bytes, operations over sgemm's",
        at_least=0.5,
        cost="long",
    ),
)


@cache
def train() -> Rows:
    """The rows."""
    return AMAZON.rows(ROWS, 0)


@cache
def rate() -> float:
    """Rows a second of CPU time, the best of several passes over the rows."""
    wide = learner(AMAZON, train()[1], num_negatives=NEGATIVES)
    warm(wide)
    worker, times = Worker(wide), []
    with ThreadPoolExecutor(1) as pool:
        for _ in range(ROUNDS):
            start = time.process_time()
            worker.run(pool, ((t, 0.1, (n,)) for n, t in enumerate(cut(*train(), TILE))))
            times.append(time.process_time() - start)
    return ROWS / min(times)


@kernel
def read_rows(table, ids):
    """The sum of some rows; what is read, not what is added, takes the time."""
    total = np.float32(0.0)
    for i in range(ids.size):
        prefetch(table, ids[min(i + 8, ids.size - 1)])
        row = table[ids[i]]
        for k in range(row.size):
            total += row[k]
    return total


@kernel
def write_rows(table, ids):
    """Scale some rows in place."""
    for i in range(ids.size):
        prefetch(table, ids[min(i + 8, ids.size - 1)])
        row = table[ids[i]]
        for k in range(row.size):
            row[k] *= np.float32(1.0001)


def least(call: Callable[[], Any]) -> float:
    """Least CPU seconds of ten calls, after one that is not counted."""
    call()
    times = []
    for _ in range(10):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def machine() -> dict[str, float]:
    """Bytes a second that random table rows are read and rewritten with; operations a second."""
    rng = np.random.default_rng(0)
    table = rng.standard_normal((AMAZON.columns, HIDDEN), np.float32)
    ids = rng.permutation(AMAZON.columns).astype(np.int32)
    square = rng.standard_normal((2048, 2048), np.float32)
    return {
        "bytes read a second": table.nbytes / least(lambda: read_rows(table, ids)),
        "bytes rewritten a second": table.nbytes / least(lambda: write_rows(table, ids)),
        "operations a second": 2 * 2048**3 / least(lambda: square @ square),
    }


def work() -> dict[str, float]:
    """What a tile must read, rewrite and compute, the mean of the first 50."""
    path = path_of(learner(AMAZON, train()[1], num_negatives=NEGATIVES))
    scratch, sizes = Scratch(), []
    for number, tile in zip(range(50), cut(*train(), TILE), strict=False):
        columns = scratch.group(tile).columns.size
        hidden = np.zeros((TILE, HIDDEN), np.float32)
        outputs = path.active(tile, hidden, np.random.default_rng(number)).size
        products = 6 * TILE * outputs * HIDDEN + 4 * tile.codes.size * HIDDEN
        sizes.append((4 * HIDDEN * (columns + outputs), 8 * tile.codes.size, products))
    rows, entries, products = np.mean(sizes, axis=0)
    return {"bytes of rows": rows, "bytes of entries": entries, "operations": products}


def measure_rate() -> tuple[float, dict[str, float]]:
    """Rows a second of one core."""
    return rate(), {"CPU milliseconds a tile": 1000 * TILE / rate()}


def measure_roofline() -> tuple[float, dict[str, Any]]:
    """Seconds the roofline needs for a tile over the seconds taken."""
    can, needs = machine(), work()
    phases = {
        "read": (needs["bytes of rows"] + needs["bytes of entries"]) / can["bytes read a second"],
        "rewrite": needs["bytes of rows"] / can["bytes rewritten a second"],
        "multiply": needs["operations"] / can["operations a second"],
    }
    memory = phases["read"] + phases["rewrite"]
    beside = {**can, **{f"{name} a tile": value for name, value in needs.items()}}
    beside |= {f"seconds to {name}": value for name, value in phases.items()}
    beside["share of the roofline if memory and products overlapped"] = (
        max(memory, phases["multiply"]) * rate() / TILE
    )
    return sum(phases.values()) * rate() / TILE, {**beside, "rows a second": rate()}


def main() -> int:
    """Measure both."""
    with threadpool_limits(1):
        measures = (measure_rate, measure_roofline)
        held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
