"""Evidence: count-sketch's errors beside the formula, its intervals, and its second moments."""

import numpy as np

from evidence import Evidence, run
from evidence.sketch._streams import zipf
from thrifty.sketch import CountSketch

EVIDENCE = (
    Evidence(
        id="countsketch-error",
        says="the standard error of one row is sqrt(second moment / width) within a tenth: 100 "
        "seeds of 20,000 keys in 1,000 counters",
        against="the formula",
        at_least=0.9,
        at_most=1.1,
    ),
    Evidence(
        id="countsketch-coverage",
        says="95 % intervals hold the truth for 93 to 97 of 100 keys: Zipf 1.1, 5 rows, 100 seeds",
        against="exact counts",
        at_least=0.93,
        at_most=0.97,
    ),
    Evidence(
        id="countsketch-moment",
        says="the relative error of the second moment of a flat stream from one row is sqrt(2 / "
        "width) within a tenth, over 400 seeds",
        against="the formula of Alon, Matias and Szegedy",
        at_least=0.9,
        at_most=1.1,
    ),
)


def measure_error() -> tuple[float, dict[str, float]]:
    """Measured over formula."""
    keys = np.arange(20_000)
    errors = [CountSketch(1, 1000, seed=s).add(keys).estimate(keys) - 1 for s in range(100)]
    spread, formula = float(np.std(errors)), float(np.sqrt(len(keys) / 1000))
    return spread / formula, {"bias": float(np.mean(errors)), "measured": spread}


def measure_coverage() -> tuple[float, dict[str, float]]:
    """Share of keys whose interval holds the exact count."""
    stream = zipf(200_000, 50_000)
    keys, counts = np.unique(stream, return_counts=True)
    shares, widths = [], []
    for seed in range(100):
        found = CountSketch(5, 1000, seed=seed).add(stream).interval(keys)
        shares.append(np.mean((found.low <= counts) & (counts <= found.high)))
        widths.append(np.max(found.high - found.low))
    return float(np.mean(shares)), {"mean width": float(np.mean(widths))}


def measure_moment() -> tuple[float, dict[str, float]]:
    """Measured over formula."""
    keys = np.arange(20_000)
    moments = [CountSketch(1, 500, seed=s).add(keys).second_moment() for s in range(400)]
    off = np.array(moments) / len(keys) - 1
    measured = float(np.sqrt((off**2).mean()))
    return measured / np.sqrt(2 / 500), {"bias": float(off.mean()), "measured": measured}


MEASURES = (measure_error, measure_coverage, measure_moment)


def main() -> int:
    """Measure all."""
    held = [run(e, m) for e, m in zip(EVIDENCE, MEASURES, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
