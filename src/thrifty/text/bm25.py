"""BM25: the k documents of the best scores, window by window, without looking at all of them.

A document's score is the sum over the query's terms of idf * (k1 + 1) * (f / (f + K) + d), where f
is how often the term stands in it, weighted by field, and K = k1 * (1 - b + b * length / mean).
Terms are taken rarest first, always in that order, so that a score is the same to the last bit
however documents are cut into segments.
"""

import numpy as np

from thrifty.core.kernels import njit
from thrifty.text._best import INNER, LOWEST, crests, kth, kth_crest, push
from thrifty.text.postings import WINDOW

__all__ = ["search"]

ROUNDING = 2.5e-7  # relative, of each addition; sums of bounds are rounded up by it
DENSE = 4  # a window is scanned where postings are more than one in so many documents
EARLY = 8  # the rarest terms, with one in so many postings, are scored before the others
MANY = 1 << 14  # postings of a window from which that pays
LONGER = 4  # other terms are looked up where they have so many times the postings
SMALLEST = np.float32(1e-30)


@njit(forceinline=True, **INNER)
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


@njit(forceinline=True, **INNER)
def _accumulate(sums, docs, counts, lengths, values, first, last, begin, end, a, c, weight, d):
    """Add what a run gives to the sums of a window."""
    limit, run, codes, sizes = np.uint64(last), docs[begin:end], counts[begin:end], lengths[first:]
    for i in range(run.size):
        doc = min(np.uint64(run[i]), limit)  # unsigned: no place is counted from the end
        f = values[codes[i]]
        sums[doc] += weight * (f / (f + a + c * sizes[doc]) + d)


@njit(**INNER)
def _complete(
    doc, length, score, docs, counts, values, a, c, d, begins, ends, weights, rest, essential,
    active, up, low,
):  # fmt: skip
    """The whole score of a document, or -inf where it cannot be among the best."""
    for t in range(essential, active):
        if (score + rest[t]) * up < low:
            return LOWEST
        place = _find(docs, begins[t], ends[t], doc)
        if place >= 0:
            f = values[counts[place]]
            score += weights[t] * (f / (f + a + c * length) + d)
    return score


