"""Rows of a few hundred keys, and what is asked of them: the same bytes, whoever answers."""

import numpy as np
import pyarrow as pa

from thrifty.core import DataError
from thrifty.laws.fold import Journal
from thrifty.run import fold_by
from thrifty.sketch import KLL, CoMoments, HyperLogLog

MEMORY = 16 * 40_000  # partitions of about 40 kB: four of them, dozens of runs
BATCHES = [
    pa.table({"k": np.arange(i, i + 50) % 4, "v": np.arange(i, i + 50)}) for i in range(0, 400, 50)
]


def rows():
    """Batches of 150 rows with words, floats and numbers."""
    rng = np.random.default_rng(3)
    words = pa.array(f"w{i}" for i in rng.zipf(1.5, 1000) % 40)
    table = pa.table({"k": words, "x": rng.normal(size=1000), "n": rng.integers(0, 200, 1000)})
    wide = table.append_column("pad", pa.array(["x" * 120] * 1000))  # for many partitions
    return wide.to_batches(150)


def pairs(batch):
    """Two numbers of each row."""
    return np.column_stack([batch["x"].to_numpy(), batch["n"].to_numpy()])


def answers(source=None, **how):
    """Named aggregates in which the order of rows shows, and summaries in which that of merges."""
    into = {
        "n": "count", "sum": ("x", "sum"), "all": ("n", "list"), "some": ("n", "distinct"),
        "users": ("n", HyperLogLog(6)), "x": KLL(64), "pair": (pairs, CoMoments(2)),
        "seen": ("n", Journal),
    }  # fmt: skip
    return fold_by(rows() if source is None else source, "k", into, memory=MEMORY, **how)


def to_bytes(found):
    """The whole answer, and in what order it comes block by block."""
    sink = pa.BufferOutputStream()
    tables = [table.combine_chunks() for table in found.batches()]
    with pa.ipc.new_stream(sink, tables[0].schema) as stream:
        for table in [pa.concat_tables(tables).combine_chunks(), found.to_table()]:
            stream.write_table(table)
    return sink.getvalue().to_pybytes()


def journals(into, **how):
    """What each of four keys has seen, each partition some rows."""
    found = fold_by(BATCHES, "k", {"v": into}, memory=16 * 800, **how)
    return {key: one.arrays()["seen"].tolist() for key, one in found.summaries("v", sort=True)}


WANTED = {key: list(range(key, 400, 4)) for key in range(4)}


def fails(batch):
    """A row that cannot be used."""
    if 101 in batch["v"].to_pylist():
        raise DataError("101 is too many")
    return batch
