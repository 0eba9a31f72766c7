"""Evidence: frequent values faster than an exact count or a peer, none missing, within bounds."""

import os
from typing import Any

import numpy as np

from evidence import Evidence, run
from evidence.sketch._streams import in_turns, zipf, zipf_texts
from thrifty.sketch import HeavyHitters

STREAM = "10 million texts of 1 million values, rank r in proportion to r**-1.1, in one column"
SLOTS = 16_384
EVIDENCE = (
    Evidence(
        id="heavyhitters-polars",
        says=f"{STREAM}, are summed up in 16,384 slots at least 5 times as fast as Polars counts "
        "them exactly, one core each",
        against="polars Series.value_counts(), POLARS_MAX_THREADS=1, the Series made beforehand",
        at_least=5.0,
        cost="long",
    ),
    Evidence(
        id="heavyhitters-datasketches",
        says=f"{STREAM}, are summed up in 16,384 slots at least 8 times as fast as by datasketches "
        "with as large a map, one core each",
        against="datasketches frequent_strings_sketch(14), updated in a loop over a list of str "
        "made beforehand",
        at_least=8.0,
        cost="long",
    ),
    Evidence(
        id="heavyhitters-recall",
        says=f"of {STREAM}, the 100 most frequent are exactly the first 100 of 16,384 slots",
        against="numpy bincount of the ranks",
        at_least=1.0,
        cost="long",
    ),
    Evidence(
        id="heavyhitters-bound",
        says="in 100 streams of 20,000 values, whole and in 8 parts merged, with 10 to 500 slots, "
        "no count lacks more than N / (slots + 1), no true count is outside its interval, and no "
        "value above the bound is missing (the worst error over the bound)",
        against="numpy bincount",
        at_most=1.0,
    ),
)


def measure_polars() -> tuple[float, dict[str, float]]:
    """CPU time of Polars over ours."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars as pl

    column = zipf_texts()
    series = pl.Series(column)
    return in_turns(series.value_counts, lambda: HeavyHitters(SLOTS).add(column))


def measure_datasketches() -> tuple[float, dict[str, float]]:
    """CPU time of datasketches over ours."""
    from datasketches import frequent_strings_sketch

    column = zipf_texts()
    names = column.to_pylist()

    def peer() -> None:
        update = frequent_strings_sketch(14).update
        for name in names:
            update(name)

    return in_turns(peer, lambda: HeavyHitters(SLOTS).add(column), 3)


def measure_recall() -> float:
    """Share of the true first hundred among ours."""
    exact = np.argsort(-np.bincount(zipf()))[:100]
    found = [value for value, _ in HeavyHitters(SLOTS).add(zipf_texts()).frequent(100)]
    return len({f"key{rank:08d}" for rank in exact} & set(found)) / 100


def worst(sketch: HeavyHitters, exact: np.ndarray) -> float:
    """The largest error of any key, over the bound; infinite where an interval is wrong."""
    low = sketch.estimate(np.arange(len(exact))).low
    known = {value for value, _ in sketch.frequent(len(sketch))}
    missing = set(np.flatnonzero(exact > sketch.error_bound()).tolist()) - known
    wrong = missing or (low > exact).any() or (exact > low + sketch.error_bound()).any()
    return np.inf if wrong else float((exact - low).max() * (sketch.slots + 1) / exact.sum())


def measure_bound() -> tuple[float, dict[str, Any]]:
    """Worst of all streams, sketched whole and in parts."""
    whole, merged = [], []
    for seed in range(100):
        slots, keys = (10, 50, 200, 500)[seed % 4], 5_000
        stream = zipf(20_000, keys, 0.5 + seed % 5 / 4, seed)
        exact = np.bincount(stream, minlength=keys)
        whole.append(worst(HeavyHitters(slots, seed=seed).add(stream), exact))
        union = HeavyHitters(slots, seed=seed)
        for part in np.array_split(stream, 8):
            union.absorb(HeavyHitters(slots, seed=seed).add(part))
        merged.append(worst(union, exact))
    return max(whole + merged), {"worst whole": max(whole), "worst merged": max(merged)}


def main() -> int:
    """Measure all four."""
    measures = (measure_polars, measure_datasketches, measure_recall, measure_bound)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
