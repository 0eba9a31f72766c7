"""Postings: inverted lists against a dict, across windows; codes of counts."""

from itertools import pairwise

import numpy as np

from thrifty.text._textcounts import code_values, unit_of
from thrifty.text.postings import WINDOW, Gathered, decay, invert, rounded, sort_terms


def test_lists_are_those_of_a_dict():
    """Every term's documents and counts, over two windows and two fields, weights counted."""
    rng, n, words = np.random.default_rng(0), WINDOW + 500, ["b", "a", "dd", "c", "unused"]
    gathered, expected = Gathered([2, 1]), {word: {} for word in words}
    for start in range(0, n, 9000):
        rows, fields = min(9000, n - start), []
        for weight in (2, 1):
            sizes = rng.integers(0, 4, rows)
            ids = rng.integers(-1, 4, sizes.sum()).astype(np.int32)
            fields.append((np.concatenate([[0], np.cumsum(sizes)]), ids))
            for row, i in zip(np.repeat(np.arange(rows), sizes) + start, ids, strict=True):
                if i >= 0:
                    own = expected[words[i]]
                    own[int(row)] = own.get(int(row), 0) + weight
        gathered.add(fields)
    made, lengths = invert(gathered, words)
    assert lengths.size == n
    text, ends = made["term_text"].tobytes(), made["term_ends"]
    names = [text[a:b].decode() for a, b in pairwise(ends)]
    assert names == ["a", "b", "c", "dd"]
    for term, name in enumerate(names):
        runs = slice(made["term_runs"][term], made["term_runs"][term + 1])
        assert made["run_windows"][runs].tolist() == [0, 1]
        found = {}
        for r in range(runs.start, runs.stop):
            for i in range(made["run_posts"][r], made["run_posts"][r + 1]):
                row = int(made["run_windows"][r]) * WINDOW + int(made["docs"][i])
                found[row] = int(made["counts"][i])
        assert found == expected[name]


def test_codes_are_exact_and_then_near():
    """Counts to 191 come back; larger ones within 7.5 percent; units divide all weights."""
    values = code_values()
    assert [rounded(n) for n in range(192)] == list(range(192))
    for n in (192, 500, 12_345, 1_000_000):
        assert abs(rounded(n) / n - 1) < 0.075
    assert values.size == 256
    assert unit_of({"a": 2.5, "b": 1.0}) == 0.5
    assert decay(1.2, 0.65, 1.0, 10.0) == (np.float32(1.2 * 0.35), np.float32(0.078))


def test_terms_are_sorted_by_their_bytes():
    """Also those that are not ASCII, and none."""
    order, text, ends = sort_terms(["b", "\u00e9", "ab", "a"])
    assert order.tolist() == [3, 2, 0, 1]
    assert (text.tobytes(), ends.tolist()) == ("aabb\u00e9".encode(), [0, 1, 3, 4, 6])
    assert sort_terms([])[0].size == 0
