"""Top: the k largest of each row of scores, in one pass."""

import numpy as np
from numpy.typing import NDArray

from thrifty.learn.rows import kernel

__all__ = ["top_more", "top_of"]


def top_of(scores: NDArray, ids: NDArray[np.int32], best: NDArray[np.float32]) -> None:
    """Write the k largest scores of each row and their places, best first; ties by place.

    Args:
        scores: (n, m) float32. ids: (n, k) int32 out. best: (n, k) float32 out; k <= m.
    """
    top_more(scores, 0, ids, best)


@kernel
def top_more(scores, start, ids, best):
    """As `top_of`, going on with the places from start on where those before were looked at.

    Args:
        scores: (n, m) float32, of the places start..start + m - 1.
    """
    k = ids.shape[1]
    for b in range(scores.shape[0]):
        row, top, place = scores[b], best[b], ids[b]
        filled = min(start, k)
        for c in range(row.size):
            score = row[c]
            if filled == k and not score > top[k - 1]:
                continue
            at = filled if filled < k else k - 1
            while at > 0 and score > top[at - 1]:
                top[at], place[at] = top[at - 1], place[at - 1]
                at -= 1
            top[at], place[at] = score, start + c
            filled = min(filled + 1, k)
