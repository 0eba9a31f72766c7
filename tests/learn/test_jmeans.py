"""J-means: scikit-learn's checks, laws, flat k-means, few rows, refusals."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.utils.estimator_checks import parametrize_with_checks

from thrifty.core import record_of
from thrifty.laws import LAWS
from thrifty.learn import JMeans, KMeans

CASES = [law for name in record_of(JMeans).laws for law in LAWS[name]]
GAPS = "labels are places in a tree, of which some stand empty"


@parametrize_with_checks([JMeans()], expected_failed_checks=lambda _: {"check_clustering": GAPS})
def test_scikit_learn(estimator, check):
    """scikit-learn's own checks of an estimator."""
    check(estimator)


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold where all leaves are looked at."""
    law(lambda: JMeans(3, 2, n_probe=9))


def test_a_tree_costs_little_more_than_flat_clusters():
    """64 leaves: at most 1.25 times the inertia of 64 flat clusters, less with more probes."""
    x = make_blobs(4000, centers=64, n_features=8, cluster_std=2.0, random_state=1)[0]
    flat = KMeans(64).fit(x).inertia_
    narrow, wide = JMeans(8, 2).fit(x), JMeans(8, 2, n_probe=8).fit(x)
    assert wide.inertia_ <= narrow.inertia_ < 1.5 * flat
    assert wide.inertia_ < 1.25 * flat
    assert (narrow.predict(x, n_probe=8) == wide.predict(x)).all()


def test_few_rows_are_leaves_themselves():
    """Three points in a tree of 9 leaves: each is its own."""
    x = np.random.default_rng(0).normal(size=(3, 2))
    model = JMeans(3, 2, n_probe=9).fit(np.repeat(x, 3, axis=0))
    assert model.inertia_ == pytest.approx(0, abs=1e-20)
    assert len(set(model.predict(x).tolist())) == 3
    assert model.tree_.counts.sum() == 9


def test_refusals():
    """A tree too large, one branch, a search of nothing."""
    x = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(ValueError, match=r"^branches\*\*depth must be in 2\.\.16777216, got "):
        JMeans(1000, 3).fit(x)
    with pytest.raises(ValueError, match=r"^branches must be in 2\.\.65536, got 1$"):
        JMeans(1).fit(x)
    with pytest.raises(ValueError, match=r"^n_probe must be in 1\.\.65536, got 0$"):
        JMeans(2).fit(x).predict(x, n_probe=0)
