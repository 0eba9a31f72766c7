"""IRLI: its laws, partitions that come together and stay even, and edges."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from thrifty.core import record_of
from thrifty.laws import LAWS
from thrifty.learn import IRLI

LAW_CASES = [law for name in record_of(IRLI).laws for law in LAWS[name]]
GROUPS, EACH = 12, 8


def grouped(rows=2000, seed=0):
    """Rows of one of 12 topics, with three labels of the topic's eight; columns tell the topic."""
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, GROUPS, rows)
    own = topic[:, None] * EACH + rng.permuted(np.tile(np.arange(EACH), (rows, 1)), axis=1)[:, :3]
    codes = topic[:, None] * 10 + rng.integers(0, 10, (rows, 6))
    ends = np.arange(0, 6 * rows + 1, 6)
    values = np.ones(6 * rows, np.float32)
    return csr_array((values, codes.ravel(), ends), shape=(rows, 10 * GROUPS)), own.tolist()


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: IRLI(4, "auto", tile=8, hidden=16, epochs=2, rounds=2))


def together(model):
    """Share of pairs of labels of one topic that share a bucket, mean of all repetitions."""
    topic = np.arange(GROUPS * EACH) // EACH
    same = (topic[:, None] == topic[None]) & ~np.eye(topic.size, dtype=bool)
    return np.mean([(own[:, None] == own[None])[same].mean() for own in model.hash_.buckets])


def test_labels_of_the_same_rows_come_together():
    """Moved labels share buckets with their topic far more than random ones, and hold more."""
    x, y = grouped()
    options = {"hidden": 32, "epochs": 5, "random_state": 1, "refit": False}
    still, moved = (IRLI(4, 24, rounds=r, choices=3, **options).fit(x, y) for r in (0, 4))
    error = np.sqrt(1 / 24 * 23 / 24 / (4 * GROUPS * EACH))
    assert abs(together(still) - 1 / 24) < 4 * error
    assert together(moved) > 3 / 24
    assert moved.hash_.loads.max() <= 3 * 96 / 24
    held = []
    for model in (still, moved):
        ends, ids = model.candidates(x, probes=2)
        hits = [np.isin(own, ids[a:b]).mean() for own, a, b in zip(y, ends, ends[1:], strict=False)]
        held.append(np.mean(hits) / np.diff(ends).mean())
    assert held[1] > 1.2 * held[0]


def test_one_choice_is_less_even():
    """Labels that all take their best bucket leave the fullest fuller than ten choices do."""
    x, y = grouped(800)
    options = {"hidden": 16, "epochs": 1, "rounds": 3, "refit": False}
    one, ten = (IRLI(2, 24, choices=c, **options).fit(x, y).hash_.loads for c in (1, 10))
    assert one.max() > ten.max()
    assert len(IRLI(2, 24, **options).fit(x, y).churn_) == 3


def test_refusals():
    """Bad arguments are named with their rule."""
    x, y = grouped(50)
    for name in ("rounds", "round_epochs", "choices"):
        with pytest.raises(ValueError, match=rf"^{name} must be .*, got -1$"):
            IRLI(2, 5, epochs=1, **{name: -1}).fit(x, y)
