"""RACEClassifier: its laws, its sums against the exact kernel, edges."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from thrifty.core import IncompatibleError, record_of
from thrifty.hashing import PStable
from thrifty.laws import LAWS
from thrifty.learn import RACEClassifier

LAW_CASES = [law for name in record_of(RACEClassifier).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
@pytest.mark.parametrize("kernel", ["distance", "angle"])
def test_law(law, kernel):
    """The laws the record names hold for both kernels."""
    law(lambda: RACEClassifier(60, kernel=kernel, bandwidth=9.0, hashes=4, seed=1))


def test_sums_are_those_of_the_kernel():
    """Over 100 seeds the mean sums are within 4 standard errors of the exact ones."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((300, 3)).astype(np.float32)
    y = np.where(x[:, 0] > 0.5, 1, 0)
    found = []
    for seed in range(100):
        model = RACEClassifier(30, bandwidth=3.0, hashes=2, width=256, seed=seed).fit(x, y)
        found.append(model.kernel_sums(x[:10]))
    far = np.linalg.norm(x[:10, None] - x[None], axis=2)
    near = PStable(3, 2, 1, width=3.0).collision(far)
    exact = np.column_stack([near[:, y == kind].sum(axis=1) for kind in (0, 1)])
    error = np.std(found, axis=0, ddof=1) / np.sqrt(100)
    assert (np.abs(np.mean(found, axis=0) - exact) <= 4 * error).all()


def test_it_is_an_estimator():
    """Arguments are kept, fitting again forgets, and bytes are those of the counters."""
    x = np.random.default_rng(2).standard_normal((100, 2))
    model = RACEClassifier(10, width=64, seed=3)
    assert clone(model).get_params() == model.get_params()
    again = model.fit(x, x[:, 0] > 0).fit(x, x[:, 1] > 0)
    fresh = clone(model).fit(x, x[:, 1] > 0)
    np.testing.assert_array_equal(again.predict_proba(x), fresh.predict_proba(x))
    assert model.nbytes == 2 * 8 * 10 * 64


def test_far_from_all_rows_shares_are_even():
    """Where no counter of a query was touched, no class is preferred."""
    x = np.random.default_rng(2).standard_normal((100, 2))
    model = RACEClassifier(10, bandwidth=0.5, width=2**20).fit(x, x[:, 0] > 0)
    shares = model.predict_proba([[1e6, -1e6]])
    np.testing.assert_allclose(shares, 0.5, atol=0.01)


def test_refusals():
    """Bad arguments, new classes and strangers are refused."""
    x, y = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"^kernel must be one of distance, angle, got 'cosine'$"):
        RACEClassifier(kernel="cosine").fit(x, y)
    with pytest.raises(ValueError, match=r"^hashes must be in 1\.\.24, got 25$"):
        RACEClassifier(hashes=25).fit(x, y)
    with pytest.raises(ValueError, match=r"^width must be in 2\.\.1048576, got 1$"):
        RACEClassifier(width=1).fit(x, y)
    model = RACEClassifier().fit(x, y)
    with pytest.raises(ValueError, match=r"^y must be of \[0, 1\], got .*2"):
        model.partial_fit(x, y + 1)
    with pytest.raises(ValueError, match=r"^classes must be \[0, 1\], got \[5, 6\]$"):
        model.merge(RACEClassifier().fit(x, y + 5))
    with pytest.raises(IncompatibleError, match=r"^cannot merge RACE\("):
        model.merge(RACEClassifier(seed=1).fit(x, y))
    with pytest.raises(NotFittedError):
        RACEClassifier().predict(x)
