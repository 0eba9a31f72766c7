"""Poisson binomial: its laws, equal to enumeration and fractions, its rounding, edges and bytes."""

import hashlib
import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from thrifty.core import BudgetError, FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.sketch import PoissonBinomial, poisson_binomial

LAW_CASES = [law for name in record_of(PoissonBinomial).laws for law in LAWS[name]]


def exact(p, k):
    """The first k + 1 chances as fractions of the very numbers that float64 holds."""
    found = [Fraction(1)] + [Fraction(0)] * k
    for chance in map(Fraction, p):
        for j in range(k, -1, -1):
            found[j] = found[j] * (1 - chance) + (found[j - 1] * chance if j else 0)
    return found


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: PoissonBinomial(3), st.floats(0, 1) | st.just(float("nan")))


def test_agrees_with_enumeration():
    """All outcomes of nine events, counted one by one, give the whole distribution."""
    p = np.random.default_rng(0).random(9)
    chances = np.zeros(10)
    for outcome in itertools.product([0, 1], repeat=9):
        chances[sum(outcome)] += np.prod(np.where(outcome, p, 1 - p))
    np.testing.assert_allclose(poisson_binomial(p), chances, rtol=1e-13)
    np.testing.assert_allclose(PoissonBinomial(9).add(p).pmf(), chances, rtol=1e-13)


@pytest.mark.parametrize("low", [-12, -3, -1])
@pytest.mark.parametrize("parts", [1, 6])
def test_rounding_is_below_the_bound(low, parts):
    """Every chance is within the relative bound of the exact fraction, streamed and merged."""
    p = np.logspace(low, -0.1, 120)
    sketch = PoissonBinomial(7)
    for part in np.array_split(p, parts):
        sketch.absorb(PoissonBinomial(7).add(part[:5]).add(part[5:]))
    for found, true in zip(sketch.pmf(), exact(p, 7), strict=True):
        assert abs(Fraction(float(found)) / true - 1) <= sketch.error_bound() < 1e-12
    np.testing.assert_allclose(sketch.mean, p.sum())
    np.testing.assert_allclose(sketch.variance, (p * (1 - p)).sum())
    np.testing.assert_allclose(sketch.log_none(), np.log1p(-p).sum())


def test_a_thousand_unlike_events_are_not_poisson():
    """For chances from 1e-9 to 0.09 P(1) is 0.0326, which Poisson's formula puts at 0.0349."""
    p = np.logspace(-9, np.log10(0.09), 1000)
    one = PoissonBinomial(1).add(p).pmf()[1]
    odds = p / (1 - p)
    np.testing.assert_allclose(one, np.exp(np.log1p(-p).sum()) * odds.sum(), rtol=1e-12)
    assert poisson.pmf(1, p.sum()) / one > 1.05


@pytest.mark.parametrize("n", [1, 700, 5000])
def test_like_events_are_binomial(n):
    """Events of one chance have the binomial distribution, the far tails too."""
    np.testing.assert_allclose(
        poisson_binomial([0.3] * n), binom.pmf(range(n + 1), n, 0.3), atol=1e-14
    )
    found = PoissonBinomial(40).add([0.01] * n)
    np.testing.assert_allclose(found.pmf(), binom.pmf(range(41), n, 0.01), rtol=1e-9)
    np.testing.assert_allclose(found.cdf()[-1], binom.cdf(40, n, 0.01))


def test_certain_and_impossible_events():
    """Chances of 0 and 1 are exact; what cannot be has the chance 0."""
    sketch = PoissonBinomial(3).add([1, 0, 1.0, 0.5, 0])
    assert sketch.pmf().tolist() == [0, 0, 0.5, 0.5]
    assert sketch.log_none() == -np.inf
    assert PoissonBinomial(0).add([0.25]).pmf().tolist() == [0.75]
    assert poisson_binomial([]).tolist() == [1]
    assert PoissonBinomial.from_bytes(sketch.to_bytes()) == sketch


def test_chances_may_be_tiny():
    """A chance of none below the smallest float64 is 0, and its logarithm is still right."""
    sketch = PoissonBinomial(2).add(np.full(10_000, 0.5))
    assert sketch.pmf().tolist() == [0, 0, 0]
    np.testing.assert_allclose(sketch.log_none(), -10_000 * np.log(2))


def test_nulls_are_counted():
    """Nulls and NaN are skipped; of nothing, nothing happens."""
    sketch = PoissonBinomial(2).add([0.5, None, float("nan")]).add([])
    assert (sketch.skipped, len(sketch)) == (2, 1)
    assert PoissonBinomial(2).pmf().tolist() == [1, 0, 0]


def test_bad_arguments_are_named():
    """Each refusal names the argument, its rule and its value."""
    with pytest.raises(ValueError, match=r"^k must be in 0\.\.511, got 512$"):
        PoissonBinomial(512)
    with pytest.raises(BudgetError, match=r"^budget must be at least 48 B for a PoissonBinom.*"):
        PoissonBinomial.within(9)
    for refuses in (PoissonBinomial().add, poisson_binomial):
        with pytest.raises(ValueError, match=r"^p must be in 0\.\.1, got 1\.5$"):
            refuses([0.5, 1.5])
        with pytest.raises(TypeError, match=r"^p must be numbers, got times$"):
            refuses(np.array(["2020-01-01"], "datetime64[D]"))
    with pytest.raises(ValueError, match=r"^p must be numbers throughout, got nulls or NaN$"):
        poisson_binomial([0.5, None])
    with pytest.raises(IncompatibleError, match=r"^cannot merge .*k=1.*k=2.*"):
        PoissonBinomial(1).merge(PoissonBinomial(2))


@pytest.mark.parametrize(
    "changed",
    [
        {"pmf": [-0.5, 1]}, {"pmf": [0.7, 0.7]}, {"pmf": [1.0]}, {"pmf": [np.nan, 0]},
        {"tally": [-1, 0]}, {"moments": [-1, 0, 0]}, {"moments": [0, 0, 1]}, {"k": 512},
        {"k": "1"},
    ],
    ids=str,
)  # fmt: skip
def test_lies_are_damage(changed):
    """Chances that cannot be are refused, whatever their checksums."""

    class Lies(PoissonBinomial):
        def arrays(self):
            held = super().arrays()
            return held | {k: np.array(v, held[k].dtype) for k, v in changed.items() if k in held}

        def spec(self):
            return super().spec() | {k: v for k, v in changed.items() if k == "k"}

    with pytest.raises(FormatError):
        PoissonBinomial.from_bytes(Lies(1).add([0.5]).to_bytes())


def test_bytes_are_stable():
    """Golden: the byte format does not move between versions (chances that are exact)."""
    data = PoissonBinomial(3).add([0.5, 0.25, 1.0]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "9c635168cecb9869"
