"""Evidence: a billion rows in 64 MB of state at a constant pace; 5 GB files beside DuckDB."""

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from evidence import Evidence, run
from evidence.models._events import USERS, write_csv, write_parquet

GENERATED = "generated rows of three columns (a user out of 100 million, a city, an amount)"
EVIDENCE = (
    Evidence(
        id="profile-state",
        says=f"profiling 1,000,000,000 {GENERATED} with --memory 64 MB raises the peak resident "
        "memory of the process by at most 64 MB over that after 2,000,000 rows, two threads",
        against="VmHWM less VmRSS as the kernel counts them",
        at_most=64.0,
        cost="long",
    ),
    Evidence(
        id="profile-pace",
        says=f"a row of 1,000,000,000 {GENERATED} takes at most 1.1 times as long as one of "
        "10,000,000, CPU time, generation included",
        against="the same process on fewer rows",
        at_most=1.1,
        cost="long",
    ),
    Evidence(
        id="profile-distinct",
        says="the number of distinct users among those rows is within 4 standard errors of the "
        "sketch (1.04 / 2**(p / 2))",
        against="the expected number of distinct users drawn, 100,000,000 * (1 - e**-10)",
        at_most=4.0,
        cost="long",
    ),
    Evidence(
        id="profile-csv-memory",
        says="profiling a 5 GB CSV file (seven columns) peaks at no more resident memory than "
        "DuckDB's SUMMARIZE of it, two threads each",
        against="duckdb SUMMARIZE SELECT * FROM file, two threads; VmHWM of each process",
        at_most=1.0,
        cost="long",
    ),
    Evidence(
        id="profile-csv-time",
        says="profiling that CSV file takes at most three times the time of DuckDB's SUMMARIZE, "
        "which gives no frequent values, twins, correlations or histograms",
        against="duckdb SUMMARIZE SELECT * FROM file, two threads; wall-clock of each process",
        at_most=3.0,
        cost="long",
    ),
    Evidence(
        id="profile-parquet-memory",
        says="profiling the same rows from Parquet (row groups of a million) peaks at no more "
        "resident memory than DuckDB's SUMMARIZE, two threads each",
        against="duckdb SUMMARIZE SELECT * FROM file, two threads; VmHWM of each process",
        at_most=1.0,
        cost="long",
    ),
)
ROWS_CSV = 62_000_000
BILLION, FEW = 1_000_000_000, 10_000_000
YDATA_ROWS = (1_000_000, 4_000_000, 16_000_000)


@cache
def scaled(rows: int) -> dict[str, Any]:
    """One run of so many rows."""
    return _child(sys.executable, "scale", str(rows))


@cache
def files_profiled() -> dict[str, dict[str, Any]]:
    """Every profiler on both files, one after the other; ydata-profiling on what it survives."""
    with tempfile.TemporaryDirectory() as folder:
        csv, parquet = Path(folder) / "events.csv", Path(folder) / "events.parquet"
        sizes = {"csv": write_csv(csv, ROWS_CSV), "parquet": write_parquet(parquet, ROWS_CSV)}
        found: dict[str, dict[str, Any]] = {}
        for kind, path in (("csv", csv), ("parquet", parquet)):
            found[kind] = {
                "file bytes": sizes[kind],
                "thrifty": _child(sys.executable, "thrifty", str(path)),
                "duckdb": _child(sys.executable, "duckdb", str(path)),
            }
        found["csv"]["ydata-profiling"] = _ydata(csv)
    return found


def _ydata(path: Path) -> dict[str, Any]:
    """The largest sample that ydata-profiling survives of those tried."""
    folder = os.environ.get("THRIFTY_PEERS")
    python = Path(folder or "") / "profile" / "bin" / "python"
    best: dict[str, Any] = {"rows": 0}
    for rows in YDATA_ROWS if folder and python.exists() else ():
        try:
            best = _child(str(python), "ydata", str(path), str(rows))
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return {**best, "does not survive": rows, "because": str(error)[-200:]}
    return best


def _child(python: str, *words: str) -> dict[str, Any]:
    command = [python, "-m", "evidence.models._profile_child", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    if done.returncode:
        raise RuntimeError(f"{words[0]} ended with status {done.returncode}: {done.stderr[-300:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure_state() -> tuple[float, dict[str, Any]]:
    """Megabytes over what two million rows took."""
    found = scaled(BILLION)
    return (found["peak"] - found["resident before"]) / 1e6, found


def measure_pace() -> tuple[float, dict[str, Any]]:
    """Time a row of many over that of few, with the curve."""
    curve = {n: 1e9 * scaled(n)["cpu seconds"] / n for n in (FEW, 10 * FEW, BILLION)}
    return curve[BILLION] / curve[FEW], {"nanoseconds a row": {str(n): x for n, x in curve.items()}}


def measure_distinct() -> tuple[float, dict[str, Any]]:
    """Standard errors from the truth."""
    found = scaled(BILLION)
    truth = USERS * (1 - (1 - 1 / USERS) ** BILLION)
    beside = {"estimate": found["distinct"], "truth": truth}
    return abs(found["distinct"] / truth - 1) / found["standard error"], beside


def measure_files(kind: str, what: str) -> tuple[float, dict[str, Any]]:
    """Ours over DuckDB's."""
    found = files_profiled()[kind]
    return found["thrifty"][what] / found["duckdb"][what], found


def main() -> int:
    """Measure all."""
    measures = (
        measure_state, measure_pace, measure_distinct,
        lambda: measure_files("csv", "peak"), lambda: measure_files("csv", "seconds"),
        lambda: measure_files("parquet", "peak"),
    )  # fmt: skip
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
