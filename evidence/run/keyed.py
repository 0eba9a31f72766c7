"""Evidence: words counted within 64 MB, beside duckdb, polars and a pool of Counters."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from evidence import Evidence, measured
from evidence.run._words import counter_pool, peak, words, write_text
from thrifty.run import fold_by

SIZE, MEMORY, READING = 300_000_000, 64_000_000, 12_000_000
EVIDENCE = (
    Evidence(
        id="keyed-memory",
        says="300 MB of words by Zipf's law, 5.5 million distinct, are counted through 64 MB on "
        "two threads: by the kernel's count the peak resident memory grows by no more than these "
        "and 12 MB for the rows that each thread reads",
        against="VmHWM of a process that has counted 1 MB before, over 88 MB",
        at_most=1.0,
        cost="long",
    ),
    Evidence(
        id="keyed-speed",
        says="the same words are counted 1.3 times as fast as by a pool of two processes that "
        "merges Counters; duckdb and polars, in more memory, stand beside",
        against="collections.Counter of 8 pieces in 2 processes, wall time; every count in a "
        "process of its own",
        at_least=1.3,
        cost="long",
    ),
)


def by_thrifty(path: str) -> int:
    """Through 64 MB."""
    with fold_by(path, "word", {"n": "count"}, prepare=words, memory=MEMORY, threads=2) as found:
        return sum(table.num_rows for table in found.batches())


def by_counters(path: str) -> int:
    """A pool of two processes."""
    return counter_pool(Path(path))


def by_duckdb(path: str, limit: str = "") -> int:
    """SQL on two threads; a table that is not looked at further."""
    import duckdb

    base = duckdb.connect()
    base.execute("set threads = 2")
    if limit:
        base.execute(f"set memory_limit = '{limit}'")
        base.execute(f"set temp_directory = '{path}.tmp'")
    split = (
        f"select unnest(string_split(line, ' ')) as word from read_csv('{path}', header = false, "
    )
    split += "delim = '\\t', quote = '', columns = {'line': 'varchar'})"
    base.execute(f"create table counts as select word, count(*) as n from ({split}) group by word")
    return base.execute("select count(*) from counts").fetchall()[0][0]


def by_duckdb_in_memory(path: str) -> int:
    """SQL with a limit of 64 MB, which duckdb does not always keep to."""
    return by_duckdb(path, "64MB")


def by_polars(path: str) -> int:
    """The streaming engine on its own threads."""
    import polars as pl

    lines = pl.scan_csv(
        path, has_header=False, separator="\t", quote_char=None, new_columns=["line"]
    )
    split = lines.select(pl.col("line").str.split(" ").alias("word")).explode("word")
    return split.group_by("word").len().collect(engine="streaming").height


COUNTS: dict[str, Callable[[str], int]] = {
    "thrifty": by_thrifty, "a pool of Counters": by_counters, "duckdb": by_duckdb,
    "duckdb, limit 64 MB": by_duckdb_in_memory, "polars": by_polars,
}  # fmt: skip


def alone(name: str, path: str, small: str) -> dict[str, float]:
    """In this process: seconds, growth of the peak, and how many words, or what went wrong."""
    count = COUNTS[name]
    count(small)
    base, start = peak(), time.perf_counter()
    try:
        found = count(path)
    except Exception as error:
        return {"failed": str(error)[:200]}  # type: ignore[dict-item]
    seconds = time.perf_counter() - start
    return {"seconds": round(seconds, 1), "MB": round((peak() - base) / 1e6), "words": found}


def compared() -> dict[str, dict[str, Any]]:
    """Each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path, small = Path(folder, "words.txt"), Path(folder, "small.txt")
        write_text(path, SIZE)
        write_text(small, 1_000_000)
        found = {}
        for name in COUNTS:
            code = "import json, sys; from evidence.run.keyed import alone; "
            code += "print(json.dumps(alone(*sys.argv[1:])))"
            command = [sys.executable, "-c", code, name, str(path), str(small)]
            done = subprocess.run(command, stdout=-1, check=True, text=True).stdout
            found[name] = json.loads(done.splitlines()[-1])
            print(name, found[name])
    right = {what["words"] for what in found.values() if "words" in what}
    assert len(right) == 1, right
    return found


def main() -> int:
    """Measure both at once."""
    pa.set_cpu_count(2)
    found = compared()
    ours, pool = found["thrifty"], found["a pool of Counters"]
    held = [
        measured(EVIDENCE[0], lambda: (ours["MB"] * 1e6 / (MEMORY + 2 * READING), found)),
        measured(EVIDENCE[1], lambda: (pool["seconds"] / ours["seconds"], found)),
    ]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
