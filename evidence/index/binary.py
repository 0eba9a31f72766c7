"""Evidence: sign codes find the nearest vectors among few, also those of large products."""

import numpy as np
from numpy.typing import NDArray

from evidence import Evidence, run
from evidence.datasets import data_folder
from evidence.index._clustered import clustered, recall
from thrifty.index import BinaryIndex, FlatIndex, GraphIndex, IVFIndex

ROWS, QUERIES = 100_000, 300
EVIDENCE = (
    Evidence(
        id="binary-recall",
        says="codes of 192 bits choose one in 200 of 100,000 clustered vectors of 96 numbers, and "
        "one in 50 of 20,000 word vectors of 100: nine of the ten nearest are found in each",
        against="FlatIndex; the smaller recall",
        at_least=0.9,
    ),
    Evidence(
        id="binary-inner",
        says="of 100,000 clustered vectors made longer by a lognormal factor, one in 20 chosen by "
        "codes of rows lifted to one length holds eight of the ten of largest inner product",
        against="FlatIndex; cells and the graph beside",
        at_least=0.8,
    ),
)
Rows = NDArray[np.float32]


def words() -> tuple[Rows, Rows]:
    """Word vectors in no order, and some of them apart."""
    with np.load(data_folder() / "vec_novel_words" / "vectors.npz") as file:
        rows = file["vectors"].astype(np.float32)
    rows = rows[np.linalg.norm(rows, axis=1) > 0]
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    return rows[QUERIES:], rows[:QUERIES]


def found(index, rows: Rows, queries: Rows, *efforts: float) -> list[float]:
    """Recall of the ten nearest at each effort."""
    best = FlatIndex(rows.shape[1], metric=index.metric).add(rows).search(queries, 10).ids
    index.add(rows)
    return [recall(index.search(queries, 10, effort=effort).ids, best) for effort in efforts]


def measure_recall() -> tuple[float, dict[str, float]]:
    """The smaller recall of two data sets, with those of fewer bits beside."""
    sets = {
        "clustered": (clustered(ROWS, 1), clustered(QUERIES, 2), 0.005),
        "words": (*words(), 0.02),
    }
    beside = {
        f"{name}, {bits} bits": found(BinaryIndex(rows.shape[1], bits=bits), rows, asked, effort)[0]
        for name, (rows, asked, effort) in sets.items()
        for bits in (64, 192)
    }
    return min(share for name, share in beside.items() if "192" in name), beside


def measure_inner() -> tuple[float, dict[str, float]]:
    """Recall of the largest products by lifted codes."""
    lengths = np.random.default_rng(5).lognormal(0, 1, (ROWS, 1)).astype(np.float32)
    rows, asked = clustered(ROWS, 3) * lengths, clustered(QUERIES, 2)
    kinds = ((BinaryIndex, (0.05, 0.1)), (IVFIndex, (0.1, 0.3)), (GraphIndex, (0.001, 0.01)))
    beside = {}
    for kind, efforts in kinds:
        shares = found(kind(96, metric="inner"), rows, asked, *efforts)
        beside |= {f"{kind.KIND} at {e}": s for e, s in zip(efforts, shares, strict=True)}
    return beside["binary-index at 0.05"], beside


def main() -> int:
    """Measure both."""
    held = [run(EVIDENCE[0], measure_recall), run(EVIDENCE[1], measure_inner)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
