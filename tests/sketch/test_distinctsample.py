"""DistinctSample: its laws, exact counts of what it keeps, errors as promised, its edges."""

import hashlib
import re
from collections import Counter

import numpy as np
import pytest

from thrifty.core import (
    BudgetError,
    FormatError,
    IncompatibleError,
    dump,
    record_of,
)
from thrifty.hashing import hash_column
from thrifty.laws import LAWS
from thrifty.sketch import DistinctSample

LAW_CASES = [law for name in record_of(DistinctSample).laws for law in LAWS[name]]
SEEDS = 100


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold, full and not full."""
    law(lambda: DistinctSample(16, seed=7))
    law(lambda: DistinctSample(4096, seed=7))


def test_what_is_kept_is_counted_exactly():
    """The kept values are those of the smallest hashes, with the counts of a Counter."""
    values = np.random.default_rng(1).zipf(1.3, 30_000).tolist()
    sample, parts = DistinctSample(64, seed=3), DistinctSample(64, seed=3)
    for part in np.array_split(np.array(values), 7):
        parts.absorb(DistinctSample(64, seed=3).add(part))
    exact = Counter(hash_column(values, 3).tolist())
    smallest = sorted(exact)[:64]
    held = sample.add(values).arrays()
    assert held["words"].tolist() == smallest
    assert held["counts"].tolist() == [exact[word] for word in smallest]
    assert parts == sample


@pytest.fixture(scope="module")
def answers():
    """Answers of many seeds about one stream: 3,000 values once, 1,000 twice, 500 five times."""
    values = np.repeat(np.arange(4_500), np.repeat([1, 2, 5], [3_000, 1_000, 500]))
    return [DistinctSample(256, seed=seed).add(values) for seed in range(SEEDS)]


@pytest.mark.parametrize(
    ("ask", "truth"),
    [
        (lambda s: s.distinct(), 4_500),
        (lambda s: s.occurring(1), 3_000),
        (lambda s: s.occurring(2, 9), 1_500),
        (lambda s: s.repeated(), 4_500),
    ],
    ids=["distinct", "once", "several", "repeated"],
)
def test_estimates_are_centred_and_covered(answers, ask, truth):
    """The mean of 100 seeds is within 4 standard errors of the truth, and intervals hold it."""
    found = [ask(sample) for sample in answers]
    estimates = np.array([interval.estimate for interval in found])
    assert abs(estimates.mean() - truth) <= 4 * estimates.std() / np.sqrt(SEEDS)
    covered = sum(truth in interval for interval in found)
    assert covered >= SEEDS * (0.95 - 4 * np.sqrt(0.95 * 0.05 / SEEDS))


def test_error_bound_is_kept(answers):
    """At least 95 % of the seeds, less 4 standard errors, are within the bound, which is tight."""
    inside = sum(abs(s.distinct().estimate / 4_500 - 1) <= s.error_bound() for s in answers)
    assert inside >= SEEDS * (0.95 - 4 * np.sqrt(0.95 * 0.05 / SEEDS))
    assert answers[0].error_bound() < 0.15


def test_small_streams_are_exact():
    """While all values fit there is no error; nulls are left out."""
    sample = DistinctSample(16).add(["a", "b", None, "a"])
    assert sample.distinct() == (2, 2, 2)
    assert sample.occurring(1) == (1, 1, 1)
    assert sample.repeated() == (2, 2, 2)
    assert sample.error_bound() == 0
    assert DistinctSample().repeated() == (0, 0, 0)


def test_refusals():
    """Each message names the argument, the rule and the value."""
    with pytest.raises(ValueError, match=r"^size must be in 16\.\.67108864, got 15$"):
        DistinctSample(15)
    with pytest.raises(ValueError, match=r"^low must be in 1\.\."):
        DistinctSample().occurring(0)
    with pytest.raises(BudgetError, match=r"^budget must be at least 264 B for a distinct sample"):
        DistinctSample.within(263)
    with pytest.raises(IncompatibleError, match=r"seed=0\) with DistinctSample\(.*seed=1\)$"):
        DistinctSample().merge(DistinctSample(seed=1))


@pytest.mark.parametrize(
    "arrays",
    [
        {"words": [2, 1], "counts": [1, 1], "rows": [2]},
        {"words": [1, 2], "counts": [1, 0], "rows": [1]},
        {"words": [1, 2], "counts": [1, 1], "rows": [3]},
        {"words": [1, 2], "counts": [1, 1], "rows": [-2]},
        {"words": list(range(17)), "counts": [1] * 17, "rows": [17]},
    ],
    ids=["order", "zero", "sum", "negative", "long"],
)
def test_states_that_cannot_be_are_refused(arrays):
    """A sealed container with an impossible state is damage."""
    kinds = {"words": np.uint64, "counts": np.int64, "rows": np.int64}
    made = {name: np.array(value, kinds[name]) for name, value in arrays.items()}
    header = {"size": 16, "seed": 0}
    data = dump(kind="distinct-sample", version=1, header=header, arrays=made)
    with pytest.raises(FormatError, match=re.escape("a distinct sample")):
        DistinctSample.from_bytes(data)


def test_bytes_are_stable():
    """Golden: the byte format does not move between versions."""
    data = DistinctSample(16, seed=1).add(range(100)).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "af339f13f7db34f1"
