"""Evidence: a served index under load: every request is answered, memory stays where it is.

`python -m evidence.serve.load [SECONDS]` asks with wrk for 60 seconds, or those, at each number of
connections, on the machine that serves too.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evidence import Evidence, measured

CONNECTIONS = (8, 64, 256)
DOCUMENTS, WORDS, LENGTH, QUERIES = 20_000, 30_000, 60, 500
SETTINGS = (
    f"wrk on loopback, {', '.join(map(str, CONNECTIONS))} connections, 60 s each, searches of "
    f"three words in {DOCUMENTS:,} documents with snippets"
)
EVIDENCE = (
    Evidence(
        id="serve-errors",
        says=f"no request fails, is refused or times out: {SETTINGS}",
        against="requests sent; errors are answers but 200, and wrk's socket errors",
        at_most=0,
        cost="long",
    ),
    Evidence(
        id="serve-memory",
        says=f"resident memory is flat, at most 5 % above that after a warm-up: {SETTINGS}",
        against="resident memory after 10 s of the highest load",
        at_most=1.05,
        cost="long",
    ),
    Evidence(
        id="serve-throughput",
        says=f"one process answers 200 searches a second at 64 connections: {SETTINGS}",
        against="a fixed number; client and server share the cores",
        at_least=200,
        cost="long",
    ),
    Evidence(
        id="serve-latency",
        says=f"99 of 100 searches take at most 100 ms at 8 connections: {SETTINGS}",
        against="a fixed time; client and server share the cores",
        at_most=0.1,
        cost="long",
    ),
)
SCRIPT = """
local queries = {%s}
local at = 0
request = function()
  at = at %% #queries + 1
  return wrk.format("GET", "/v1/indexes/load/search?k=10&q=" .. queries[at])
end
"""
REST = 3  # seconds in which the server works off what wrk left behind
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


def corpus(folder: Path) -> list[str]:
    """Write documents of words by Zipf's law, and give queries of words that are neither rare."""
    rng = np.random.default_rng(7)
    chance = 1 / np.arange(1, WORDS + 1)
    drawn = rng.choice(WORDS, size=(DOCUMENTS, LENGTH), p=chance / chance.sum())
    texts = [" ".join(f"w{word}" for word in row) for row in drawn.tolist()]
    names = [str(number) for number in range(DOCUMENTS)]
    pq.write_table(pa.table({"id": names, "text": texts}), folder / "rows.parquet")
    asked = rng.integers(20, 5000, size=(QUERIES, 3))
    return ["+".join(f"w{word}" for word in row) for row in asked.tolist()]


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, int]]:
    """Run `thrifty serve` on an index; its process and port."""
    program = "import sys; from thrifty.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", program, "serve", f"load={folder / 'index'}", "--port", "0"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, text=True) as run,
    ):
        assert run.stdout is not None
        line = run.stdout.readline()
        try:
            yield run.pid, int(line.partition(" ")[0].rpartition(":")[2])
        finally:
            run.terminate()


def ask(port: int, script: Path, connections: int, seconds: int) -> dict[str, Any]:
    """One run of wrk: requests a second, times, errors."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    done = subprocess.run(
        [*words, "-s", str(script), f"http://127.0.0.1:{port}"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    time.sleep(REST)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", done)
    broken = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", done
    )
    found = re.search(r"(\d+) requests in", done)
    assert found, done
    return {
        "connections": connections, "seconds": seconds, "requests": int(found[1]),
        "requests_per_second": float(done.partition("Requests/sec:")[2].split()[0]),
        "p50_seconds": _time(done, "50%"), "p99_seconds": _time(done, "99%"),
        "errors": sum(int(one) for found in (failed, broken) if found for one in found.groups()),
    }  # fmt: skip


def resident(pid: int) -> int:
    """Bytes of a process in memory."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@cache
def load(seconds: int) -> dict[str, Any]:
    """Everything that is measured, once."""
    from thrifty.models import index_documents

    if shutil.which("wrk") is None:
        raise FileNotFoundError("wrk must be installed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        queries = corpus(folder)
        start = time.perf_counter()
        index_documents([str(folder / "rows.parquet")], folder / "index")
        built = time.perf_counter() - start
        script = folder / "ask.lua"
        script.write_text(SCRIPT % ", ".join(f'"{query}"' for query in queries))
        with served(folder) as (pid, port):
            ask(port, script, CONNECTIONS[-1], 10)
            before = resident(pid)
            runs = [
                {**ask(port, script, count, seconds), "resident": resident(pid)}
                for count in CONNECTIONS
            ]
        return {"runs": runs, "warm_resident": before, "build_seconds": round(built, 1)}


def main() -> int:
    """Measure and write the results."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    errors, memory, throughput, latency = EVIDENCE

    def value(pick: Any) -> Any:
        return lambda: (pick(load(seconds)), load(seconds))

    by_count = {count: at for at, count in enumerate(CONNECTIONS)}
    kept = [
        measured(errors, value(lambda told: sum(run["errors"] for run in told["runs"]))),
        measured(memory, value(
            lambda told: max(run["resident"] for run in told["runs"]) / told["warm_resident"]
        )),
        measured(throughput, value(
            lambda told: told["runs"][by_count[64]]["requests_per_second"]
        )),
        measured(latency, value(lambda told: told["runs"][by_count[8]]["p99_seconds"])),
    ]  # fmt: skip
    return 0 if all(kept) else 1


def _time(text: str, share: str) -> float:
    found = re.search(rf"^\s+{share}\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)
    assert found, text
    return float(found[1]) * UNITS[found[2]]


if __name__ == "__main__":
    raise SystemExit(main())
