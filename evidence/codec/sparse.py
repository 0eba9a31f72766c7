"""Evidence: what sparse weights take, by the two indexes, beside other ways of counting."""

import numpy as np
from scipy.sparse import csr_array

from evidence import Evidence, run
from thrifty.codec import NOfM, Sparse, sparse_sizes
from thrifty.codec.masks import largest

EVIDENCE = (
    Evidence(
        id="sparse-bytes",
        says="float32 weights of which the largest tenth is kept take 0.66 of what SciPy's rows "
        "take, or less, and come back to the bit",
        against="scipy.sparse.csr_array with 4 bytes a column",
        at_most=0.66,
    ),
    Evidence(
        id="nofm-bytes",
        says="float16 weights at 2:4 take 9/16 of their bytes: values and 4 bits a group",
        against="the dense array",
        at_most=0.5625,
    ),
)


def weights() -> np.ndarray:
    """A layer of 512 x 784 weights."""
    return np.random.default_rng(0).standard_normal((512, 784)).astype(np.float32)


def measure_sparse() -> tuple[float, dict]:
    """Bytes over SciPy's, and all sizes for some shares kept."""
    x, sizes, ratio = weights(), {}, np.inf
    for share in (0.5, 0.2, 0.1, 0.05, 0.01):
        kept = np.where(largest(np.abs(x), round(share * x.size)), x, np.float32(0))
        sizes[f"kept {share:g}"] = sparse_sizes(kept)
        if share == 0.1:
            small, peer = Sparse().encode(kept), csr_array(kept)
            held = peer.data.nbytes + peer.indices.nbytes + peer.indptr.nbytes
            ratio = small.nbytes / held if (small.decode() == kept).all() else np.inf
    return ratio, {"bytes": sizes}


def measure_nofm() -> float:
    """Bytes over dense ones."""
    x = weights().astype(np.float16)
    return NOfM(2, 4).encode(x).nbytes / x.nbytes


def main() -> int:
    """Measure both."""
    measures = (measure_sparse, measure_nofm)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
