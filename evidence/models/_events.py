"""Generated events: batches of any number, the same rows whoever asks, cheap to make."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from thrifty.hashing import mix64

__all__ = ["USERS", "events", "narrow_events", "write_csv", "write_parquet"]

USERS = 100_000_000
ROWS = 1 << 16
CITIES = pa.array(["Rome", "Paris", "Oslo", "Lima", "Cairo", "Quito", "Tokyo", "Delhi"])
NOTES = 50_000


def narrow_events(rows: int) -> Iterator[pa.RecordBatch]:
    """Rows of a user (one of 100 million), a city and an amount."""
    for start in range(0, rows, ROWS):
        words = mix64(np.arange(start, min(start + ROWS, rows), dtype=np.uint64), 1)
        users = (words % np.uint64(USERS)).view(np.int64)
        amounts = (words >> np.uint64(40)).astype(np.float64) ** 2 / 1e10
        cities = CITIES.take(pa.array((words >> np.uint64(61)).view(np.int64)))
        yield pa.RecordBatch.from_arrays(
            [pa.array(users), cities, pa.array(amounts)], names=["user", "city", "amount"]
        )


def events(rows: int) -> Iterator[pa.RecordBatch]:
    """Rows of seven columns: number, user, city, amount, quantity, day, note of six words."""
    rng = np.random.default_rng(0)
    vocabulary = np.array([f"w{i:04d}" for i in range(5_000)])
    notes = pa.array([" ".join(words) for words in vocabulary[rng.zipf(1.2, (NOTES, 6)) % 5_000]])
    first = np.datetime64("2020-01-01", "s")
    for start in range(0, rows, ROWS):
        n = min(ROWS, rows - start)
        number = np.arange(start, start + n)
        users = pc.binary_join_element_wise(
            "u", pc.cast(rng.integers(0, 10**7, n), pa.string()), ""
        )
        days = first + (number * 1000 // max(1, rows)) * np.timedelta64(86_400, "s")
        yield pa.RecordBatch.from_pydict(
            {
                "number": number, "user": users, "city": CITIES.take(rng.integers(0, 8, n)),
                "amount": np.round(rng.lognormal(3, 1, n), 2), "quantity": rng.integers(1, 20, n),
                "day": days, "note": notes.take(rng.integers(0, NOTES, n)),
            }
        )  # fmt: skip


def write_csv(path: Path, rows: int) -> int:
    """Write events as CSV; returns the bytes."""
    batches = events(rows)
    first = next(batches)
    with pyarrow.csv.CSVWriter(path, first.schema) as file:
        file.write(first)
        for batch in batches:
            file.write(batch)
    return path.stat().st_size


def write_parquet(path: Path, rows: int) -> int:
    """Write events as Parquet, a million rows a row group; returns the bytes."""
    batches = events(rows)
    first = next(batches)
    with pyarrow.parquet.ParquetWriter(path, first.schema) as file:
        group = [first]
        for batch in batches:
            group.append(batch)
            if len(group) == 16:
                file.write_table(pa.Table.from_batches(group))
                group = []
        if group:
            file.write_table(pa.Table.from_batches(group))
    return path.stat().st_size
