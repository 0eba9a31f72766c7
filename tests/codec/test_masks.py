"""Masks: exact counts, nesting, patterns, and what is refused."""

import itertools

import numpy as np
import pytest

from thrifty.codec.masks import largest, n_of_m, pattern


def test_largest_is_the_head_of_a_stable_sort():
    """For every count, with many ties: the first of equal scores stay, and masks nest."""
    scores = np.random.default_rng(0).integers(0, 5, (7, 9))
    order = np.argsort(-scores.ravel(), kind="stable")
    for count in range(scores.size + 1):
        mask = largest(scores, count)
        assert mask.shape == scores.shape
        assert set(np.flatnonzero(mask)) == set(order[:count])


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 2), (2, 4), (3, 5), (4, 4)])
@pytest.mark.parametrize("width", [0, 1, 4, 7, 10])
def test_n_of_m_is_the_best_choice_of_every_group(n, m, width):
    """Among all choices of n in a group, as brute force finds; a short last group too."""
    scores = np.random.default_rng(width).standard_normal((3, 2, width))
    mask = n_of_m(scores, n, m)
    assert mask.shape == scores.shape
    for row, kept in zip(scores.reshape(6, width), mask.reshape(6, width), strict=True):
        for start in range(0, width, m):
            group, chosen = row[start : start + m], kept[start : start + m]
            count = min(n, group.size)
            sums = [group[list(c)].sum() for c in itertools.combinations(range(group.size), count)]
            assert chosen.sum() == count
            assert group[chosen].sum() == pytest.approx(max(sums))


def test_single_scores():
    """A score without axes is its own group."""
    assert n_of_m(3.0).all()
    assert largest(3.0, 1).shape == ()


def test_pattern_reads_shares_and_groups():
    """A number is a share, a text is n:m."""
    assert pattern(1) == 1.0
    assert pattern("1:256") == (1, 256)


@pytest.mark.parametrize("keep", ["4:2", "0:4", "2:257", "2-4", ""])
def test_other_patterns_are_refused(keep):
    """The message shows what was asked."""
    message = rf"^keep must be a share in 0\.\.1 or a pattern such as '2:4', got '{keep}'$"
    with pytest.raises(ValueError, match=message):
        pattern(keep)


def test_arguments_out_of_range_are_named():
    """Counts, groups and shares."""
    with pytest.raises(ValueError, match=r"^count must be in 0\.\.3, got 4$"):
        largest([1, 2, 3], 4)
    with pytest.raises(TypeError, match=r"^count must be a whole number in 0\.\.3, got 0\.5$"):
        largest([1, 2, 3], 0.5)
    with pytest.raises(ValueError, match=r"^n must be in 1\.\.4, got 5$"):
        n_of_m([1, 2, 3], 5)
    with pytest.raises(ValueError, match=r"^m must be in 1\.\.256, got 0$"):
        n_of_m([1, 2, 3], 1, 0)
    with pytest.raises(ValueError, match=r"^keep must be in 0\.\.1, got 2$"):
        pattern(2)
    with pytest.raises(TypeError, match=r"^keep must be a number in 0\.\.1, got None$"):
        pattern(None)


def test_scores_that_are_no_numbers_are_refused():
    """NaN has no place in an order."""
    for choose in (lambda s: largest(s, 1), n_of_m):
        with pytest.raises(ValueError, match=r"^scores must be numbers, got NaN$"):
            choose([1.0, np.nan])
