"""Top: the k largest of each row, as a stable sort gives them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from thrifty.learn.top import top_more, top_of

SCORES = st.tuples(st.integers(0, 5), st.integers(1, 12)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.integers(-3, 3).map(float))
)


@given(SCORES, st.data())
def test_it_is_a_stable_sort(scores, data):
    """Best first; equal scores in the order of their places."""
    k = data.draw(st.integers(1, scores.shape[1]))
    ids, best = np.empty((len(scores), k), np.int32), np.empty((len(scores), k), np.float32)
    top_of(scores, ids, best)
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_array_equal(best, np.take_along_axis(scores, expected, axis=1))


@given(SCORES, st.data())
def test_parts_seen_one_after_the_other_are_the_whole(scores, data):
    """Wherever the places are cut, also before k of them were seen."""
    k, cut = (data.draw(st.integers(1, scores.shape[1])) for _ in range(2))
    whole, parts = (
        (np.empty((len(scores), k), np.int32), np.empty((len(scores), k), np.float32))
        for _ in range(2)
    )
    top_of(scores, *whole)
    top_more(np.ascontiguousarray(scores[:, :cut]), 0, *parts)
    top_more(np.ascontiguousarray(scores[:, cut:]), cut, *parts)
    for mine, theirs in zip(parts, whole, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_minus_infinity_is_a_score():
    """A row of nothing else still gives k places."""
    scores = np.full((1, 4), -np.inf, np.float32)
    ids, best = np.empty((1, 3), np.int32), np.empty((1, 3), np.float32)
    top_of(scores, ids, best)
    assert ids.tolist() == [[0, 1, 2]]
