"""Tables of the static functions' evidence: texts of the novels as keys, and what peers weigh."""

import functools
import gzip
import itertools
import re
import sqlite3
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from evidence.datasets import data_folder

__all__ = ["book_bytes", "dict_bytes", "marisa_bytes", "pairs", "sqlite_bytes", "tables", "words"]

KEYS = 1_000_000


@functools.cache
def _counts() -> tuple[Counter, Counter]:
    """How often each word and each pair of neighbours comes in the novels."""
    singles: Counter[str] = Counter()
    couples: Counter[str] = Counter()
    for path in sorted((data_folder() / "text_novels").glob("*.txt.gz")):
        text = re.findall(r"[a-z']+", gzip.decompress(path.read_bytes()).decode().lower())
        singles.update(text)
        couples.update(map(" ".join, itertools.pairwise(text)))
    return singles, couples


def words() -> list[str]:
    """All words of the novels, the most frequent first."""
    return [word for word, _ in _counts()[0].most_common()]


def pairs() -> tuple[list[str], np.ndarray]:
    """The million most frequent pairs of neighbours in a mixed order, and how often they come."""
    found = _counts()[1].most_common(KEYS)
    order = np.random.default_rng(1).permutation(len(found))
    return [found[i][0] for i in order], np.array([found[i][1] for i in order])


def tables() -> dict[str, tuple[list[str], np.ndarray]]:
    """Keys and values by name: Zipf, 90 % of one value, counts of pairs, ids of words."""
    rng, (keys, counts) = np.random.default_rng(2), pairs()
    frequent = np.where(rng.random(len(keys)) < 0.9, 0, rng.integers(1, 256, len(keys)))
    vocabulary = words()
    return {
        "zipf": (keys, np.minimum(rng.zipf(1.5, len(keys)), 10**6)),
        "90 % one value": (keys, frequent),
        "pair counts": (keys, counts),
        "word ids": (vocabulary, np.arange(len(vocabulary))),
    }


def sqlite_bytes(keys: list[str], values: np.ndarray) -> int:
    """A table with the key as primary key and no row number, vacuumed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.sqlite"
        base = sqlite3.connect(path)
        base.execute("create table t (k text primary key, v integer) without rowid")
        base.executemany("insert into t values (?, ?)", zip(keys, values.tolist(), strict=True))
        base.commit()
        base.execute("vacuum")
        base.close()
        return path.stat().st_size


def marisa_bytes(keys: list[str], values: np.ndarray) -> tuple[int, int]:
    """The trie of the keys with an array of packed values beside it, and the record trie."""
    import marisa_trie

    width = max(1, int(values.max()).bit_length())
    ids = len(marisa_trie.Trie(keys).tobytes()) + -(-width * len(keys) // 8)
    records = zip(keys, ((value,) for value in values.tolist()), strict=True)
    return ids, len(marisa_trie.RecordTrie("<I", records).tobytes())


def dict_bytes(keys: list[str], values: np.ndarray) -> int:
    """A dict with its keys and its distinct values."""
    table = dict(zip(keys, values.tolist(), strict=True))
    distinct = set(table.values())
    return sys.getsizeof(table) + sum(map(sys.getsizeof, keys)) + sum(map(sys.getsizeof, distinct))


def book_bytes(made: Any) -> int:
    """Bytes of the distinct values and the lengths of their codewords."""
    held = made.arrays()
    return sum(held[name].nbytes for name in ("steps", "symbols", "ends") if name in held)
