"""Evidence: svmlight text is read with scikit-learn's bits, many times faster, in little memory."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_svmlight_file

from evidence import Evidence, run
from thrifty.data.svmlight import read_svmlight

ARRAYS = ("data", "indices", "indptr")
NBYTES = 200_000_000
ROUNDS = 3
# name: (significant digits of a value, 0 for the value 1; columns; mean numbers a row)
KINDS = {"6-digits": (6, 1_000_000, 100), "17-digits": (17, 1_000_000, 100), "ones": (0, 123, 14)}

EVIDENCE = (
    Evidence(
        id="svmlight-speed",
        says="one core reads a 200 MB file of values with 6 digits at least 15 times as fast",
        against="sklearn.datasets.load_svmlight_file, CPU seconds, interleaved, medians of 3",
        at_least=15,
        cost="long",
    ),
    Evidence(
        id="svmlight-speed-17-digits",
        says="one core reads a 200 MB file of values with 17 digits at least 15 times as fast",
        against="sklearn.datasets.load_svmlight_file, CPU seconds, interleaved, medians of 3",
        at_least=15,
        cost="long",
    ),
    Evidence(
        id="svmlight-speed-ones",
        says="one core reads a 200 MB file of short indices and ones at least 15 times as fast",
        against="sklearn.datasets.load_svmlight_file, CPU seconds, interleaved, medians of 3",
        at_least=15,
        cost="long",
    ),
    Evidence(
        id="svmlight-equal",
        says="not one bit differs in the numbers of three 200 MB files",
        against="sklearn.datasets.load_svmlight_file",
        at_most=0,
        cost="long",
    ),
    Evidence(
        id="svmlight-threads",
        says="two threads read 200 MB at least 1.5 times as fast as one, by the clock",
        against="read_svmlight(threads=1), interleaved, best of 5",
        at_least=1.5,
        cost="long",
    ),
    Evidence(
        id="svmlight-stream-memory",
        says="a 200 MB file streams through less than 64 MB beyond what the libraries hold",
        against="peak resident memory after a tiny file, recorded by the kernel (VmHWM)",
        at_most=64,
        cost="long",
    ),
)

STREAM = """
import sys
from thrifty.data.svmlight import iter_svmlight
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1e3
rows = sum(batch.num_rows for batch in iter_svmlight([b"1 2:3"]))
before = peak()
rows = sum(batch.num_rows for batch in iter_svmlight(sys.argv[1]))
print(peak() - before)
"""


def write(path: Path, digits: int, width: int, mean: int) -> None:
    """Write NBYTES of rows: 20 MB drawn from seed 0, ten times over."""
    rng, lines, size = np.random.default_rng(0), [], 0
    while size < NBYTES // 10:
        indices = np.unique(rng.integers(1, width, rng.poisson(mean) + 1)).tolist()
        values = rng.standard_normal(len(indices)).tolist() if digits else [1] * len(indices)
        row = " ".join(f"{i}:{x:.{digits or 1}g}" for i, x in zip(indices, values, strict=True))
        lines.append(f"{rng.integers(0, 2) * 2 - 1} {row}\n")
        size += len(lines[-1])
    path.write_bytes("".join(lines).encode() * 10)


def differing(path: Path) -> int:
    """How many numbers of the matrix and labels differ in any bit."""
    mine, theirs = read_svmlight(path), load_svmlight_file(path)
    pairs = [(mine[1], theirs[1]), *((getattr(mine[0], a), getattr(theirs[0], a)) for a in ARRAYS)]
    if any(len(a) != len(b) for a, b in pairs) or mine[0].shape != theirs[0].shape:
        return theirs[0].nnz
    return sum(int(np.count_nonzero(_bits(a) != _bits(b))) for a, b in pairs)


def _bits(x: NDArray[Any]) -> NDArray[Any]:
    """Floats as the integers of their bits."""
    return x.view(np.uint64) if x.dtype == np.float64 else x


def seconds(call: Callable[[], object], clock: Callable[[], float]) -> float:
    """How long one call takes."""
    start = clock()
    call()
    return clock() - start


def bandwidth() -> float:
    """Memory bytes read a second by one core summing 400 MB, best of 5."""
    words = np.ones(50_000_000)
    return words.nbytes / min(seconds(words.sum, time.process_time) for _ in range(5))


def speed(path: Path) -> tuple[float, dict[str, float]]:
    """CPU seconds of scikit-learn over ours, and what it means in bytes."""
    mine, theirs = [], []
    for _ in range(ROUNDS):
        mine += [seconds(lambda: read_svmlight(path), time.process_time) for _ in range(3)]
        theirs.append(seconds(lambda: load_svmlight_file(path), time.process_time))
    ours, peer = statistics.median(mine), statistics.median(theirs)
    size = path.stat().st_size
    beside = {"ours_s": ours, "peer_s": peer, "ours_GB_per_s": size / ours / 1e9}
    return peer / ours, {**beside, "memory_read_GB_per_s": bandwidth() / 1e9}


def threads(path: Path) -> tuple[float, dict[str, float]]:
    """Clock seconds of one thread over two."""
    pairs = [
        [seconds(lambda n=n: read_svmlight(path, threads=n), time.perf_counter) for n in (1, 2)]
        for _ in range(5)
    ]
    one, two = (min(column) for column in zip(*pairs, strict=True))
    return one / two, {"one_s": one, "two_s": two}


def stream_memory(path: Path) -> float:
    """MB by which the peak of a fresh process grows while the file streams by."""
    command = [sys.executable, "-c", STREAM, str(path)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def main() -> int:
    """Write the files once and measure everything on them; 0 if all holds."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {kind: Path(folder) / f"{kind}.svm" for kind in KINDS}
        for kind, path in paths.items():
            write(path, *KINDS[kind])
        first = paths["6-digits"]
        read_svmlight(first)
        measures = (
            *(lambda path=path: speed(path) for path in paths.values()),
            lambda: float(sum(differing(path) for path in paths.values())),
            lambda: threads(first),
            lambda: stream_memory(first),
        )
        held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
        return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
