"""BM25: the k documents of the best scores, window by window, without looking at all of them.

A document's score is the sum over the query's terms of idf * (k1 + 1) * (f / (f + K) + d), where f
is how often the term stands in it, weighted by field, and K = k1 * (1 - b + b * length / mean).
Terms are taken rarest first, always in that order, so that a score is the same to the last bit
however documents are cut into segments.
"""

import numpy as np

from thrifty.core.kernels import njit
from thrifty.index.postings import WINDOW

__all__ = ["count_live", "finish", "peaks", "search"]

ROUNDING = 2.5e-7  # relative, of each addition; sums of bounds are rounded up by it
DENSE = 6  # a window is scanned where postings are more than one in so many documents
LOWEST = np.float32(-np.inf)


@njit(forceinline=True, error_model="numpy")
def _find(docs, start, end, doc):
    """Place of a document in a sorted run, or -1."""
    stop = end
    while start < end:
        middle = (start + end) >> 1
        if docs[middle] < doc:
            start = middle + 1
        else:
            end = middle
    return start if start < stop and docs[start] == doc else -1


@njit(forceinline=True, error_model="numpy")
def _worse(score, row, other_score, other_row):
    return score < other_score or (score == other_score and row > other_row)


@njit(error_model="numpy")
def _push(scores, rows, held, score, row):
    """Put a document on the heap whose root is the worst; how many are held."""
    if held < scores.size:
        i = held
        while i > 0:
            up = (i - 1) >> 1
            if not _worse(score, row, scores[up], rows[up]):
                break
            scores[i], rows[i] = scores[up], rows[up]
            i = up
        scores[i], rows[i] = score, row
        return held + 1
    if _worse(scores[0], rows[0], score, row):
        _sink(scores, rows, held, score, row)
    return held


@njit(error_model="numpy")
def _sink(scores, rows, held, score, row):
    """Put a document in the place of the root, and then where it belongs."""
    i = 0
    while True:
        down = 2 * i + 1
        if down >= held:
            break
        other = down + 1
        if other < held and _worse(scores[other], rows[other], scores[down], rows[down]):
            down = other
        if not _worse(scores[down], rows[down], score, row):
            break
        scores[i], rows[i] = scores[down], rows[down]
        i = down
    scores[i], rows[i] = score, row


@njit(error_model="numpy")
def _accumulate(sums, docs, counts, lengths, values, a, c, weight, d):
    """Add what a run gives to the sums of a window."""
    last = np.int64(lengths.size - 1)
    for i in range(docs.size):
        doc = min(np.int64(docs[i]), last)
        f = values[counts[i]]
        sums[doc] += weight * (f / (f + a + c * lengths[doc]) + d)


@njit(error_model="numpy")
def _offer(
    doc, first, alive, sums, lengths, docs, counts, values, a, c, d, begins, ends, weights, rest,
    essential, active, up, low,
):  # fmt: skip
    """The whole score of a document of a window, or -inf where it cannot be among the best."""
    score = sums[doc]
    sums[doc] = np.float32(0)
    if (score + rest[essential]) * up < low or (alive.size and not alive[first + doc]):
        return LOWEST
    for t in range(essential, active):
        if (score + rest[t]) * up < low:
            return LOWEST
        place = _find(docs, begins[t], ends[t], doc)
        if place >= 0:
            f = values[counts[place]]
            score += weights[t] * (f / (f + a + c * lengths[doc]) + d)
    return score


