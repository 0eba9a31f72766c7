"""Near: rows around some places, and how many of the nearest were found."""

import numpy as np

__all__ = ["around", "recall"]


def around(rows, dim, seed, places=200, middle=0.0):
    """Rows around some places, which lie around a middle."""
    centres = middle + np.random.default_rng(dim).standard_normal((places, dim))
    rng = np.random.default_rng(seed)
    noise = 0.4 * rng.standard_normal((rows, dim))
    return (centres[rng.integers(0, places, rows)] + noise).astype(np.float32)


def recall(found, best):
    """Share of the best that was found."""
    pairs = zip(found.ids, best.ids, strict=True)
    return np.mean([np.isin(exact, mine).mean() for mine, exact in pairs])
