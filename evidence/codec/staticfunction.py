"""Evidence: keys to values near the entropy of the values, beside tables that keep the keys."""

import functools
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from evidence import Evidence, run
from evidence.codec._tables import (
    book_bytes,
    dict_bytes,
    marisa_bytes,
    sqlite_bytes,
    tables,
)
from evidence.timing import best
from thrifty.codec import StaticFunction

EVIDENCE = (
    Evidence(
        id="staticfunction-entropy",
        says="each of four tables (Zipf, 90 % of one value, counts of word pairs, each of a "
        "million keys, and ids of all words of the novels) takes at most 1.25 times the entropy "
        "of its values beside the distinct values; the worst of them",
        against="empirical entropy of the values",
        at_most=1.25,
        cost="long",
    ),
    Evidence(
        id="staticfunction-sqlite",
        says="each of these tables, distinct values included, is at most a fifth of that in SQLite",
        against="sqlite3, text primary key without row numbers, vacuumed",
        at_least=5.0,
        cost="long",
    ),
    Evidence(
        id="staticfunction-marisa",
        says="each of these tables is at most half of a trie of the keys with packed values",
        against="marisa_trie.Trie and an array of its ids' values in as many bits as the largest",
        at_least=2.0,
        cost="long",
    ),
    Evidence(
        id="staticfunction-dict",
        says="each of these tables is at most a thirtieth of a dict",
        against="Python dict with its keys and its distinct values",
        at_least=30.0,
        cost="long",
    ),
    Evidence(
        id="staticfunction-batch",
        says="a key of a million texts in an Arrow column is looked up in at most 100 ns, one core",
        against="CPU time of get(), best of five, Zipf",
        at_most=100.0,
        cost="long",
    ),
    Evidence(
        id="staticfunction-single",
        says="one key alone is looked up in at most the time of SQLite, one core",
        against="CPU time of 20,000 prepared selects over that of 20,000 lookups",
        at_least=1.0,
        cost="long",
    ),
    Evidence(
        id="staticfunction-build",
        says="a million texts with Zipf values are built on one thread in at most 5 CPU seconds",
        against="CPU time, best of three",
        at_most=5.0,
        cost="long",
    ),
)


@functools.cache
def built() -> dict[str, tuple[list[str], np.ndarray, StaticFunction]]:
    """Each table with its function, every key of which was asked."""
    made = {}
    for name, (keys, values) in tables().items():
        function = StaticFunction(pa.array(keys), values)
        assert (function.get(keys) == values).all()
        assert function.nbytes == StaticFunction.size(values)
        made[name] = (keys, values, function)
    return made


def measure_entropy() -> tuple[float, dict[str, Any]]:
    """The largest share; beside it bits a key, the entropy and the bits of the book."""
    ratios, beside = [], {}
    for name, (keys, _, function) in built().items():
        n, book = len(keys), book_bytes(function)
        bits = 8 * (function.nbytes - book) / n
        ratios.append(bits / function.entropy)
        facts = (n, bits, function.entropy, 8 * book / n, ratios[-1], function.sieve)
        names = ("keys", "bits", "entropy", "book bits", "ratio", "sieve")
        beside[name] = dict(zip(names, facts, strict=True))
    return max(ratios), beside


def _least(nbytes: Callable[[list[str], np.ndarray], int]) -> tuple[float, dict[str, Any]]:
    """The least ratio of a peer's bytes to ours."""
    beside, ratios = {}, []
    for name, (keys, values, function) in built().items():
        theirs = nbytes(keys, values)
        beside[name] = {"bytes": function.nbytes, "theirs": theirs}
        ratios.append(theirs / function.nbytes)
    return min(ratios), beside


def measure_marisa() -> tuple[float, dict[str, Any]]:
    """Beside the trie with packed values the bytes of the record trie."""
    records = {}

    def nbytes(keys: list[str], values: np.ndarray) -> int:
        ids, records[str(len(records))] = marisa_bytes(keys, values)
        return ids

    ratio, beside = _least(nbytes)
    for facts, found in zip(beside.values(), records.values(), strict=True):
        facts["record trie"] = found
    return ratio, beside


def measure_batch() -> tuple[float, dict[str, float]]:
    """Nanoseconds a key, in an order that is not that of building; beside it integer keys."""
    keys, values, function = built()["zipf"]
    column = pa.array(keys)
    n, whole = len(keys), np.random.default_rng(0).integers(0, 2**60, len(keys))
    of_ints = StaticFunction(whole, values)
    frequent = built()["90 % one value"][2]
    beside = {
        "int64 keys": 1e9 * best(lambda: of_ints.get(whole), 5) / n,
        "90 % one value": 1e9 * best(lambda: frequent.get(column), 5) / n,
    }
    return 1e9 * best(lambda: function.get(column), 5) / n, beside


def measure_single() -> tuple[float, dict[str, float]]:
    """SQLite's time over ours; beside it microseconds of all."""
    import marisa_trie

    keys, values, function = built()["zipf"]
    some, table = keys[:20_000], dict(zip(keys, values.tolist(), strict=True))
    base = sqlite3.connect(":memory:")
    base.execute("create table t (k text primary key, v integer) without rowid")
    base.executemany("insert into t values (?, ?)", zip(keys, values.tolist(), strict=True))
    trie, ask = marisa_trie.Trie(keys), "select v from t where k = ?"
    ways: dict[str, Callable[[], Any]] = {
        "thrifty": lambda: [function[key] for key in some],
        "sqlite": lambda: [base.execute(ask, (key,)).fetchone()[0] for key in some],
        "marisa trie and array": lambda: [values[trie[key]] for key in some],
        "dict": lambda: [table[key] for key in some],
    }
    found = {f"microseconds {name}": 1e6 * best(way, 3) / len(some) for name, way in ways.items()}
    return found["microseconds sqlite"] / found["microseconds thrifty"], found


def measure_build() -> tuple[float, dict[str, float]]:
    """CPU seconds on one thread; beside it wall seconds on one and on two."""
    keys, values, _ = built()["zipf"]
    column, beside = pa.array(keys), {}
    for threads in (1, 2):
        start = time.perf_counter()
        StaticFunction(column, values, threads=threads)
        beside[f"wall seconds, threads: {threads}"] = time.perf_counter() - start
    return best(lambda: StaticFunction(column, values, threads=1), 3), beside


def main() -> int:
    """Measure all."""
    measures = (
        measure_entropy, lambda: _least(sqlite_bytes), measure_marisa,
        lambda: _least(dict_bytes), measure_batch, measure_single, measure_build,
    )  # fmt: skip
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
