"""Evidence: components of a stream keep nearly all the variance that the exact ones keep."""

import numpy as np
from sklearn.decomposition import PCA as Peer
from sklearn.decomposition import IncrementalPCA

from evidence import Evidence, run
from evidence.learn.kmeans import images
from thrifty.learn import PCA

COMPONENTS, ELL, BATCH = 20, 80, 500

EVIDENCE = (
    Evidence(
        id="pca-variance",
        says="20 components of 20,000 images of MNIST, in batches of 500 and 80 kept rows, hold at "
        "least 0.99 of the variance that the exact components hold",
        against="sklearn PCA(20) on all rows at once; IncrementalPCA(20) in the same batches",
        at_least=0.99,
        cost="long",
    ),
    Evidence(
        id="pca-memory",
        says="with at most 1.1 MB of state",
        against="the 63 MB of the rows as float32",
        at_most=1.1e6,
        cost="long",
    ),
)


def held(x: np.ndarray, components: np.ndarray) -> float:
    """Variance of the rows along orthogonal components, in all."""
    return float(((x - x.mean(axis=0)) @ components.T).var(axis=0).sum())


def measure() -> dict[str, tuple[float, dict]]:
    """Share of the exact components' variance, and bytes."""
    x = images().astype(np.float64)
    ours, theirs = PCA(COMPONENTS, ell=ELL), IncrementalPCA(COMPONENTS)
    for start in range(0, len(x), BATCH):
        ours.partial_fit(x[start : start + BATCH])
        theirs.partial_fit(x[start : start + BATCH])
    exact = held(x, Peer(COMPONENTS, svd_solver="covariance_eigh").fit(x).components_)
    beside = {"IncrementalPCA": held(x, theirs.components_) / exact}
    return {
        "pca-variance": (held(x, ours.components_) / exact, beside),
        "pca-memory": (float(ours.nbytes), {}),
    }


def main() -> int:
    """Measure both."""
    found = measure()
    kept = [run(e, lambda e=e: found[e.id]) for e in EVIDENCE]
    return int(not all(kept))


if __name__ == "__main__":
    raise SystemExit(main())
