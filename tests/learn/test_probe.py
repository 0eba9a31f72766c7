"""Probe: every candidate is tried from the same start, the best is reported and kept."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from thrifty.learn import Settings, Wide
from thrifty.learn import probe as module
from thrifty.learn.probe import RATES, probe

ROWS, COLUMNS = 320, 24


def easy(task, seed=0):
    """Rows whose first columns tell their class, twenty of noise beside."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, ROWS).astype(np.int32)
    x = (rng.random((ROWS, COLUMNS)) < 0.1).astype(np.float32)
    x[np.arange(ROWS), truth] = 1.0
    labels = np.arange(ROWS + 1, dtype=np.int64), truth
    return csr_array(x), truth.astype(np.float32) if task == "number" else labels


def network(task, **fields):
    """A small network of this task."""
    outputs = 1 if task == "number" else 4
    small = {"num_columns": COLUMNS, "num_outputs": outputs, "hidden": 8, "tile": 16}
    return Wide(Settings(task=task, **(small | fields)))


@pytest.mark.parametrize("task", ["one", "many", "number"])
def test_every_candidate_is_reported_and_the_best_chosen(task):
    """Rates of each loss there is to try; one is chosen, and none was better."""
    wide, chunk = network(task), easy(task)
    tried = probe(wide, iter([chunk]), easy(task, 1))
    losses = {"one": ["softmax"], "many": ["sigmoid", "softmax"], "number": ["squared"]}[task]
    wanted = [(loss, rate) for loss in losses for rate in RATES[loss]]
    assert [(row["loss"], row["rate"]) for row in tried] == wanted
    (chosen,) = [row for row in tried if row["chosen"]]
    assert chosen["quality"] == max(row["quality"] for row in tried)
    assert wide.hidden.loss == chosen["loss"]


def test_the_network_is_as_new_afterwards():
    """Only the loss may differ: the first weights, and the linear path and mix of before."""
    wide = network("one")
    fresh = {name: array.copy() for name, array in wide.state()[1].items()}
    linear, mix = wide.linear, wide.mix
    probe(wide, iter([easy("one")]), easy("one", 1))
    assert wide.linear is linear
    assert wide.mix is mix
    for name, array in wide.state()[1].items():
        np.testing.assert_array_equal(array, fresh[name], err_msg=name)


def test_a_fixed_loss_is_not_put_to_the_vote():
    """Where the loss is named, only its rates are tried."""
    tried = probe(network("many", loss="softmax"), iter([easy("many")]), easy("many", 1))
    assert {row["loss"] for row in tried} == {"softmax"}


def test_it_is_short(monkeypatch):
    """No more chunks are read than it takes for the rows it may use."""
    monkeypatch.setattr(module, "ROWS", ROWS)
    given = []

    def chunks():
        while True:
            given.append(1)
            yield easy("one")

    probe(network("one"), chunks(), easy("one", 1))
    assert len(given) == 1


def test_a_rate_that_diverges_is_never_chosen(monkeypatch):
    """A quality that is not a number loses against any number."""
    monkeypatch.setitem(RATES, "squared", (1e30, 0.03))
    wide = network("number", linear="none")
    with np.errstate(all="ignore"):
        tried = probe(wide, iter([easy("number")]), easy("number", 1))
    assert tried[0]["quality"] == -np.inf
    assert [row["chosen"] for row in tried] == [False, True]


def test_an_interrupted_probe_leaves_a_whole_network():
    """Ctrl-C in the midst of it: the linear path and the mix are back."""
    wide = network("one")
    linear, mix = wide.linear, wide.mix
    held_out = easy("one", 1)

    class Stop:
        def __getattr__(self, name):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probe(wide, iter([easy("one")]), (Stop(), held_out[1]))
    assert wide.linear is linear
    assert wide.mix is mix
    assert wide.hidden is not None