@njit(nogil=True, cache=True, error_model="numpy", counted=False)
def search(
    term_runs, run_windows, run_posts, run_peaks, docs, counts, lengths, alive,
    ends, terms, weights, values, a, c, d, slack, base, heap_scores, heap_rows, held,
    sums, bits, tops, peaks, crest, places, shares,
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
        sums, bits, tops, peaks, crest, places, shares: room to work in: (window,) float32, all 0,
            the same as int32, (k,) float32, (GROUPS,) int32, the same as float32, and (4, terms)
            int64 and (3, terms + 1) float32 for the most terms of a query.
    """
    run, last_run, begins, stops = places[0], places[1], places[2], places[3]
    share, weight, rest = shares[0], shares[1], shares[2]
    for q in range(ends.size - 1):
        asked = np.int64(0)
        for i in range(ends[q], ends[q + 1]):
            if terms[i] >= 0:
                run[asked] = np.int64(term_runs[terms[i]])
                last_run[asked] = np.int64(term_runs[terms[i] + 1])
                share[asked] = weights[i]
                asked += 1
        best, rows = heap_scores[q], heap_rows[q]
        for window in range((lengths.size + WINDOW - 1) // WINDOW):
            active = np.int64(0)  # not the literal 0, for which all below is compiled once more
            for t in range(asked):
                r = run[t]
                if r < last_run[t] and run_windows[r] == window:
                    begins[active], stops[active] = np.int64(run_posts[r]), run_posts[r + 1]
                    weight[active] = share[t]
                    rest[active] = share[t] * (np.float32(run_peaks[r]) * slack + d)
                    run[t] = r + 1
                    active += 1
            if active:
                held[q] = _window(
                    window, active, begins, stops, weight, rest, docs, counts, lengths, alive,
                    sums, bits, tops, peaks, crest, values, a, c, d, base, best, rows, held[q],
                )  # fmt: skip


@njit(**INNER)
def _window(
    window, active, begins, stops, weight, rest, docs, counts, lengths, alive, sums, bits, tops,
    peaks, crest, values, a, c, d, base, best, rows, held,
):  # fmt: skip
    """One window: score by the terms that matter, look the others up for who may still win."""
    rest[active] = 0
    for t in range(active - 1, -1, -1):
        rest[t] += rest[t + 1]
    low = best[0] if held == best.size else LOWEST
    up = np.float32(1 + ROUNDING * (active + 32))
    first = window * WINDOW
    size = min(WINDOW, lengths.size - first)
    done, last, low = _score(
        first, size, active, begins, stops, weight, rest, docs, counts, lengths, alive, sums, bits,
        tops, peaks, crest, values, a, c, d, up, low,
    )  # fmt: skip
    if done == 0:
        return held
    if _posts(begins, stops, np.int64(0), done) * DENSE > size:
        return _scan(
            last, first, size, base, done, active, begins, stops, weight, rest, docs, counts,
            lengths, alive, sums, bits, tops, peaks, crest, values, a, c, d, up, low, best, rows,
            held,
        )  # fmt: skip
    return _walk(
        last, first, size, base, done, active, begins, stops, weight, rest, docs, counts, lengths,
        alive, sums, values, a, c, d, up, low, best, rows, held,
    )  # fmt: skip


@njit(**INNER)
def _score(
    first, size, active, begins, stops, weight, rest, docs, counts, lengths, alive, sums, bits,
    tops, peaks, crest, values, a, c, d, up, low,
):  # fmt: skip
    """Sum the lists that matter but for the last, which is summed as it is looked through.

    Returns how many lists matter, which one is left (or -1), and what a winner must have.
    """
    done, early = np.int64(0), _early(begins, stops, active)
    while True:
        needed = _needed(begins, stops, rest, done, active, up, low)
        stop = early if done < early < needed else needed
        last = stop - 1 if stop == needed and stop > done else -1
        for t in range(done, stop if last < 0 else last):
            _accumulate(
                sums, docs, counts, lengths, values, first, size - 1, begins[t], stops[t], a, c,
                weight[t], d,
            )  # fmt: skip
        done = stop
        if done == needed:
            return done, last, low
        if alive.size or _posts(begins, stops, np.int64(0), done) * DENSE < size:
            low = max(low, kth(docs, begins, stops, done, first, size, alive, sums, tops))
        else:
            low = max(low, kth_crest(crest[: crests(bits, size, peaks)], tops))


@njit(**INNER)
def _scan(
    last, first, size, base, done, active, begins, stops, weight, rest, docs, counts, lengths,
    alive, sums, bits, tops, peaks, crest, values, a, c, d, up, low, best, rows, held,
):  # fmt: skip
    """Offer the documents of a window whose lists are long: all sums, many groups at a time."""
    if last >= 0:
        _accumulate(
            sums, docs, counts, lengths, values, first, size - 1, begins[last], stops[last], a, c,
            weight[last], d,
        )  # fmt: skip
    groups = crests(bits, size, peaks)
    if not alive.size:
        low = max(low, kth_crest(crest[:groups], tops))
    cut = _cut(low, rest[done], up)
    for group in range(groups):
        if crest[group] < cut:
            continue
        for doc in range(group, size, groups):
            if sums[doc] < cut:
                continue
            if done == active and not alive.size:
                held = push(best, rows, held, sums[doc], base + first + doc)
                low = max(low, best[0]) if held == best.size else low
            else:
                held, low = _consider(
                    doc, first, base, sums[doc], docs, counts, lengths, alive, values, a, c, d,
                    begins, stops, weight, rest, done, active, up, low, best, rows, held,
                )  # fmt: skip
            cut = _cut(low, rest[done], up)
    sums[:size] = 0
    return held


@njit(**INNER)
def _walk(
    last, first, size, base, done, active, begins, stops, weight, rest, docs, counts, lengths,
    alive, sums, values, a, c, d, up, low, best, rows, held,
):  # fmt: skip
    """Offer the documents of a window whose lists are short: list by list, each document once."""
    cut = _cut(low, rest[done], up)
    for t in range(done - 1, -1, -1):
        share = weight[t] if t == last else np.float32(0)
        for i in range(begins[t], stops[t]):
            doc = min(np.int64(docs[i]), size - 1)
            score = sums[doc]
            sums[doc] = 0
            if share > 0:
                f = values[counts[i]]
                score += share * (f / (f + a + c * lengths[first + doc]) + d)
            if score < cut:
                continue
            if done == active and not alive.size:
                held = push(best, rows, held, score, base + first + doc)
                low = max(low, best[0]) if held == best.size else low
            else:
                held, low = _consider(
                    doc, first, base, score, docs, counts, lengths, alive, values, a, c, d,
                    begins, stops, weight, rest, done, active, up, low, best, rows, held,
                )  # fmt: skip
            cut = _cut(low, rest[done], up)
    return held


@njit(forceinline=True, **INNER)
def _posts(begins, stops, start, end):
    """Postings of some lists together."""
    total = np.int64(0)
    for t in range(start, end):
        total += stops[t] - begins[t]
    return total


@njit(**INNER)
def _consider(
    doc, first, base, score, docs, counts, lengths, alive, values, a, c, d, begins, stops, weight,
    rest, done, active, up, low, best, rows, held,
):  # fmt: skip
    """Offer one document to the heap; how many that holds, and what it takes to enter it."""
    if alive.size and not alive[first + doc]:
        return held, low
    if done < active:
        score = _complete(
            doc, lengths[first + doc], score, docs, counts, values, a, c, d, begins, stops, weight,
            rest, done, active, up, low,
        )  # fmt: skip
    if score > LOWEST:
        held = push(best, rows, held, score, base + first + doc)
        low = max(low, best[0]) if held == best.size else low
    return held, low


@njit(forceinline=True, **INNER)
def _needed(begins, stops, rest, done, active, up, low):
    """How many terms are to be scored: the others can win alone no more, and are long lists."""
    needed = active
    while needed > done and rest[needed - 1] * up < low:
        needed -= 1
    posts = _posts(begins, stops, np.int64(0), needed)
    later = _posts(begins, stops, needed, active)
    while needed < active and later < posts * LONGER:
        later -= stops[needed] - begins[needed]
        posts += stops[needed] - begins[needed]
        needed += 1
    return needed


@njit(forceinline=True, **INNER)
def _early(begins, stops, active):
    """How many of the rarest terms are to be scored before the others are thought about."""
    posts, total = 0, _posts(begins, stops, np.int64(0), active)
    if total < MANY:
        return active
    for t in range(active):
        posts += stops[t] - begins[t]
        if posts * EARLY > total:
            return t
    return active


@njit(forceinline=True, **INNER)
def _cut(low, rest, up):
    """The least sum of the terms that matter from which a document may be among the best."""
    return max(low / up - rest * up, SMALLEST)
