"""Atoms: points in clusters and points without any, for evidence of linear steps."""

import numpy as np

__all__ = ["CLUSTERED", "ISOTROPIC", "points"]

CLUSTERED, ISOTROPIC = "clustered", "isotropic"


def points(kind: str, count: int, dim: int, seed: int = 0) -> np.ndarray:
    """So many points (count, dim) float32, around 200 places or around one."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, dim), dtype=np.float32)
    if kind == CLUSTERED:
        centres = 2 * rng.standard_normal((200, dim), dtype=np.float32)
        rows += centres[rng.integers(0, 200, count)]
    return rows
