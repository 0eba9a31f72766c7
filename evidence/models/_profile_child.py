"""One profile of one file in a process of its own: python -m evidence.models._profile_child ..."""

import json
import sys
import time


def thrifty(path: str) -> int:
    """Ours, two threads."""
    from thrifty.models import profile
    from thrifty.models.profile_facts import facts_of

    return facts_of(profile(path, memory="64 MB", threads=2))["rows"]


def duckdb(path: str) -> int:
    """SUMMARIZE, two threads."""
    import duckdb as db

    connection = db.connect(config={"threads": 2})
    found = connection.execute(f"SUMMARIZE SELECT * FROM '{path}'").fetchall()
    return int(found[0][10])


def ydata(path: str, rows: int) -> int:
    """A minimal report of the first rows."""
    import pandas as pd
    from ydata_profiling import ProfileReport

    if path.endswith("parquet"):
        import pyarrow.parquet

        frame = next(pyarrow.parquet.ParquetFile(path).iter_batches(rows)).to_pandas()
    else:
        frame = pd.read_csv(path, nrows=rows)
    ProfileReport(frame, minimal=True, progress_bar=False).to_json()
    return len(frame)


def scale(rows: int) -> dict[str, float]:
    """Ours on generated batches, after a first small run; seconds, state, resident bytes."""
    from evidence.models._events import narrow_events
    from thrifty.data import Column, Schema
    from thrifty.models.profile_plan import sizes_for
    from thrifty.models.profile_state import TableProfile
    from thrifty.run import fold

    schema = Schema(
        (Column("user", "number"), Column("city", "category"), Column("amount", "number"))
    )
    empty = TableProfile(schema, sizes_for("64 MB", ["number"] * 3, threads=2))
    fold(narrow_events(2_000_000), empty, columns=schema.names, threads=2)
    before, start, cpu = _status("VmRSS"), time.perf_counter(), time.process_time()
    found = fold(narrow_events(rows), empty, columns=schema.names, threads=2)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    user = found.columns["user"].distinct
    return {
        "rows": found.rows, "seconds": wall, "cpu seconds": cpu, "state bytes": found.nbytes,
        "resident before": before, "peak": _status("VmHWM"), "distinct": user.count(),
        "standard error": 1.04 / 2 ** (user.p / 2),
    }  # fmt: skip


def _status(name: str) -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


def main() -> None:
    """Run what is named and print one JSON object."""
    who, *rest = sys.argv[1:]
    if who == "scale":
        print(json.dumps(scale(int(rest[0]))))
        return
    start = time.perf_counter()
    rows = ydata(rest[0], int(rest[1])) if who == "ydata" else globals()[who](rest[0])
    print(
        json.dumps({"rows": rows, "seconds": time.perf_counter() - start, "peak": _status("VmHWM")})
    )


if __name__ == "__main__":
    main()