@njit(nogil=True, cache=True, error_model="numpy")
def search(
    term_runs, run_windows, run_posts, run_peaks, docs, counts, lengths, alive,
    ends, terms, weights, values, a, c, d, slack, base, heap_scores, heap_rows, held,
):  # fmt: skip
    """Offer the documents of one segment to the heaps of all queries.

    Args:
        term_runs, ..., lengths: arrays of the segment, see `postings`; the runs of the terms asked
            for were checked.
        alive: (n,) uint8, 0 for documents that are not to be found; or empty.
        ends: (m + 1,) int64 into terms (int32, -1 where the segment has none) and weights.
        values: (256,) float32 of the codes. a, c, d: K is a + c * length.
        slack: float32, what the peaks are multiplied by to be bounds today.
        base: number of the segment's first document.
        heap_scores, heap_rows, held: (m, k) float32, (m, k) int64 and (m,) int64, changed.
    """
    widest = 0
    for q in range(ends.size - 1):
        widest = max(widest, ends[q + 1] - ends[q])
    begins, stops = np.empty(widest, np.int64), np.empty(widest, np.int64)
    weight, rest = np.empty(widest, np.float32), np.empty(widest + 1, np.float32)
    run, last_run = np.empty(widest, np.int64), np.empty(widest, np.int64)
    share = np.empty(widest, np.float32)
    sums = np.zeros(min(WINDOW, lengths.size), np.float32)
    for q in range(ends.size - 1):
        asked = 0
        for i in range(ends[q], ends[q + 1]):
            if terms[i] >= 0:
                run[asked], last_run[asked] = term_runs[terms[i]], term_runs[terms[i] + 1]
                share[asked] = weights[i]
                asked += 1
        best, rows = heap_scores[q], heap_rows[q]
        for window in range((lengths.size + WINDOW - 1) // WINDOW):
            active, posts = 0, 0
            for t in range(asked):
                r = run[t]
                if r < last_run[t] and run_windows[r] == window:
                    begins[active], stops[active] = run_posts[r], run_posts[r + 1]
                    weight[active] = share[t]
                    rest[active] = share[t] * (np.float32(run_peaks[r]) * slack + d)
                    posts += stops[active] - begins[active]
                    run[t] = r + 1
                    active += 1
            if active:
                held[q] = _window(
                    window, active, posts, begins, stops, weight, rest, docs, counts, lengths,
                    alive, sums, values, a, c, d, base, best, rows, held[q],
                )  # fmt: skip


@njit(error_model="numpy")
def _window(
    window, active, posts, begins, stops, weight, rest, docs, counts, lengths, alive, sums, values,
    a, c, d, base, best, rows, held,
):  # fmt: skip
    """One window: score by the terms that matter, look the others up for who may still win."""
    rest[active] = 0
    for t in range(active - 1, -1, -1):
        rest[t] += rest[t + 1]
    low = best[0] if held == best.size else LOWEST
    up = np.float32(1 + ROUNDING * (active + 32))
    essential = active
    while essential > 0 and rest[essential - 1] * up < low:
        essential -= 1
        posts -= stops[essential] - begins[essential]
    if essential == 0:
        return held
    first = window * WINDOW
    part = lengths[first : min(first + WINDOW, lengths.size)]
    for t in range(essential):
        run = slice(begins[t], stops[t])
        _accumulate(sums, docs[run], counts[run], part, values, a, c, weight[t], d)
    if posts * DENSE > part.size:
        for doc in range(part.size):
            if sums[doc] != 0:
                score = _offer(
                    doc, first, alive, sums, part, docs, counts, values, a, c, d, begins, stops,
                    weight, rest, essential, active, up, low,
                )  # fmt: skip
                if score > LOWEST:
                    held = _push(best, rows, held, score, base + first + doc)
                    low = best[0] if held == best.size else LOWEST
        return held
    for t in range(essential):
        for i in range(begins[t], stops[t]):
            doc = min(np.int64(docs[i]), part.size - 1)
            if sums[doc] != 0:
                score = _offer(
                    doc, first, alive, sums, part, docs, counts, values, a, c, d, begins, stops,
                    weight, rest, essential, active, up, low,
                )  # fmt: skip
                if score > LOWEST:
                    held = _push(best, rows, held, score, base + first + doc)
                    low = best[0] if held == best.size else LOWEST
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
            _sink(scores[q], rows[q], n, score, row)
        scores[q, held[q] :] = LOWEST
        rows[q, held[q] :] = -1


@njit(nogil=True, cache=True, error_model="numpy")
def peaks(run_windows, run_posts, docs, counts, lengths, values, a, c, out):
    """The most f / (f + K) of each run, in 255ths, rounded up."""
    for r in range(run_windows.size):
        first, most = np.int64(run_windows[r]) * WINDOW, np.float32(0)
        for i in range(run_posts[r], run_posts[r + 1]):
            f = values[counts[i]]
            most = max(most, f / (f + a + c * lengths[first + docs[i]]))
        out[r] = min(255, np.int64(np.ceil(most * np.float32(255.001))))


@njit(nogil=True, cache=True, error_model="numpy")
def count_live(term_runs, run_windows, run_posts, docs, alive, out):
    """In how many documents that are alive each term stands."""
    for term in range(term_runs.size - 1):
        live = 0
        for r in range(term_runs[term], term_runs[term + 1]):
            first = np.int64(run_windows[r]) * WINDOW
            for i in range(run_posts[r], run_posts[r + 1]):
                doc = min(first + np.int64(docs[i]), alive.size - 1)
                live += alive[doc]
        out[term] = live
