"""Top: the k largest of each row of scores, in one pass."""

from thrifty.learn.rows import kernel

__all__ = ["top_of"]


@kernel
def top_of(scores, ids, best):
    """Write the k largest scores of each row and their places, best first; ties by place.

    Args:
        scores: (n, m) float32. ids: (n, k) int32 out. best: (n, k) float32 out; k <= m.
    """
    k = ids.shape[1]
    for b in range(scores.shape[0]):
        row, top, place = scores[b], best[b], ids[b]
        filled = 0
        for c in range(row.size):
            score = row[c]
            if filled == k and not score > top[k - 1]:
                continue
            at = filled if filled < k else k - 1
            while at > 0 and score > top[at - 1]:
                top[at], place[at] = top[at - 1], place[at - 1]
                at -= 1
            top[at], place[at] = score, c
            filled = min(filled + 1, k)
