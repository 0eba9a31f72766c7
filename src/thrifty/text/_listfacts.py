"""List facts: the most a run of postings can score, and how many live documents a term has."""

import numpy as np

from thrifty.core.kernels import njit
from thrifty.text.postings import WINDOW

__all__ = ["count_live", "peaks"]


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
