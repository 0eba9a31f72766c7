"""LSS: learned planes against random ones, the gradient against differences, its selector."""

import numpy as np
import pytest

from thrifty.core import BudgetError, IncompatibleError, record_of
from thrifty.hashing import SimHash
from thrifty.index import MaxIPIndex
from thrifty.laws import negatives as laws
from thrifty.learn.lss import LSS, _gradient, learn_planes

DIM, ROWS = 16, 2000
LAW_CASES = [law for name in record_of(LSS).laws for law in laws.LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: LSS(laws.CLASSES, laws.DIM, memory="1 MB", seed=3))


def world(n, seed=0):
    """Rows, biases, and queries near the rows of their labels, far from the origin."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((ROWS, DIM)).astype(np.float32)
    bias = rng.standard_normal(ROWS).astype(np.float32) * 0.1
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, ROWS, n).astype(np.int32)
    queries = rows[labels] + 0.4 * rng.standard_normal((n, DIM)) + 1.5
    queries[:, :4] += 2 * rng.standard_normal((n, 4))
    return queries.astype(np.float32), labels, rows, bias


def recall(planes, bits, tables):
    """Whether each new query's label is among its 40 candidates."""
    queries, labels, rows, bias = world(1000, seed=9)
    index = MaxIPIndex(SimHash(DIM + 1, bits, tables, planes=planes)).build(rows, bias)
    offsets, ids = index.candidates(queries, 40, "most_frequent")
    owner = np.repeat(np.arange(1000), np.diff(offsets))
    return np.bincount(owner[ids == labels[owner]], minlength=1000) > 0


def test_learned_planes_meet_more_labels_than_random_ones():
    """On new queries at the same budget, far more labels are met than under random planes."""
    rounds = []
    planes = learn_planes(*world(3000), 6, 8, limit=40, watch=rounds.append)
    assert planes.shape == (DIM + 1, 48)
    gain = recall(planes, 6, 8) - recall(None, 6, 8).astype(float)
    assert gain.mean() > 0.1 + 4 * gain.std() / np.sqrt(1000)
    best = max(r.label_recall for r in rounds)
    assert best > rounds[0].label_recall
    assert abs(best - recall(planes, 6, 8).mean()) < 4 * np.sqrt(0.25 / 600 + 0.25 / 1000)
    assert max(r.largest_bucket for r in rounds) < ROWS / 4


def test_the_best_planes_are_returned():
    """With a step that ruins the planes, the start comes back unchanged, after two bad rounds."""
    start = SimHash(DIM + 1, 4, 4, seed=3).planes
    rounds = []
    planes = learn_planes(*world(500), 4, 4, planes=start, rate=-5.0, rounds=9, watch=rounds.append)
    np.testing.assert_array_equal(planes, start)
    assert len(rounds) == 3
    assert start is not planes


def test_the_gradient_is_that_of_the_loss():
    """Central differences of the loss agree with the gradient."""
    rng = np.random.default_rng(1)
    planes, x, y = (rng.standard_normal(shape) * 0.4 for shape in ((5, 6), (4, 5), (7, 5)))
    to = np.array([3, 8, 3, 1, 8, 9, 0])
    gradient, _ = _gradient(planes, x, y, to)
    slow = np.empty_like(planes)
    for place in np.ndindex(planes.shape):
        sides = []
        for step in (1e-5, -1e-5):
            moved = planes.copy()
            moved[place] += step
            sides.append(_gradient(moved, x, y, to)[1])
        slow[place] = (sides[0] - sides[1]) / 2e-5
    np.testing.assert_allclose(gradient, slow, rtol=1e-4, atol=1e-7)


def test_the_seed_decides():
    """The same seed gives the same planes, another seed others."""
    one, two, other = (learn_planes(*world(300), 4, 3, rounds=1, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_the_selector_learns_on_a_full_refresh():
    """Once pairs were seen, a full refresh raises the label recall of the selector's index."""
    queries, labels, rows, bias = world(2000)
    selector, none = LSS(ROWS, DIM, memory="1 MB"), np.empty(0, np.int32)
    selector.refresh(rows, bias, None)
    before = selector.index.family
    selector.refresh(rows, bias, None)
    assert selector.index.family is before
    selector.observe(queries, labels)
    selector.select(np.random.default_rng(0), queries[:8], none, 20)
    selector.refresh(rows, bias, np.array([1, 2], np.int32))
    assert selector.index.family is before
    selector.refresh(rows, bias, None)
    shape = (before.bits, before.tables)
    gain = recall(selector.index.family.planes, *shape) - recall(before.planes, *shape).astype(
        float
    )
    assert gain.mean() > 4 * gain.std() / np.sqrt(1000)


def test_refusals():
    """What does not fit is shown with both sides."""
    queries, labels, rows, bias = world(20)
    with pytest.raises(IncompatibleError, match=r"^labels of shape \(19,\) do not fit 20 queries$"):
        learn_planes(queries, labels[:19], rows, bias, 2, 2)
    with pytest.raises(IncompatibleError, match=r"^labels 0\.\.2000 do not fit 2000 rows$"):
        learn_planes(queries, np.arange(20) // 19 * ROWS, rows, bias, 2, 2)
    with pytest.raises(ValueError, match=r"^len\(queries\) must be in 10\.\.2147483647, got 9$"):
        learn_planes(queries[:9], labels[:9], rows, bias, 2, 2)
    with pytest.raises(BudgetError, match=r"^an index over 2000 rows needs \S+ kB, got '1 kB'$"):
        LSS(ROWS, DIM, memory="1 kB")
