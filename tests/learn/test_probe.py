"""Probe: every candidate is tried from the same start, the best is reported and kept."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from thrifty.learn import Settings, Wide
from thrifty.learn import probe as module
from thrifty.learn.probe import HIDDEN, LINEAR, chosen_rate, probe

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
    """Starts of each loss there is to try; one of each path is chosen, and none was better."""
    wide, chunk = network(task), easy(task)
    tried = probe(wide, iter([chunk]), easy(task, 1))
    losses = {"one": ["softmax"], "many": ["sigmoid", "softmax"], "number": ["squared"]}[task]
    wanted = [("hidden", loss, *start) for loss in losses for start in HIDDEN[loss]]
    wanted += [("linear", wide.linear.loss, *start) for start in LINEAR[wide.linear.loss]]
    found = [(row["path"], row["loss"], row["rate"], row["first_square"]) for row in tried]
    assert found == wanted
    for path in ("hidden", "linear"):
        (chosen,) = [row for row in tried if row["chosen"] and row["path"] == path]
        assert chosen["quality"] == max(row["quality"] for row in tried if row["path"] == path)
        assert getattr(wide, path).loss == chosen["loss"]
        assert getattr(wide, path).first_square == chosen["first_square"]
    assert wide.linear.rate == chosen["rate"]
    assert chosen_rate(tried, None) in [rate for loss in losses for rate, _ in HIDDEN[loss]]


def test_what_is_set_by_hand_is_not_probed():
    """A path whose rate is given is left as it is."""
    wide = network("one", learning_rate=0.05, linear_rate=0.5)
    assert probe(wide, iter([easy("one")]), easy("one", 1)) == []
    assert chosen_rate([], 0.05) == 0.05


def test_the_network_is_as_new_afterwards():
    """Only loss and Adagrad's first sums may differ: first weights, linear path, mix as before."""
    wide = network("one")
    fresh = {name: array.copy() for name, array in wide.state()[1].items()}
    linear, mix = wide.linear, wide.mix
    probe(wide, iter([easy("one")]), easy("one", 1))
    assert wide.linear is linear
    assert wide.mix is mix
    for name, array in wide.state(training=False)[1].items():
        np.testing.assert_array_equal(array, fresh[name], err_msg=name)


def test_a_fixed_loss_is_not_put_to_the_vote():
    """Where the loss is named, only its rates are tried."""
    tried = probe(network("many", loss="softmax"), iter([easy("many")]), easy("many", 1))
    assert {row["loss"] for row in tried if row["path"] == "hidden"} == {"softmax"}


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
    monkeypatch.setitem(HIDDEN, "squared", ((1e30, 1e-4), (0.03, 1e-4)))
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
