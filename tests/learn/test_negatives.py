"""Negatives: five selectors, one contract; what each prefers, and its edges."""

import numpy as np
import pytest

from thrifty.hashing import SimHash
from thrifty.index import MaxIPIndex
from thrifty.learn.negatives import HiddenLSH, LabelLSH, LogFrequency, Uniform
from thrifty.learn.selectors import NAMES, make_selector

C, D = 500, 12


def world(seed=0):
    """Rows, biases and a tile of hidden values."""
    rng = np.random.default_rng(seed)
    shapes = ((C, D), (C,), (32, D))
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def made(name):
    """A selector that has seen the rows."""
    weights, bias, _ = world()
    counts = np.random.default_rng(1).integers(0, 99, C)
    selector = make_selector(name, C, D, counts=counts, memory="2 MB")
    selector.refresh(weights, bias, None)
    return selector


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num", [0, 1, 60, 300, 480, 490, 10_000])
def test_negatives_are_sorted_unique_and_disjoint(name, num):
    """Exactly num classes (all others if fewer), sorted, unique, none of the positives."""
    rng, hidden = np.random.default_rng(2), world()[2]
    positives = np.arange(0, 40, 4, dtype=np.int32)
    ids = made(name).select(rng, hidden, positives, num)
    assert ids.dtype == np.int32
    assert len(ids) == min(num, C - 10)
    assert (np.diff(ids) > 0).all()
    assert ((ids >= 0) & (ids < C)).all()
    assert not set(ids.tolist()) & set(positives.tolist())


@pytest.mark.parametrize("name", NAMES)
def test_the_same_generator_gives_the_same_negatives(name):
    """Two selectors made alike, asked alike, choose alike; another generator differs."""
    hidden, positives = world()[2], np.array([3, 9], np.int32)
    draws = [made(name).select(np.random.default_rng(s), hidden, positives, 200) for s in (5, 5, 6)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert name.startswith("ls") or not np.array_equal(draws[0], draws[2])


@pytest.mark.parametrize("name", NAMES)
def test_works_before_the_first_refresh_and_without_positives(name):
    """A fresh selector chooses too, for an empty set of positives."""
    selector = make_selector(name, C, D, memory="2 MB")
    none = np.empty(0, np.int32)
    ids = selector.select(np.random.default_rng(0), world()[2], none, 50)
    assert len(set(ids.tolist())) == 50


@pytest.mark.parametrize("num", [5, 30])
def test_uniform_is_uniform(num):
    """Each class outside the positives is drawn alike, within 5 standard errors."""
    rng, positives = np.random.default_rng(3), np.array([0, 7], np.int32)
    trials, selector = 4000, Uniform(50)
    seen = np.zeros(50)
    for _ in range(trials):
        seen[selector.select(rng, np.empty((0, 0), np.float32), positives, num)] += 1
    p = num / 48
    assert (seen[positives] == 0).all()
    error = np.sqrt(trials * p * (1 - p))
    assert np.abs(np.delete(seen, positives) - trials * p).max() < 5 * error


def test_log_frequency_follows_the_rank():
    """One draw takes the class of rank r with probability log(1 + 1 / (r + 1)) / log(C + 1)."""
    counts = np.random.default_rng(4).permutation(30)
    rng, none, trials = np.random.default_rng(5), np.empty(0, np.int32), 5000
    selector, seen = LogFrequency(counts), np.zeros(30)
    for _ in range(trials):
        seen[selector.select(rng, np.empty((0, 0), np.float32), none, 1)] += 1
    rank = np.argsort(np.argsort(-counts))
    p = np.log1p(1 / (rank + 1)) / np.log(31)
    assert np.abs(seen - trials * p).max() < 5 * np.sqrt(trials * p * (1 - p)).max()


def mean_score(selector, hidden, positives, weights, bias):
    """Mean score that the negatives get from the tile."""
    ids = selector.select(np.random.default_rng(6), hidden, positives, 50)
    return (hidden @ weights[ids].T + bias[ids]).mean(axis=0)


def test_hidden_lsh_finds_classes_that_the_tile_scores_high():
    """For a tile around one direction, its negatives score far above uniform ones."""
    weights, bias, hidden = world()
    hidden = hidden * 0.4 + hidden[0] * 2
    positives = np.array([1], np.int32)
    near = mean_score(made("lsh-hidden"), hidden, positives, weights, bias)
    far = mean_score(Uniform(C), hidden, positives, weights, bias)
    assert near.mean() - far.mean() > 4 * np.sqrt(near.var() / 50 + far.var() / 50)


def test_label_lsh_finds_classes_that_resemble_the_positives():
    """The rows of its negatives have a larger cosine with a positive's row than uniform ones."""
    weights, bias, hidden = world()
    unit = np.column_stack([weights, bias])
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    positives, rng = np.array([11], np.int32), np.random.default_rng(7)
    near = unit[made("lsh-label").select(rng, hidden, positives, 50)] @ unit[11]
    far = unit[Uniform(C).select(rng, hidden, positives, 50)] @ unit[11]
    assert near.mean() - far.mean() > 4 * np.sqrt(near.var() / 50 + far.var() / 50)


@pytest.mark.parametrize("kind", [HiddenLSH, LabelLSH])
def test_refresh_of_some_rows_equals_refresh_of_all(kind):
    """Where buckets never fill, telling the changed ids chooses as a full refresh does."""
    weights, bias, _ = world()
    positives, ids = np.array([2, 5], np.int32), np.arange(0, C, 2, dtype=np.int32)
    some, all_ = (kind(MaxIPIndex(SimHash(D + 1, 4, 6, seed=1), capacity=C), C) for _ in range(2))
    some.refresh(weights, bias, None)
    weights[ids] *= -1
    some.refresh(weights, bias, ids)
    all_.refresh(weights, bias, None)
    chosen = [s.index.neighbours_of_tile(positives, C, positives) for s in (some, all_)]
    np.testing.assert_array_equal(*chosen)


def test_share_leaves_room_for_chance():
    """With a share of one half, half of the negatives are what the index gives."""
    weights, bias, hidden = world()
    index = MaxIPIndex(SimHash(D + 1, 3, 8, seed=1), capacity=C)
    selector = HiddenLSH(index, C, share=0.5)
    selector.refresh(weights, bias)
    positives = np.array([2], np.int32)
    ids = selector.select(np.random.default_rng(0), hidden, positives, 100)
    assert set(selector._near(hidden, positives, 50).tolist()) <= set(ids.tolist())


def test_refusals():
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=r"^num_classes must be in 1\.\.2147483647, got 0$"):
        Uniform(0)
    with pytest.raises(ValueError, match=r"^share must be in 0\.\.1, got 2$"):
        HiddenLSH(MaxIPIndex(SimHash(3, 2, 1)), 5, share=2)
    with pytest.raises(ValueError, match=r"^min\(counts\) must be in 0\.\.inf, got -1$"):
        LogFrequency([3, -1])
    with pytest.raises(ValueError, match=r"^len\(counts\) must be in 1\.\.2147483647, got 0$"):
        LogFrequency([])
