"""Label kernels: labels in buckets: dealt out, looked up by the best buckets, moved where they fit.

A bucket of repetition r is numbered r * buckets + its own number, as the outputs of a network are.
"""

import numpy as np

from thrifty.core.kernels import njit
from thrifty.learn.rows import kernel

__all__ = ["deal", "gather", "place", "rank", "top_buckets"]


@njit(nogil=True, cache=True, error_model="numpy")
def deal(drawn, loads, buckets):
    """Put each label into the emptiest of the buckets drawn for it.

    Args:
        drawn: (labels, choices) int32. loads: (B,) int64, zeros. buckets: (labels,) int32 out.
    """
    for label in range(drawn.shape[0]):
        best = drawn[label, 0]
        for b in drawn[label]:
            if loads[b] < loads[best]:
                best = b
        loads[best] += 1
        buckets[label] = best


@njit(nogil=True, cache=True, error_model="numpy")
def place(affinity, order, choices, loads, buckets):
    """Move each label, in this order, to the emptiest of the buckets it fits best.

    Labels of no affinity stay. Of equally full buckets the better one is taken.

    Args:
        affinity: (labels, B) float32. order: (labels,) int64.
        loads: (B,) int64, the labels that stay. buckets: (labels,) int32, to be changed.
    """
    top = np.empty(choices, np.int64)
    for label in order:
        row = affinity[label]
        held = 0
        for b in range(row.size):
            if row[b] <= 0 or (held == choices and not row[b] > row[top[held - 1]]):
                continue
            at = held if held < choices else choices - 1
            while at > 0 and row[b] > row[top[at - 1]]:
                top[at] = top[at - 1]
                at -= 1
            top[at] = b
            held = min(held + 1, choices)
        if held == 0:
            continue
        best = top[0]
        for i in range(1, held):
            if loads[top[i]] < loads[best]:
                best = top[i]
        loads[best] += 1
        buckets[label] = best


@kernel
def top_buckets(scores, size, best):
    """The largest outputs of each repetition, first to last; ties by number.

    Args:
        scores: (n, R * size) float32. best: (n, R, m) int32 out, m <= size.
    """
    for i in range(best.shape[0]):
        for r in range(best.shape[1]):
            row, top = scores[i, r * size : (r + 1) * size], best[i, r]
            held = 0
            for b in range(row.size):
                if held == top.size and not row[b] > row[top[held - 1]]:
                    continue
                at = held if held < top.size else held - 1
                while at > 0 and row[b] > row[top[at - 1]]:
                    top[at] = top[at - 1]
                    at -= 1
                top[at] = b
                held = min(held + 1, top.size)


@njit(nogil=True, cache=True, error_model="numpy")
def gather(best, size, starts, members, least, counts, offsets, out):
    """The labels in at least `least` of a row's buckets; returns how many of all rows together.

    Args:
        best: (n, R, m) int32 of a repetition's own numbers.
        starts: (R * size + 1,) int64 into members (R * labels,) int32.
        counts: (labels,) int32 work space, all 0, and so when done.
        offsets: (n + 1,) int64 out; the first is 0.
        out: (room,) int32; where it is full, labels are counted but not written.
    """
    touched = np.empty(counts.size, np.int32)
    made = 0
    for i in range(best.shape[0]):
        met = 0
        for r in range(best.shape[1]):
            for b in best[i, r]:
                at = r * size + b
                for j in range(starts[at], starts[at + 1]):
                    label = members[j]
                    if counts[label] == 0:
                        touched[met] = label
                        met += 1
                    counts[label] += 1
        for j in range(met):
            label = touched[j]
            if counts[label] >= least:
                if made < out.size:
                    out[made] = label
                made += 1
            counts[label] = 0
        offsets[i + 1] = made
    return made


@njit(nogil=True, cache=True, error_model="numpy")
def rank(scores, size, buckets, offsets, labels, ids, best):
    """The k candidates of each row whose buckets score most in all repetitions together.

    Args:
        scores: (n, R * size) float32. buckets: (labels, R) int32.
        offsets, labels: as `gather` gives them.
        ids: (n, k) int32, all -1. best: (n, k) float32, all -inf.
    """
    k = ids.shape[1]
    for i in range(ids.shape[0]):
        row, top, own = scores[i], best[i], ids[i]
        for j in range(offsets[i], offsets[i + 1]):
            label = labels[j]
            total = np.float32(0)
            for r in range(buckets.shape[1]):
                total += row[r * size + buckets[label, r]]
            at = k
            while at > 0 and (
                own[at - 1] < 0
                or total > top[at - 1]
                or (total == top[at - 1] and label < own[at - 1])
            ):
                if at < k:
                    top[at], own[at] = top[at - 1], own[at - 1]
                at -= 1
            if at < k:
                top[at], own[at] = total, label
