"""Examples: small summaries of any kind with something in them, made by what the kind accepts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from thrifty.core import Summary
from thrifty.data import Column, Schema
from thrifty.hashing import SimHash
from thrifty.index import HammingIndex
from thrifty.learn.centre_tree import CentreTree
from thrifty.learn.class_counts import ClassCounts
from thrifty.learn.class_sketch import ClassSketch
from thrifty.learn.cluster_sums import ClusterSums
from thrifty.models.profile_column import ColumnProfile
from thrifty.models.profile_plan import sizes_for
from thrifty.models.profile_state import TableProfile
from thrifty.sketch import CountMin, HyperLogLog, Windows

__all__ = ["examples"]

TEXTS = ["be", "to", "or", None, "be", "not", "question", "be"]
ROWS = np.arange(36, dtype=np.float64).reshape(12, 3) % 7 - 2
CHANCES, EDGES = [0.1, 0.5, None, 0.9], [(0, 1), (1, 2), (0, 2)]
BATCHES: tuple[Any, ...] = (
    TEXTS, np.arange(40) % 23, ROWS, np.linspace(-2, 2, 30), CHANCES, EDGES,
)  # fmt: skip
DAYS = np.arange("2024-01-01", "2024-01-10", dtype="datetime64[D]")


def _windows() -> list[Summary]:
    few = Windows(HyperLogLog(4), keep=4).add(np.arange(9), DAYS)
    return [Windows(HyperLogLog(4)), Windows(HyperLogLog(4)).add(np.arange(9), DAYS), few]


def _weighed() -> list[Summary]:
    careful = CountMin(2, 16, conservative=True).add(TEXTS)
    return [CountMin(2, 16), CountMin(2, 16).add(TEXTS, np.arange(8)), careful]


def _centre_tree() -> list[Summary]:
    levels = [[[0.0, 0.0], [9.0, 9.0]], [[0.0, 1.0], [1.0, 0.0], [8.0, 9.0], [9.0, 8.0]]]
    return [CentreTree(levels), CentreTree(levels, n_probe=2).add(ROWS[:, :2])]


def _class_counts() -> list[Summary]:
    rows = [([1, 4, 4], "a"), ([2], "b"), ([0, 7, 30], "a")]
    return [ClassCounts([0, 1], 31), ClassCounts(["a", "b"], 31).add(rows)]


def _class_sketch() -> list[Summary]:
    rows = [([1, 4, 4], "a"), ([2], "b"), ([0, 7, 30], "a")]
    return [ClassSketch(["a", "b"], 31, width=9), ClassSketch(["a", "b"], 31, width=9).add(rows)]


def _cluster_sums() -> list[Summary]:
    centres = [[0.0, 0.0], [5.0, 5.0], [-5.0, 5.0]]
    return [ClusterSums(centres, spares=2), ClusterSums(centres, spares=2).add(ROWS[:, :2])]


def _hamming() -> list[Summary]:
    codes = np.arange(24, dtype=np.uint8).reshape(8, 3)
    return [HammingIndex(24), HammingIndex(24).add(codes)]


def _multi_index() -> list[Summary]:
    from thrifty.index import MultiIndexHashing

    codes = np.arange(24, dtype=np.uint8).reshape(8, 3)
    return [MultiIndexHashing(24), MultiIndexHashing(24, tables=2).add(codes)]


def _word_encoder() -> list[Summary]:
    from thrifty.models.encoder import WordEncoder

    texts = ["to be or not to be", None, "that is the question", "the rest is silence"] * 9
    return [WordEncoder(8), WordEncoder(8, vocabulary=16).fit([texts])]


def _column_profile() -> list[Summary]:
    sizes = {"p": 4, "slots": 4, "k": 8}
    batches = {"text": TEXTS, "number": [1.0, 2.5, None, 40.0], "list": [["a", "b"], [], None]}
    empty = ColumnProfile("category", **sizes)
    return [empty, *(ColumnProfile(kind, **sizes).add(rows) for kind, rows in batches.items())]


def _group_by() -> list[Summary]:
    from thrifty.sketch.groupby import GroupBy

    made = [GroupBy(HyperLogLog(4), "60 kB", longest=8) for _ in "abc"]
    made[1].add(TEXTS, np.arange(8))
    made[2].add(np.arange(90) ** 2 % 71, np.arange(90))
    return made


def _private_sketch() -> list[Summary]:
    from thrifty.sketch.privatesketch import PrivateSketch

    return [PrivateSketch.release(race, 1.0, seed=5) for race in _race()]


def _race() -> list[Summary]:
    from thrifty.sketch.race import RACE

    family = SimHash(3, 2, 4, seed=1)
    return [RACE(family), RACE(family, 3).add(ROWS), RACE(family).add(ROWS)]


def _storm() -> list[Summary]:
    from thrifty.learn.storm_sketch import StormSketch

    made = [StormSketch(3, radius=9.0, tables=4, bits=2, seed=1) for _ in "ab"]
    made[1].add(ROWS)
    return made


def _density() -> list[Summary]:
    from thrifty.sketch.densitysketch import DensitySketch

    sizes = {"width": 1.0, "grids": 2, "counters": 16, "heavy": 4}
    return [DensitySketch(3, **sizes), DensitySketch(3, **sizes).add(ROWS)]


def _words() -> list[Summary]:
    from thrifty.sketch.wordsketch import WordSketch

    made = [WordSketch(["be", "to", "question"], bits=16, window=2) for _ in "ab"]
    made[1].add(["to be or not to be", None, "that is the question"])
    return made


def _table_profile() -> list[Summary]:
    schema = Schema((Column("user", "category"), Column("age", "number")))
    sizes = sizes_for("1 MB", ["text", "number"])
    rows = pa.RecordBatch.from_pydict({"user": ["ann", "bob", None], "age": ["1", "x", "30"]})
    return [TableProfile(schema, sizes), TableProfile(schema, sizes).add(rows)]


def _encoded() -> list[Summary]:
    from thrifty.codec import NF4, ExponentCodec, FixedPoint, FloatFormat, Groups, LeanCodec, Sparse

    x = ROWS.astype(np.float32)
    kinds = (
        FixedPoint(8, 3), FloatFormat(4, 3), Groups(4, 4), NF4(4), LeanCodec(2), Sparse(),
        ExponentCodec(),
    )  # fmt: skip
    wide = np.random.default_rng(0).standard_normal(3000).astype(np.float16)
    return [codec.encode(x) for codec in kinds] + [ExponentCodec().encode(wide)]


def _static_function() -> list[Summary]:
    from thrifty.codec import StaticFunction

    words = ["be", "to", "or", "not", "question"]
    made = [StaticFunction(words, [3, 1, 1, 1, 7]), StaticFunction(words, words, check=4)]
    return [*made, StaticFunction(np.arange(900), np.arange(900) % 7 % 3 % 2)]


def _multiset_function() -> list[Summary]:
    from thrifty.codec import MultisetFunction

    rows = np.arange(40).reshape(20, 2) % 5
    return [MultisetFunction(np.arange(20), rows), MultisetFunction([1, 2], [[4], []])]


def _representer() -> list[Summary]:
    from thrifty.learn import RepresenterSketch

    made = {"dim": 2, "tables": 4, "width": 4, "anchors": 5, "epochs": 1, "seed": 1}
    return [RepresenterSketch.from_predictor(lambda x: x[:, :1], ROWS, **made)]


MAKERS: dict[str, Callable[[], list[Summary]]] = {
    "centre-tree": _centre_tree,
    "class-counts": _class_counts,
    "class-sketch": _class_sketch,
    "cluster-sums": _cluster_sums,
    "column-profile": _column_profile,
    "count-min": _weighed,
    "density-sketch": _density,
    "encoded": _encoded,
    "group-by": _group_by,
    "hamming-index": _hamming,
    "multi-index-hashing": _multi_index,
    "multiset-function": _multiset_function,
    "private-sketch": _private_sketch,
    "race": _race,
    "representer-sketch": _representer,
    "static-function": _static_function,
    "storm-sketch": _storm,
    "table-profile": _table_profile,
    "windows": _windows,
    "word-encoder": _word_encoder,
    "word-sketch": _words,
}


def examples(kind: type[Summary]) -> list[Summary]:
    """An empty one and some with rows in them.

    Raises:
        LookupError: it is not known how to make one: say so in MAKERS.
    """
    if kind.KIND in MAKERS:
        return MAKERS[kind.KIND]()
    for make in _makes(kind):
        filled = [made for batch in BATCHES if (made := _filled(make, batch)) is not None]
        if filled:
            return [make(), *filled]
    raise LookupError(f"no example of {kind.__name__}: give it a maker")


def _makes(kind: Any) -> list[Callable[[], Any]]:
    """Ways to make an empty one that work."""
    ways = (lambda: kind.within("1 kB"), lambda: kind.within("8 kB"), lambda: kind(3), kind)
    return [way for way in ways if _filled(way, None) is not None]


def _filled(make: Callable[[], Any], batch: Any) -> Any:
    """One with a batch in it, None where it takes no such batch."""
    try:
        made = make()
        return made if batch is None else made.add(batch)
    except Exception:
        return None
