"""Words: a text whose words follow Zipf's law, of any size, and ways to count its words."""

import collections
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["counter_pool", "peak", "words", "write_text"]

PER_LINE = 12


def write_text(
    path: Path, nbytes: int, vocabulary: int = 20_000_000, exponent: float = 1.0
) -> None:
    """Write lines of twelve words; ranks are Zipf with this exponent, words their base-36 names."""
    rng = np.random.default_rng(9)
    with path.open("wb") as file:
        while file.tell() < nbytes:
            u = rng.random(600_000)
            ranks = np.minimum(vocabulary, np.exp(u * np.log(vocabulary + 1.0))).astype(np.int64)
            numbers = pa.array(ranks * 7919 % 99_999_989).cast("str")
            names = pc.binary_join_element_wise("w", numbers, "")
            lines = _grouped(names, np.arange(0, len(names) + 1, PER_LINE), " ")
            file.write(_grouped(lines, np.array([0, len(lines)]), "\n")[0].as_buffer())
            file.write(b"\n")


def _grouped(texts: pa.Array, ends: np.ndarray, between: str) -> pa.Array:
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(ends, pa.int32()), texts), between)


def words(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The words of lines, one a row."""
    found = pc.split_pattern(batch["text"], " ").flatten()
    return pa.RecordBatch.from_arrays([found], ["word"])


def peak() -> int:
    """Bytes at most resident (VmHWM: a child takes ru_maxrss over from who started it)."""
    return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


def _chunks(path: Path, count: int) -> Iterator[tuple[Path, int, int]]:
    size = path.stat().st_size
    for i in range(count):
        yield path, size * i // count, size * (i + 1) // count


def _counted(piece: tuple[Path, int, int]) -> collections.Counter[bytes]:
    path, start, stop = piece
    with path.open("rb") as file:
        file.seek(max(0, start - 1))
        if start:
            file.readline()
        found: collections.Counter[bytes] = collections.Counter()
        while file.tell() < stop and (line := file.readline()):
            found.update(line.split())
    return found


def counter_pool(path: Path, processes: int = 2) -> int:
    """Counters of pieces by a pool of processes, merged as they come: how many words there are."""
    total: collections.Counter[bytes] = collections.Counter()
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        for found in pool.map(_counted, _chunks(path, 4 * processes)):
            total.update(found)
    return len(total)
