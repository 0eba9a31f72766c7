"""PCA: scikit-learn's checks and its PCA, laws, the bound of variances, merging, refusals."""

import copy

import numpy as np
import pytest
from sklearn.decomposition import PCA as Peer
from sklearn.utils.estimator_checks import parametrize_with_checks

from thrifty.core import BudgetError, record_of
from thrifty.laws import LAWS
from thrifty.learn import PCA
from thrifty.run import fold
from thrifty.sketch import FrequentDirections

CASES = [law for name in record_of(PCA).laws for law in LAWS[name]]


@parametrize_with_checks([PCA(1)], expected_failed_checks=lambda _: {})
def test_scikit_learn(estimator, check):
    """scikit-learn's own checks of an estimator."""
    check(estimator)


@pytest.mark.parametrize("ell", [None, 5])
@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law, ell):
    """The laws the record names hold, also where directions are lost."""
    if ell and law.__name__ == "moving_all_rows_moves_the_mean_only":
        pytest.skip("what is lost depends on where the rows are")
    law(lambda: PCA(3, ell=ell))


def rows(number=1000, width=30, decay=0.8, seed=0):
    """Rows of falling variance about a mean."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(width, width)))[0]
    return rng.normal(size=(number, width)) * decay ** np.arange(width) @ turn + 3


def test_agrees_with_scikit_learn():
    """Where nothing is lost: components but for the sign, variances, ratios, mean."""
    x = rows()
    ours, theirs = PCA(5, ell=30).fit(x), Peer(5).fit(x)
    np.testing.assert_allclose(np.abs((ours.components_ * theirs.components_).sum(1)), 1, rtol=1e-9)
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(
        ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-9
    )
    np.testing.assert_allclose(ours.mean_, theirs.mean_)
    assert ours.variance_bound_ == 0
    assert list(ours.get_feature_names_out()) == [f"pca{i}" for i in range(5)]


@pytest.mark.parametrize("ell", [6, 10, 16])
def test_variances_keep_their_bound(ell):
    """Variance along each found direction is at most the bound above what is told."""
    x = rows(3000, 60, 0.9)
    model = PCA(4, ell=ell).fit(x)
    true = ((x - x.mean(axis=0)) @ model.components_.T).var(axis=0, ddof=1)
    gaps = true - model.explained_variance_
    assert (gaps > -1e-9).all()
    assert (gaps <= model.variance_bound_ + 1e-9).all()
    assert model.variance_bound_ > 0


def test_sums_of_parts_merge():
    """Halves summed apart and merged give nearly the components of all."""
    x = rows(2000, 40, 0.7)
    halves = [FrequentDirections(40, 20).add(part) for part in np.split(x, 2)]
    merged = PCA.of(halves[0].merge(halves[1]), n_components=3)
    whole = PCA(3, ell=20).fit(x)
    angles = np.linalg.svd(merged.components_ @ whole.components_.T)[1]
    assert angles.min() > 1 - 1e-6
    assert merged.ell == 20


def test_a_fold_trains_it():
    """Rows folded in parts give the components of all, where nothing is lost."""
    x = rows()
    found = PCA.of(fold(x, FrequentDirections(30, 30), threads=2, partition="50 kB"))
    whole = PCA(2, ell=30).fit(x)
    np.testing.assert_allclose(np.abs((found.components_ * whole.components_).sum(axis=1)), 1)


def test_memory_is_kept():
    """A budget chooses the rows that are kept; a file brings all back, and learns on."""
    x = rows(500, 100)
    model = PCA(2, memory="20 kB").fit(x)
    assert model.nbytes <= 20_000
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(twin.transform(x), model.transform(x))
    assert twin.partial_fit(x).directions_.weight == 1000
    assert model.directions_.weight == 500


def test_refusals():
    """More components than columns, no memory, sums that are none."""
    x = rows(50, 4)
    with pytest.raises(ValueError, match=r"^n_components must be in 1\.\.4, got 5$"):
        PCA(5).fit(x)
    with pytest.raises(ValueError, match=r"^ell must be in 1\.\.\d+, got 0$"):
        PCA(1, ell=0).fit(x)
    with pytest.raises(BudgetError, match=r"^budget must be at least \S+ B for directions of 4 "):
        PCA(1, memory=10).fit(x)
    with pytest.raises(TypeError, match=r"^directions must be FrequentDirections, got None$"):
        PCA.of(None)
