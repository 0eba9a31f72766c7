"""Evidence: rows chosen by an index stand for all as well as rows chosen by scans, in less time."""

import time

import numpy as np
from threadpoolctl import threadpool_limits

from evidence import Evidence, run
from evidence.learn._atoms import CLUSTERED, ISOTROPIC, points
from thrifty.learn import Atoms, fourier_features, kernel_herding

COUNT, FEATURES, SIZE = 100_000, 128, 500
KINDS = {f"{kind}, {dim} numbers": (kind, dim) for kind in (CLUSTERED, ISOTROPIC) for dim in (2, 8)}

EVIDENCE = (
    Evidence(
        id="herding-time",
        says="500 of 100,000 rows with 128 features are chosen by an index in a fifth of the time "
        "of scans or less, one core, least of four sets, building told beside",
        against="an argmax of float32 products by BLAS at each choice",
        at_least=5,
    ),
    Evidence(
        id="herding-error",
        says="and the mean features of these rows are at most 1.2 times as far from those of all",
        against="an argmax of float32 products by BLAS at each choice; random rows beside",
        at_most=1.2,
    ),
)

CASES: dict = {}


def compare(kind: str, dim: int) -> dict:
    """Errors and CPU seconds of both ways, and of random rows."""
    features, row = fourier_features(points(kind, COUNT, dim), FEATURES), {}
    for search in ("scan", "index"):
        start = time.process_time()
        atoms = Atoms(features, search=search)
        built = time.process_time()
        kernel_herding(atoms, 3)
        first = time.process_time()
        herd = kernel_herding(atoms, SIZE)
        seconds = {"choosing": time.process_time() - first, "building": built - start}
        row[search] = {"error": float(herd.errors[-1]), "scans": herd.scans, "seconds": seconds}
    some = np.random.default_rng(1).choice(COUNT, SIZE, replace=False)
    gap = features[some].mean(axis=0, dtype=np.float64) - features.mean(axis=0, dtype=np.float64)
    return {**row, "random rows": float(np.sqrt(gap @ gap))}


def cases() -> dict:
    """All of them, measured once."""
    if not CASES:
        with threadpool_limits(1):
            CASES.update({name: compare(*kind) for name, kind in KINDS.items()})
    return CASES


def measure_time() -> tuple[float, dict]:
    """Seconds of scans over those of the index."""
    seconds = {k: [row[s]["seconds"] for s in ("scan", "index")] for k, row in cases().items()}
    times = {k: [both["choosing"] for both in pair] for k, pair in seconds.items()}
    return min(slow / fast for slow, fast in times.values()), CASES


def measure_error() -> tuple[float, dict]:
    """Error by the index over that by scans, the largest."""
    shares = {k: row["index"]["error"] / row["scan"]["error"] for k, row in cases().items()}
    return max(shares.values()), shares


def main() -> int:
    """Measure both."""
    held = [run(e, m) for e, m in zip(EVIDENCE, (measure_time, measure_error), strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
