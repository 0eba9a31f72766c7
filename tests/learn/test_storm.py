"""STORM's estimators: against least squares and logistic regression, shifts of units, edges."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression

from thrifty.learn import StormClassifier, StormRegressor


def rows(seed, n=4000, noise=1.0):
    """Correlated columns in odd units, and a linear target."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4))
    x[:, 1] += 0.5 * x[:, 0]
    y = x @ [1.0, -2.0, 0.5, 0.0] + noise * rng.standard_normal(n)
    return x * [1, 10, 0.1, 3] + [5, -40, 0, 1], 100 * y + 7


@pytest.mark.parametrize("seed", range(3))
def test_regression_is_near_least_squares(seed):
    """The squared error is at most 1.4 times that of least squares, which explains 86 %."""
    x, y = rows(seed)
    model = StormRegressor(2000, seed=seed).fit(x, y)
    exact = LinearRegression().fit(x, y)
    ratio = np.mean((y - model.predict(x)) ** 2) / np.mean((y - exact.predict(x)) ** 2)
    assert 1 <= ratio <= 1.4


def test_it_is_not_total_least_squares():
    """With much noise the coefficients do not blow up, as they would over their own length."""
    x, y = rows(4, noise=4.0)
    model, exact = StormRegressor(2000).fit(x, y), LinearRegression().fit(x, y)
    scale = x.std(axis=0)
    assert np.linalg.norm(model.coef_ * scale) <= 1.2 * np.linalg.norm(exact.coef_ * scale)


@pytest.mark.parametrize("seed", range(3))
def test_classification_is_near_logistic_regression(seed):
    """Accuracy is within 0.03 of logistic regression's, for named classes."""
    x, y = rows(seed)
    names = np.where(y > 60, "high", "low")
    model = StormClassifier(1000, seed=seed).fit(x, names)
    exact = LogisticRegression().fit((x - x.mean(axis=0)) / x.std(axis=0), names)
    best = exact.score((x - x.mean(axis=0)) / x.std(axis=0), names)
    assert model.score(x, names) >= best - 0.03
    assert model.classes_.tolist() == ["high", "low"]
    assert ((model.decision_function(x) > 0) == (model.predict(x) == "low")).all()


def test_units_do_not_matter():
    """Columns and targets in other units give the same predictions in theirs."""
    x, y = rows(5)
    one = StormRegressor(500).fit(x, y).predict(x)
    other = StormRegressor(500).fit(x * 64 + 8, y * 2 - 32).predict(x * 64 + 8)
    np.testing.assert_allclose(other, one * 2 - 32, rtol=0.05, atol=0.05 * np.std(y))


def test_they_are_estimators():
    """Arguments are kept, clones are equal, and the same seed learns the same."""
    x, y = rows(6, n=500)
    model = StormRegressor(100, bits=3, steps=20, seed=2)
    assert clone(model).get_params() == model.get_params()
    np.testing.assert_array_equal(clone(model).fit(x, y).coef_, model.fit(x, y).coef_)
    assert model.sketch_.rows == 500


def test_a_constant_column_is_harmless():
    """A column without variance neither divides by zero nor moves the prediction."""
    x, y = rows(7, n=500)
    x = np.column_stack([x, np.full(500, 3.0)])
    assert np.isfinite(StormRegressor(200, steps=30).fit(x, y).predict(x)).all()
    assert np.isfinite(StormClassifier(200, steps=30).fit(x, y > 0).decision_function(x)).all()


def test_refusals():
    """Bad arguments are named when fitting; asking before it is refused."""
    x, y = rows(8, n=100)
    with pytest.raises(ValueError, match=r"^steps must be in 1\.\.1000000, got 0$"):
        StormRegressor(10, steps=0).fit(x, y)
    with pytest.raises(ValueError, match=r"^directions must be in 1\.\.10000, got 0$"):
        StormRegressor(10, directions=0).fit(x, y)
    with pytest.raises(ValueError, match=r"^spread must be in 0\.001\.\.10, got 0$"):
        StormClassifier(10, spread=0).fit(x, y > 0)
    with pytest.raises(ValueError, match=r"^y must have two classes, got 3$"):
        StormClassifier(10).fit(x, np.arange(100) % 3)
    with pytest.raises(NotFittedError):
        StormRegressor().predict(x)
