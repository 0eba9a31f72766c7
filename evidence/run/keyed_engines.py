"""Evidence: keyed folds have the same bytes on every engine; overhead; a sketch a key."""

import json
import subprocess
import sys
import time
import warnings
from typing import Any

import numpy as np
import pyarrow as pa

from evidence import Evidence, measured
from evidence.run._words import peak
from evidence.run.fold import ENGINES
from thrifty.run import Keyed, _shuffle, fold_by
from thrifty.sketch import KLL, HyperLogLog

MEMORY, READING = 64_000_000, 12_000_000
EVIDENCE = (
    Evidence(
        id="keyed-engines",
        says="counts, sums of floats, lists, a HyperLogLog and a KLL for each of 500 keys, folded "
        "from 200,000 rows through 8 MB, have the same bytes from threads, Ray and Spark: the "
        "engines that differ are none",
        against="one thread; local clusters of two cores",
        at_most=0,
        cost="long",
    ),
    Evidence(
        id="keyed-partition",
        says="on a running local cluster of two cores, each of 64 partitions of 500 kB costs a "
        "keyed count on Ray and on Spark at most 0.5 s more than on threads",
        against="wall time over 64, less that of threads; the dearer engine, least of 2",
        at_most=500,
        cost="long",
    ),
    Evidence(
        id="keyed-summaries",
        says="a HyperLogLog for each of 40,000 keys of 300,000 rows is kept through 64 MB on two "
        "threads: by the kernel's count the peak resident memory grows by no more than these and "
        "12 MB for the rows that each thread reads",
        against="VmHWM of a process that has folded 2,000 rows before, over 88 MB",
        at_most=1.0,
        cost="long",
    ),
)


def bytes_of(found: Keyed) -> bytes:
    """The whole answer."""
    table = found.to_table().combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def table_of(rows: int, keys: int, seed: int = 2) -> pa.Table:
    """Rows of a key, a number and a float."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "k": rng.integers(0, keys, rows), "user": rng.integers(0, 5000, rows),
            "x": rng.normal(size=rows),
        }
    )  # fmt: skip


def measure_engines() -> tuple[float, dict[str, Any]]:
    """How many engines give other bytes than one thread."""
    into = {
        "n": "count", "sum": ("x", "sum"), "all": ("user", "list"),
        "users": ("user", HyperLogLog(10)), "parts": ("x", KLL(64)),
    }  # fmt: skip
    source = table_of(200_000, 500)
    first = bytes_of(fold_by(source, "k", into, memory="8 MB", threads=1))
    same, seconds = {}, {}
    for engine in ENGINES:
        start = time.perf_counter()
        same[engine] = bytes_of(fold_by(source, "k", into, memory="8 MB", engine=engine)) == first
        seconds[engine] = round(time.perf_counter() - start, 1)
    beside = {"seconds, start of the cluster included": seconds, "bytes": len(first)}
    return sum(not one for one in same.values()), beside


def measure_partition() -> tuple[float, dict[str, float]]:
    """Milliseconds a partition that the dearer engine adds."""
    batches = [pa.table({"k": np.arange(62_500) % 10}) for _ in range(64)]
    found = {}
    for engine in ENGINES:
        for count in (16, 64):
            walls = []
            for _ in range(2):
                start = time.perf_counter()
                fold_by(batches[:count], "k", {"n": "count"}, memory="8 MB", engine=engine)
                walls.append(time.perf_counter() - start)
            found[f"ms each, {engine}, {count} partitions"] = round(1000 * min(walls) / count, 2)
    here, *others = (found[f"ms each, {engine}, 64 partitions"] for engine in ENGINES)
    return max(others) - here, found


def measure_summaries() -> tuple[float, dict[str, Any]]:
    """Growth of the peak over what is said, in a process of its own."""
    code = "import json; from evidence.run.keyed_engines import alone; print(json.dumps(alone()))"
    done = subprocess.run([sys.executable, "-c", code], stdout=-1, check=True, text=True).stdout
    found = json.loads(done.splitlines()[-1])
    return found["MB"] * 1e6 / (MEMORY + 2 * READING), found


def alone() -> dict[str, float]:
    """In this process: seconds, growth of the peak, keys, bytes of all summaries."""
    how: dict[str, Any] = {"memory": MEMORY, "threads": 2}
    into = {"users": ("user", HyperLogLog(10))}
    source = table_of(300_000, 40_000)
    sum(map(len, fold_by(source[:2000], "k", into, **how).batches()))
    spilled: list[int] = []
    split = _shuffle._split
    _shuffle._split = lambda table, keys: spilled.append(table.nbytes) or split(table, keys)
    base, start, cpu = peak(), time.perf_counter(), time.process_time()
    with fold_by(source, "k", into, **how) as found:
        nbytes = sum(table["users"].nbytes for table in found.batches())
        keys = found.num_rows
    return {
        "MB": round((peak() - base) / 1e6, 1), "seconds": round(time.perf_counter() - start, 1),
        "CPU seconds": round(time.process_time() - cpu, 1), "keys": keys,
        "MB spilled": round(sum(spilled) / 1e6, 1), "runs": len(spilled),
        "MB of summaries in the end": round(nbytes / 1e6, 1),
    }  # fmt: skip


def main() -> int:
    """Measure all."""
    warnings.simplefilter("ignore")
    measures = (measure_engines, measure_partition, measure_summaries)
    held = [measured(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
