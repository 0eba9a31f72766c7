"""K-means: scikit-learn's checks and its KMeans, laws, streams, passes made elsewhere."""

import copy
import warnings

import numpy as np
import pytest
from sklearn.cluster import KMeans as Peer
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from thrifty.core import FormatError, record_of
from thrifty.laws import LAWS
from thrifty.learn import ClusterSums, KMeans
from thrifty.run import fold

CASES = [law for name in record_of(KMeans).laws for law in LAWS[name]]
WEIGHTS = "a row drawn twice is another draw than one row of weight 2, as in scikit-learn's own"


@parametrize_with_checks(
    [KMeans()],
    expected_failed_checks=lambda _: {"check_sample_weight_equivalence_on_dense_data": WEIGHTS},
)
def test_scikit_learn(estimator, check):
    """scikit-learn's own checks of an estimator."""
    check(estimator)


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: KMeans(12))


def blobs(rows=1500, seed=0):
    """Rows around twelve places."""
    return make_blobs(rows, centers=12, n_features=6, cluster_std=1.5, random_state=seed)[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inertia_is_that_of_scikit_learn(dtype):
    """The mean of five seeds is at most one percent above scikit-learn's."""
    x = blobs().astype(dtype)
    ours = [KMeans(12, random_state=seed).fit(x).inertia_ for seed in range(5)]
    theirs = [Peer(12, n_init=1, random_state=seed).fit(x).inertia_ for seed in range(5)]
    assert np.mean(ours) <= 1.01 * np.mean(theirs)


def test_from_the_same_seeds_the_centres_are_the_same():
    """Lloyd's algorithm from given centres moves as scikit-learn's does."""
    x = blobs()
    centres = x[:12]
    for passes in (1, 2, 5):
        mine = centres
        for _ in range(passes):
            mine = ClusterSums(mine).add(x).step()
        peer = Peer(12, init=centres, n_init=1, max_iter=passes, tol=0, algorithm="lloyd")
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            np.testing.assert_allclose(mine, peer.fit(x).cluster_centers_, atol=1e-9)


def test_passes_in_parts_are_passes():
    """Sums of parts, merged and adopted, are the estimator after one more pass."""
    x = blobs()
    start = KMeans(12, max_iter=1).fit(x).cluster_centers_
    whole = KMeans.of(ClusterSums(start).add(x))
    parts = [ClusterSums(start).add(part) for part in np.array_split(x, 7)]
    merged = parts[0]
    for part in parts[1:]:
        merged.absorb(part)
    np.testing.assert_allclose(KMeans.of(merged).cluster_centers_, whole.cluster_centers_)
    np.testing.assert_array_equal(KMeans.of(merged).predict(x), whole.predict(x))


def test_a_fold_makes_passes():
    """Passes folded over parts of the rows lead where passes over all lead."""
    x = blobs()
    folded = direct = KMeans(12, max_iter=1).fit(x).cluster_centers_
    for _ in range(5):
        folded = fold(x, ClusterSums(folded), threads=2, partition="20 kB").step()
        direct = ClusterSums(direct).add(x).step()
    np.testing.assert_allclose(folded, direct)


def test_batches_move_centres_by_one_over_count():
    """After each batch a centre is the mean of all rows it has been given."""
    x = blobs(600)
    model, given = KMeans(5), [np.zeros((0, 6)) for _ in range(5)]
    for start in range(0, 600, 50):
        batch = x[start : start + 50]
        model.partial_fit(batch)
        given = [np.vstack([g, batch[model.labels_ == j]]) for j, g in enumerate(given)]
        means = np.array([g.mean(axis=0) for g in given])
        np.testing.assert_allclose(model.cluster_centers_, means)


def test_a_stream_is_nearly_as_good_as_all_at_once():
    """Ten batches of 150 rows: at most 1.5 times the cost of passes over all."""
    x, model = blobs(seed=3), KMeans(12)
    for part in np.array_split(np.random.default_rng(0).permutation(x), 10):
        model.partial_fit(part)
    assert -model.score(x) < 1.5 * KMeans(12).fit(x).inertia_


def test_weights_are_repetitions():
    """A pass over weighted rows moves centres as repeated rows would."""
    x = blobs(200)
    weights = np.random.default_rng(1).integers(0, 4, 200)
    start = x[:8]
    one = ClusterSums(start).add(x, weights).step()
    np.testing.assert_allclose(one, ClusterSums(start).add(np.repeat(x, weights, axis=0)).step())


def test_answers():
    """Transform is the distances, score the cost, and files bring all back."""
    x = blobs(300)
    model = KMeans(4).fit(x)
    gaps = np.sqrt(((x[:, None] - model.cluster_centers_) ** 2).sum(axis=2))
    np.testing.assert_allclose(model.transform(x), gaps, atol=1e-6)
    assert model.score(x) == pytest.approx(-model.inertia_)
    assert model.score(x, sample_weight=np.full(300, 2.0)) == pytest.approx(-2 * model.inertia_)
    twin = copy.deepcopy(model)
    assert twin.partial_fit(x).n_features_in_ == 6
    assert model.sums_.counts.sum() == 300
    assert list(model.get_feature_names_out()) == ["kmeans0", "kmeans1", "kmeans2", "kmeans3"]


def test_refusals():
    """Fewer rows than clusters, parameters out of range, sums that are none, damage."""
    x = blobs(20)
    with pytest.raises(ValueError, match=r"^n_samples=20 should be >= n_clusters=21$"):
        KMeans(21).fit(x)
    with pytest.raises(ValueError, match=r"^n_clusters must be in 1\.\.\d+, got 0$"):
        KMeans(0).fit(x)
    with pytest.raises(ValueError, match=r"^tol must be in 0\.\.inf, got -1$"):
        KMeans(2, tol=-1).fit(x)
    with pytest.raises(TypeError, match=r"^sums must be ClusterSums, got None$"):
        KMeans.of(None)
    with pytest.raises(FormatError):
        KMeans.from_bytes(KMeans(2).fit(x).to_bytes()[:-3])
