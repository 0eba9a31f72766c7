"""Evidence: sorted rows come out as if shuffled, fast, within the memory that was named."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from evidence import Evidence, run
from thrifty.data import Mixer
from thrifty.data.gather import gather

EVIDENCE = (
    Evidence(
        id="mix-fairness",
        says="1,000,000 rows sorted by 1,000 classes, 20 times the memory, come in chunks of 2,000 "
        "whose class counts have a chi-square within 4 standard errors of a shuffled file's",
        against="the hypergeometric null: mean 999 * (N - n) / (N - 1) a chunk",
        at_most=4.0,
    ),
    Evidence(
        id="mix-speed",
        says="an epoch of encoded rows (100 codes and values each) from files costs no more CPU "
        "time than pyarrow's take of the same permutation with all rows in memory",
        against="pyarrow RecordBatch.take, chunks of 4,096 rows, one thread",
        at_least=1.0,
    ),
    Evidence(
        id="mix-memory",
        says="400 MB are mixed and read for an epoch through 20 MB; the peak resident memory, by "
        "the kernel's count, grows by no more than those 20 MB",
        against="VmHWM of a process that has mixed 2 MB before",
        at_most=1.0,
    ),
)


def encoded(n: int, seed: int) -> pa.RecordBatch:
    """Rows as the learner reads them: about 100 codes and values, 2 block lengths, a label."""
    rng = np.random.default_rng(seed)
    ends = np.append(0, np.cumsum(rng.integers(50, 150, n))).astype(np.int32)
    codes = rng.integers(0, 2**31 - 2, ends[-1], dtype=np.int32)
    columns = {
        "codes": lists(ends, codes),
        "values": lists(ends, rng.random(ends[-1], dtype=np.float32)),
        "blocks": lists(np.arange(0, 2 * n + 1, 2, dtype=np.int32), np.ones(2 * n, np.uint16)),
        "labels": lists(np.arange(n + 1, dtype=np.int32), rng.integers(0, 99, n, dtype=np.int32)),
    }
    return pa.RecordBatch.from_pydict(columns)


def lists(ends: np.ndarray, items: np.ndarray) -> pa.ListArray:
    """An Arrow list column."""
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(items))


def filled(memory: int, batches: Iterator[pa.RecordBatch], **how: Any) -> Mixer:
    """A finished mixer in a folder of its own."""
    mixer = Mixer(tempfile.mkdtemp(), memory=memory, **how)
    for batch in batches:
        mixer.add(batch)
    mixer.finish()
    return mixer


def sorted_rows(n: int, classes: int) -> Iterator[pa.RecordBatch]:
    """Rows of about 20 bytes, sorted by class."""
    labels = np.repeat(np.arange(classes, dtype=np.int32), n // classes)
    for start in range(0, n, 8192):
        some = labels[start : start + 8192]
        pad = lists(np.arange(0, 4 * len(some) + 1, 4, dtype=np.int32), np.zeros(4 * len(some)))
        yield pa.RecordBatch.from_pydict({"label": some, "pad": pad})


def chi_square(chunk: pa.RecordBatch, n: int, classes: int) -> tuple[float, float]:
    """The chunk's statistic over the classes, and its mean under the null."""
    counts = np.bincount(chunk["label"].to_numpy(), minlength=classes)
    mean = len(chunk) / classes
    return ((counts - mean) ** 2 / mean).sum(), (classes - 1) * (n - len(chunk)) / (n - 1)


def distance(memory: int, partitions: int | None) -> tuple[float, float]:
    """Standard errors from the null over three epochs, and statistic over its mean."""
    n, classes = 1_000_000, 1000
    mixer = filled(memory, sorted_rows(n, classes), partitions=partitions)
    chunks = (chunk for number in range(3) for chunk in mixer.epoch(number, chunk_rows=2000))
    found = np.array([chi_square(chunk, n, classes) for chunk in chunks])
    mixer.remove()
    error = np.sqrt(2 * (classes - 1) * len(found))
    return abs(found[:, 0].sum() - found[:, 1].sum()) / error, found[:, 0].sum() / found[:, 1].sum()


def measure_fairness() -> tuple[float, dict[str, float]]:
    """The worse of two memories; beside it, what partitions larger than memory would give."""
    small, wide = distance(2_000_000, 128)[0], distance(8_000_000, None)[0]
    too_few = distance(2_000_000, 8)[1]
    return max(small, wide), {"chi-square over its mean, partitions 7 times the memory": too_few}


def measure_speed() -> tuple[float, dict[str, float]]:
    """Pyarrow's CPU seconds over ours, and our rates."""
    batches = [encoded(8192, seed) for seed in range(40)]
    start = time.process_time()
    mixer = filled(40_000_000, iter(batches))
    adding = time.process_time() - start
    gather(batches[0], np.arange(9))
    ours = min(seconds_of_epoch(mixer, number) for number in range(3))
    whole = pa.concat_batches(batches)
    order = pa.array(np.random.default_rng(0).permutation(len(whole)))
    start = time.process_time()
    for first in range(0, len(whole), 4096):
        whole.take(order.slice(first, 4096))
    theirs = time.process_time() - start
    beside = {
        "rows/s added": len(whole) / adding, "MB/s added": mixer.nbytes / adding / 1e6,
        "rows/s of an epoch": len(whole) / ours, "MB/s of an epoch": mixer.nbytes / ours / 1e6,
    }  # fmt: skip
    mixer.remove()
    return theirs / ours, {name: round(value) for name, value in beside.items()}


def seconds_of_epoch(mixer: Mixer, number: int) -> float:
    """CPU seconds of one epoch."""
    start = time.process_time()
    assert sum(len(chunk) for chunk in mixer.epoch(number)) == mixer.num_rows
    return time.process_time() - start


def peak_over_memory() -> float:
    """In this process: growth of the peak over the memory named."""
    filled(2_000_000, (encoded(2000, seed) for seed in range(2))).remove()
    seconds_of_epoch(mixer := filled(2_000_000, iter([encoded(2000, 0)])), 0)
    mixer.remove()
    memory = 20_000_000
    base = peak()
    mixer = filled(memory, (encoded(2000, seed) for seed in range(250)))
    seconds_of_epoch(mixer, 0)
    mixer.remove()
    return (peak() - base) / memory


def peak() -> int:
    """Bytes at most resident (VmHWM: a child takes ru_maxrss over from who started it)."""
    return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


def measure_memory() -> float:
    """The same in a process of its own, whose peak nothing else has raised."""
    code = "from evidence.data.mix import peak_over_memory; print(peak_over_memory())"
    return float(subprocess.run([sys.executable, "-c", code], stdout=-1, check=True).stdout)


def main() -> int:
    """Measure all."""
    measures = (measure_fairness, measure_speed, measure_memory)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
