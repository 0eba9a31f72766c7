"""K-means: the best means by brute force and beside scikit-learn, weights, ties and refusals."""

from itertools import combinations

import numpy as np
import pytest

from thrifty.codec.kmeans import kmeans_1d
from thrifty.core import IncompatibleError


def cost(values, weights, means):
    """Weighted squared distances to the nearest mean."""
    return float((weights * ((values[:, None] - means) ** 2).min(axis=1)).sum())


def least(values, weights, k):
    """The least cost over all ways to cut the sorted values into k runs."""
    order = np.argsort(values)
    values, weights = values[order], weights[order]
    found = []
    for cuts in combinations(range(1, len(values)), k - 1):
        runs = np.split(np.arange(len(values)), cuts)
        means = np.array([np.average(values[run], weights=weights[run]) for run in runs])
        found.append(cost(values, weights, means))
    return min(found)


@pytest.mark.parametrize("n", [1, 2, 5, 9, 12])
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_no_cut_is_better(n, k):
    """Weights over five orders of magnitude, values that repeat: as good as brute force."""
    rng = np.random.default_rng(100 * n + k)
    for _ in range(5):
        values, weights = rng.integers(-6, 7, n) * 1.5, 10 ** rng.uniform(-4, 1, n)
        made = kmeans_1d(values[None], k, weights)[0]
        assert (np.diff(made) >= 0).all()
        best = least(values, weights, min(k, n))
        assert cost(values, weights, made) == pytest.approx(best, rel=1e-9, abs=1e-12)


def test_rows_do_not_depend_on_each_other():
    """Many rows at once are each row alone, with weights of its own."""
    rng = np.random.default_rng(7)
    values, weights = rng.standard_normal((6, 200)), rng.random((6, 200))
    together = kmeans_1d(values, 8, weights)
    alone = [kmeans_1d(values[i : i + 1], 8, weights[i])[0] for i in range(6)]
    np.testing.assert_array_equal(together, alone)


def test_far_from_zero_nothing_is_lost():
    """Values that share a large part are cut as they are without it."""
    values = np.random.default_rng(3).standard_normal((2, 300))
    np.testing.assert_allclose(kmeans_1d(values + 1e6, 5) - 1e6, kmeans_1d(values, 5), atol=1e-8)


def test_fewer_values_than_means_repeat_the_last():
    """All values are kept, and the row is filled up."""
    assert kmeans_1d([[3.0, 1.0]], 4).tolist() == [[1.0, 3.0, 3.0, 3.0]]


def test_weights_of_zero_are_no_fault():
    """What does not count moves no mean; where nothing counts all count alike."""
    assert kmeans_1d([[0.0, 0, 50, 9]], 2, [1, 1, 0, 1]).round(6).tolist() == [[0.0, 9.0]]
    assert kmeans_1d([[0.0, 1, 8, 9]], 2, [0, 0, 0, 0]).tolist() == [[0.5, 8.5]]


@pytest.mark.peers
def test_scikit_learn_finds_nothing_better():
    """The best of ten starts of its KMeans, weighted, costs at least as much."""
    cluster = pytest.importorskip("sklearn.cluster")
    rng = np.random.default_rng(0)
    values, weights = rng.standard_normal(300), rng.random(300) ** 3
    peer = cluster.KMeans(8, n_init=10, random_state=0).fit(values[:, None], None, weights)
    ours = cost(values, weights, kmeans_1d(values[None], 8, weights)[0])
    assert ours <= peer.inertia_ * (1 + 1e-12)


def test_what_does_not_fit_is_refused():
    """Shapes, ranges and numbers by name."""
    with pytest.raises(ValueError, match=r"^k must be in 1\.\.65536, got 0$"):
        kmeans_1d([[1.0]], 0)
    with pytest.raises(IncompatibleError, match=r"^values must be \(rows, n >= 1\), got shape"):
        kmeans_1d([1.0, 2, 3], 2)
    with pytest.raises(IncompatibleError, match=r"^weights of shape \(2,\) do not fit \(1, 3\)$"):
        kmeans_1d([[1.0, 2, 3]], 2, [1, 1])
    with pytest.raises(ValueError, match=r"^values must be finite, got inf or NaN$"):
        kmeans_1d([[1.0, np.inf]], 2)
    with pytest.raises(ValueError, match=r"^weights must be finite and at least 0, got others$"):
        kmeans_1d([[1.0, 2]], 2, [1, -1])
