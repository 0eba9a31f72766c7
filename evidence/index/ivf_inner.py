"""Evidence: cells find the largest inner products also where rows differ much in length."""

import numpy as np

from evidence import Evidence, run
from evidence.index._clustered import clustered, recall
from thrifty.index import FlatIndex, IVFIndex

ROWS, QUERIES, DIM = 100_000, 300, 96
FIRST, TIMES, BATCHES = 30_000, 100, 10
EVIDENCE = (
    Evidence(
        id="ivf-inner",
        says="of 100,000 rows of 96 numbers whose lengths differ by a lognormal factor of sigma 1, "
        "in random directions or clustered, a tenth looked at finds 95 of 100 of the ten largest "
        "inner products, with codes of bytes and product codes",
        against="FlatIndex; the smallest recall of the four",
        at_least=0.95,
    ),
    Evidence(
        id="ivf-inner-later",
        says="where 30,000 clustered rows are followed by 300, 3,000 or 30,000 rows a hundred "
        "times as long, in ten batches, a tenth looked at finds as many of the ten largest inner "
        "products as in an index made of all at once, less 0.05",
        against="IVFIndex made of all at once; the smallest difference of recall",
        at_least=-0.05,
    ),
)


def measure() -> tuple[float, dict[str, float]]:
    """The smallest recall, with those of other efforts beside."""
    rng, beside = np.random.default_rng(5), {}
    shapes = ((ROWS, DIM), (QUERIES, DIM))
    normal = [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]
    normal[0] /= np.linalg.norm(normal[0], axis=1, keepdims=True)
    sets = {"random": normal, "clustered": [clustered(ROWS, 3), clustered(QUERIES, 2)]}
    for name, (rows, queries) in sets.items():
        rows = rows * rng.lognormal(0, 1, (ROWS, 1)).astype(np.float32)
        best = FlatIndex(DIM, metric="inner").add(rows).search(queries, 10).ids
        for codes in IVFIndex.CODES:
            index = IVFIndex(DIM, metric="inner", codes=codes).add(rows)
            for effort in (0.01, 0.1, 0.3):
                share = recall(index.search(queries, 10, effort=effort).ids, best)
                beside[f"{name}, {codes} at {effort}"] = share
    return min(share for name, share in beside.items() if name.endswith("at 0.1")), beside


def measure_later() -> tuple[float, dict[str, float]]:
    """The smallest difference of recall to an index made at once, and how often cells changed."""
    rows, queries, beside, gaps = clustered(FIRST, 3), clustered(QUERIES, 2), {}, []
    for count in (300, 3000, 30_000):
        later = TIMES * clustered(count, 4)
        index, learned = IVFIndex(DIM, metric="inner").add(rows), 0
        for batch in np.array_split(later, BATCHES):
            before = index._state.model
            learned += index.add(batch)._state.model is not before
        every = np.concatenate([rows, later])
        best = FlatIndex(DIM, metric="inner").add(every).search(queries, 10).ids
        once = IVFIndex(DIM, metric="inner").add(every)
        mine, theirs = (
            recall(one.search(queries, 10, effort=0.1).ids, best) for one in (index, once)
        )
        gaps.append(mine - theirs)
        beside |= {
            f"{count} later": mine,
            f"{count} later, made at once": theirs,
            f"{count} later: times learned anew": learned,
        }
    return min(gaps), beside


def main() -> int:
    """Measure both."""
    held = [run(EVIDENCE[0], measure), run(EVIDENCE[1], measure_later)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
