"""Evidence: samples of rows are fair, whole and merged, shares keep their bound, at little cost."""

import numpy as np
import pyarrow as pa

from evidence import Evidence, run
from evidence.timing import best
from thrifty.sketch import Reservoir

EVIDENCE = (
    Evidence(
        id="reservoir-fair",
        says="how often each of 100 rows is in 3,000 samples of 10, drawn whole and from 4 parts "
        "merged, has a chi-square within 4 standard errors of that of a fair draw",
        against="chi-square with 99 degrees of freedom",
        at_most=4.0,
    ),
    Evidence(
        id="reservoir-bound",
        says="the share of a kind of row in samples of 400 of 100,000 rows is off by more than the "
        "95 % bound in at most 5 % of 1,000 cases (Hoeffding's bound is conservative)",
        against="the share of all rows",
        at_most=0.05,
    ),
    Evidence(
        id="reservoir-speed",
        says="a sample of 1,000 of 10 million rows of three columns, in batches of 65,536, takes "
        "at most 20 ns of CPU time a row",
        against="one core",
        at_most=20.0,
    ),
)


def drawn(stream: int, parts: int) -> np.ndarray:
    """Ten of a hundred row numbers, from so many parts."""
    whole = Reservoir(10)
    for i, part in enumerate(np.array_split(np.arange(100), parts)):
        whole.absorb(Reservoir(10, stream=f"{stream}/{i}").add(part))
    return whole.sample().to_numpy()


def measure_fair() -> tuple[float, dict[str, float]]:
    """Distance of the worse chi-square from its mean, in standard errors."""
    found = {}
    for parts in (1, 4):
        counts = np.bincount(np.concatenate([drawn(s, parts) for s in range(3000)]), minlength=100)
        statistic = ((counts - 300) ** 2).sum() / (300 * 0.9) * 99 / 100
        found[f"{parts} parts"] = float(abs(statistic - 99) / np.sqrt(2 * 99))
    return max(found.values()), found


def measure_bound() -> float:
    """How often a share is off by more than the bound."""
    misses = []
    for stream in range(1000):
        share = (stream % 9 + 1) / 10
        sketch = Reservoir(400, stream=stream).add(np.arange(100_000))
        found = (sketch.sample().to_numpy() < share * 100_000).mean()
        misses.append(abs(found - share) > sketch.error_bound())
    return float(np.mean(misses))


def measure_speed() -> float:
    """Nanoseconds of CPU time a row."""
    rng = np.random.default_rng(0)
    text = pa.array(rng.integers(0, 1000, 65_536)).cast(pa.string())
    batch = pa.record_batch({"a": rng.random(65_536), "b": rng.integers(0, 9, 65_536), "c": text})

    def sample() -> None:
        sketch = Reservoir(1000, stream=0)
        for _ in range(153):
            sketch.add(batch)

    return best(sample, 3) / (153 * 65_536) * 1e9


def main() -> int:
    """Measure all three."""
    measures = (measure_fair, measure_bound, measure_speed)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
