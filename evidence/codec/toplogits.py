"""Evidence: what a cache of a teacher's largest logits takes, and what its answers lose."""

import numpy as np
from scipy.special import log_softmax, softmax

from evidence import Evidence, run
from thrifty.codec import TopLogits

EVIDENCE = (
    Evidence(
        id="toplogits-bytes",
        says="16 of 32,000 logits a row take 1/1500 of their float32 bytes or less",
        against="the logits in float32",
        at_least=1500,
    ),
    Evidence(
        id="toplogits-divergence",
        says="with the tail kept as one number a row is 0.05 nats or less from the teacher's "
        "distribution where words are Zipf with context (mean Kullback-Leibler divergence)",
        against="softmax of all logits; without a tail it is infinite",
        at_most=0.05,
    ),
)


def logits() -> np.ndarray:
    """256 rows: a Zipf law over words, and 30 words a row that the context makes likely."""
    rng = np.random.default_rng(0)
    base = -np.log(np.arange(1, 32_001)) + 0.5 * rng.standard_normal((256, 32_000))
    for row in base:
        row[rng.choice(32_000, 30, replace=False)] += rng.normal(11, 3, 30)
    return base.astype(np.float32)


def divergence(x: np.ndarray, k: int) -> float:
    """Mean Kullback-Leibler divergence of what is decoded from what was there."""
    back = TopLogits(k).encode(x).decode().astype(np.float64)
    right = x.astype(np.float64)
    gap = log_softmax(right, axis=1) - log_softmax(back, axis=1)
    return float((softmax(right, axis=1) * gap).sum(axis=1).mean())


def measure_bytes() -> float:
    """Bytes of all logits over those kept."""
    x = logits()
    return x.nbytes / TopLogits(16).encode(x).nbytes


def measure_divergence() -> tuple[float, dict]:
    """At 16, and at other counts."""
    x = logits()
    found = {k: divergence(x, k) for k in (4, 8, 16, 32, 50)}
    return found[16], {"nats by k": found}


def main() -> int:
    """Measure both."""
    measures = (measure_bytes, measure_divergence)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
