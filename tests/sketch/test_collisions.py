"""Collisions: equal to counting every choice, to the birthday formula, and refusals."""

import itertools

import numpy as np
import pytest

from thrifty.sketch import expected_collisions


def enumerated(hashes, weights, size):
    """The mean number of colliding buckets over every choice of hashes."""
    total = 0.0
    for choice in itertools.product(range(hashes.shape[1]), repeat=len(hashes)):
        rows = np.arange(len(hashes))
        counts = np.bincount(hashes[rows, choice] % size, minlength=size)
        total += weights[rows, choice].prod() * (counts > 1).sum()
    return total


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_enumeration(seed):
    """Seven keys of three hashes each, equal or weighted, certain ones among them."""
    rng = np.random.default_rng(seed)
    hashes, weights = rng.integers(0, 12, (7, 3)), rng.dirichlet([1, 1, 1], 7)
    weights[0], hashes[1] = [1, 0, 0], 5
    sizes = [1, 2, 5, 7, 12, 100]
    exact = [enumerated(hashes, weights, size) for size in sizes]
    np.testing.assert_allclose(expected_collisions(hashes, sizes, weights), exact, atol=1e-12)
    equal = np.full((7, 3), 1 / 3)
    exact = [enumerated(hashes, equal, size) for size in sizes]
    np.testing.assert_allclose(expected_collisions(hashes, sizes), exact, atol=1e-12)


def test_known_hashes_are_counted():
    """One hash a key: the number of buckets that hold two keys or more."""
    hashes = np.random.default_rng(0).integers(0, 2**62, 1000)
    for size in (1, 997, 10_007):
        counts = np.unique(hashes % size, return_counts=True)[1]
        np.testing.assert_allclose(expected_collisions(hashes, [size]), (counts > 1).sum())


def test_free_choice_is_the_birthday_formula():
    """Keys that may go anywhere collide as in the birthday problem."""
    hashes = np.tile(np.arange(50), (20, 1))
    q = 1 / 50
    exact = 50 * (1 - (1 - q) ** 20 - 20 * q * (1 - q) ** 19)
    np.testing.assert_allclose(expected_collisions(hashes, [50]), [exact])


def test_edges():
    """No keys never collide; refusals name the argument."""
    assert expected_collisions([], [3, 4]).tolist() == [0, 0]
    assert expected_collisions([1, 2], []).tolist() == []
    with pytest.raises(TypeError, match=r"^hashes must be integers, got float64$"):
        expected_collisions([0.5], [3])
    with pytest.raises(ValueError, match=r"^hashes must be from 0 to 2\*\*63 - 1, got -1\.\.2$"):
        expected_collisions([-1, 2], [3])
    with pytest.raises(ValueError, match=r"^sizes must be rows of numbers, got shape \(1, 1\)$"):
        expected_collisions([1], [[3]])
    with pytest.raises(ValueError, match=r"^size must be in 1\.\..*, got 0$"):
        expected_collisions([1], [0])
    with pytest.raises(ValueError, match=r"^weights must be \(1, 2\) chances, each row adding up"):
        expected_collisions([[1, 2]], [3], [[0.5, 0.6]])
