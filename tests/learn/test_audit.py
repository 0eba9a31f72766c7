"""Audit: the numbers where the truth is known, and nothing where nothing is sampled."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from thrifty.learn import Settings, Wide
from thrifty.learn.audit import audit_sampling

ROWS, COLUMNS, OUTPUTS = 48, 30, 200


class Chosen:
    """Takes the classes it was told."""

    def __init__(self, ids):
        self.ids = np.asarray(ids, np.int32)

    def select(self, rng, hidden, positives, num):
        """Those that are not positive."""
        return np.setdiff1d(self.ids, positives).astype(np.int32)

    def refresh(self, weights, bias, ids=None):
        """Nothing to note."""


def network(selector, **fields):
    """A network with random output rows, and rows with one label each."""
    small = {"task": "one", "num_columns": COLUMNS, "num_outputs": OUTPUTS, "hidden": 16}
    wide = Wide(Settings(**(small | {"negatives": "uniform", "tile": 16} | fields)))
    rng = np.random.default_rng(0)
    wide.hidden.output[:] = rng.standard_normal(wide.hidden.output.shape)
    wide.hidden.table[:] = rng.standard_normal(wide.hidden.table.shape)
    wide.hidden.selector = selector
    x = csr_array(random_array((ROWS, COLUMNS), density=0.2, rng=rng, dtype=np.float32))
    labels = np.arange(ROWS + 1, dtype=np.int64), rng.integers(0, OUTPUTS, ROWS, dtype=np.int32)
    return wide, x, labels


def test_all_outputs_active_is_the_full_computation():
    """Recall 1, cosine 1, share 1."""
    wide, x, labels = network(Chosen(np.arange(OUTPUTS)))
    found = audit_sampling(wide, x, labels)
    assert found.recall_of_top == 1.0
    assert found.sampled_share == 1.0
    assert found.gradient_cosine == pytest.approx(1.0, abs=1e-5)


def test_recall_counts_the_top_ten_that_were_active():
    """With half of the classes active, as many of the top as the definition says."""
    half = np.arange(0, OUTPUTS, 2)
    wide, x, labels = network(Chosen(half))
    found = audit_sampling(wide, x, labels)
    scores = wide.hidden.scores(next(wide.tiles(x)), wide.scratch)
    top = np.argsort(-scores, axis=1)[:, :10]
    shares, sizes = [], []
    for start in range(0, ROWS, 16):
        active = np.union1d(half, labels[1][start : start + 16])
        shares.append(np.isin(top[start : start + 16], active).mean())
        sizes.append(active.size / OUTPUTS)
    assert found.recall_of_top == pytest.approx(np.mean(shares))
    assert found.sampled_share == pytest.approx(np.mean(sizes))
    assert 0 < found.gradient_cosine < 1


def test_the_cosine_is_of_the_gradients_at_the_hidden_layer():
    """Against float64 gradients of the sampled and of the full softmax."""
    wide, x, labels = network(Chosen(np.arange(0, OUTPUTS, 4)))
    tile = next(wide.tiles(x[:16]))
    hidden = wide.hidden.activate(tile, wide.scratch)[0].astype(float)
    output = wide.hidden.output.astype(float)
    truth = labels[1][:16]

    def pull(active):
        chance = np.exp(hidden @ output[active].T)
        chance /= chance.sum(axis=1, keepdims=True)
        chance[np.arange(16), np.searchsorted(active, truth)] -= 1
        return chance @ output[active]

    sampled = pull(np.union1d(np.arange(0, OUTPUTS, 4), truth))
    full = pull(np.arange(OUTPUTS))
    lengths = np.linalg.norm(sampled, axis=1) * np.linalg.norm(full, axis=1)
    expected = ((sampled * full).sum(axis=1) / lengths).mean()
    found = audit_sampling(wide, x[:16], (labels[0][:17], truth))
    assert found.gradient_cosine == pytest.approx(expected, abs=1e-3)


def test_it_pays_where_speed_outweighs_the_lost_direction():
    """It is speedup * cosine**2 > 1, and the numbers go into a dict."""
    wide, x, labels = network(Chosen([0]))
    found = audit_sampling(wide, x, labels)
    assert found.pays == (found.speedup * found.gradient_cosine**2 > 1)
    assert found.to_dict()["speedup"] == found.speedup > 0


def test_weights_are_left_alone():
    """An audit only looks."""
    wide, x, labels = network(Chosen([0, 1]))
    before = {name: array.copy() for name, array in wide.state()[1].items()}
    audit_sampling(wide, x, labels)
    for name, array in wide.state()[1].items():
        np.testing.assert_array_equal(array, before[name])


def test_without_sampling_there_is_nothing_to_audit():
    """Dense outputs, and no hidden path."""
    wide, x, labels = network(None)
    assert audit_sampling(wide, x, labels) is None
    linear = Wide(Settings(task="one", num_columns=COLUMNS, num_outputs=OUTPUTS, hidden=0))
    assert audit_sampling(linear, x, labels) is None
