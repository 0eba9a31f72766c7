"""Best: the k best documents of a query on a heap whose root is the worst, and bounds of them."""

import numpy as np

from thrifty.core.kernels import njit

__all__ = ["GROUPS", "INNER", "LOWEST", "crests", "finish", "kth", "kth_crest", "push"]

LOWEST = np.float32(-np.inf)
INNER = {  # of what kernels alone call: no way in from Python is compiled, which halves the wait
    "error_model": "numpy", "counted": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True,
}  # fmt: skip
GROUPED, LINE = 64, 64  # sums of a group; groups go by so many
GROUPS = 1 << 10  # of a window at most


@njit(forceinline=True, **INNER)
def worse(score, row, other_score, other_row):
    return score < other_score or (score == other_score and row > other_row)


@njit(**INNER)
def push(scores, rows, held, score, row):
    """Put a document on the heap whose root is the worst; how many are held."""
    if held < scores.size:
        i = held
        while i > 0:
            up = (i - 1) >> 1
            if not worse(score, row, scores[up], rows[up]):
                break
            scores[i], rows[i] = scores[up], rows[up]
            i = up
        scores[i], rows[i] = score, row
        return held + 1
    if worse(scores[0], rows[0], score, row):
        sink(scores, rows, held, score, row)
    return held


@njit(**INNER)
def sink(scores, rows, held, score, row):
    """Put a document in the place of the root, and then where it belongs."""
    i = 0
    while True:
        down = 2 * i + 1
        if down >= held:
            break
        other = down + 1
        if other < held and worse(scores[other], rows[other], scores[down], rows[down]):
            down = other
        if not worse(scores[down], rows[down], score, row):
            break
        scores[i], rows[i] = scores[down], rows[down]
        i = down
    scores[i], rows[i] = score, row


@njit(forceinline=True, **INNER)
def raised(tops, held, score):
    """Keep the largest numbers on a heap whose root is the least of them; how many are held."""
    if held < tops.size:
        i = held
        while i > 0 and score < tops[(i - 1) >> 1]:
            tops[i] = tops[(i - 1) >> 1]
            i = (i - 1) >> 1
        tops[i] = score
        return held + 1
    if score > tops[0]:
        i = 0
        while 2 * i + 1 < held:
            down = 2 * i + 1
            if down + 1 < held and tops[down + 1] < tops[down]:
                down += 1
            if tops[down] >= score:
                break
            tops[i] = tops[down]
            i = down
        tops[i] = score
    return held


@njit(nogil=True, cache=True, error_model="numpy")
def finish(scores, rows, held):
    """Sort each heap, best first, and equal ones by number; free places get -inf and -1."""
    for q in range(held.size):
        n = held[q]
        while n > 1:
            n -= 1
            score, row = scores[q, n], rows[q, n]
            scores[q, n], rows[q, n] = scores[q, 0], rows[q, 0]
            sink(scores[q], rows[q], n, score, row)
        scores[q, held[q] :] = LOWEST
        rows[q, held[q] :] = -1


@njit(**INNER)
def crests(bits, size, peaks):
    """The most of each of some groups of sums, and how many groups there are.

    Sum i is of group i modulo the number of groups, so that many groups are compared at once; what
    is not below 0 has the order of its bits.

    Args:
        bits: of the sums, int32. size: how many sums. peaks: (`GROUPS`,) float32 as int32, changed.
    """
    groups = ((size - 1) // GROUPED + LINE) // LINE * LINE
    top = peaks[:groups]
    for j in range(groups):
        top[j] = 0
    for start in range(0, size, groups):
        part = bits[start : min(start + groups, size)]
        for j in range(part.size):
            top[j] = max(top[j], part[j])
    return groups


@njit(**INNER)
def kth_crest(crest, tops):
    """The k-th most of the groups' most, which the k-th best of all is not below."""
    held = np.int64(0)
    for g in range(crest.size):
        held = raised(tops, held, crest[g])
    return tops[0] if held == tops.size else LOWEST


@njit(**INNER)
def kth(docs, begins, stops, lists, first, size, alive, sums, tops):
    """The k-th best of the sums so far, which no document below can beat the k best with."""
    held = np.int64(0)
    for t in range(lists):
        for i in range(begins[t], stops[t]):
            doc = min(np.int64(docs[i]), size - 1)
            score = sums[doc]
            if score > 0:
                sums[doc] = -score
                if not alive.size or alive[first + doc]:
                    held = raised(tops, held, score)
    for t in range(lists):
        for i in range(begins[t], stops[t]):
            doc = min(np.int64(docs[i]), size - 1)
            sums[doc] = abs(sums[doc])
    return tops[0] if held == tops.size else LOWEST
