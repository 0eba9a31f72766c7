"""Trainer: repeatable, resumable to the bit, stoppable; it keeps the best and says what it did."""

import copy

import numpy as np
import pytest
from scipy.sparse import csr_array

from thrifty.learn import History, Settings, Wide, lss, train, worker
from thrifty.learn import trainer as module
from thrifty.learn.audit import Audit
from thrifty.learn.settings import SELECTORS
from thrifty.learn.tile import take
from thrifty.learn.trainer import run_epochs

ROWS, COLUMNS, CLASSES, CHUNK = 600, 40, 8, 100


def easy(rows, seed):
    """Rows whose class one of three columns tells, noise beside."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, CLASSES, rows).astype(np.int32)
    noise = np.where(np.arange(COLUMNS) < 3 * CLASSES, 0.01, 0.1)
    x = (rng.random((rows, COLUMNS)) < noise).astype(np.float32)
    x[np.arange(rows), truth + CLASSES * rng.integers(0, 3, rows)] = 1.0
    return csr_array(x), (np.arange(rows + 1, dtype=np.int64), truth)


DATA, HELD_OUT = easy(ROWS, 0), easy(200, 1)


def stream(epoch, start):
    """Six chunks, in a new order each epoch."""
    order = np.random.default_rng([1, epoch]).permutation(ROWS)
    for first in range(start * CHUNK, ROWS, CHUNK):
        part = order[first : first + CHUNK]
        yield DATA[0][part], take(DATA[1], part)


def network(**fields):
    """A small network."""
    small = {"task": "one", "num_columns": COLUMNS, "num_outputs": CLASSES, "hidden": 16}
    return Wide(Settings(**(small | {"tile": 16, "epochs": 4, "learning_rate": 0.1} | fields)))


def accuracy(wide):
    """Share of held-out rows whose class is on top."""
    return float(np.mean(wide.top_k(HELD_OUT[0], 1)[0][:, 0] == HELD_OUT[1][1]))


def same(one, other):
    """All arrays and all of the header are equal."""
    assert one.state()[0] == other.state()[0]
    for name, array in one.state()[1].items():
        np.testing.assert_array_equal(array, other.state()[1][name], err_msg=name)


KINDS = [{}, {"storage": "bfloat16", "dropout": 0.2}, {"linear": "sparse", "slots": 200},
         {"learning_rate": None}]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_it_learns_and_repeats(kind):
    """One thread and a seed: equal to the bit; and the classes are learnt."""
    first, second = network(**kind), network(**kind)
    history = train(first, stream, HELD_OUT)
    again = train(second, stream, HELD_OUT)
    same(first, second)
    assert [row["quality"] for row in history.epochs] == [row["quality"] for row in again.epochs]
    assert accuracy(first) == pytest.approx(history.epochs[history.best]["quality"])
    assert accuracy(first) > 0.8


def test_another_seed_is_another_network():
    """The seed reaches the first weights."""
    first, second = network(), network(seed=1)
    for wide in (first, second):
        train(wide, stream, HELD_OUT)
    assert (first.hidden.table != second.hidden.table).any()


def test_no_two_tiles_share_their_chance(monkeypatch):
    """Each tile of each epoch draws dropout, negatives and rounding from a seed of its own."""
    seeds = []
    monkeypatch.setattr(
        module.Worker, "step", lambda self, tile, rate, seed: seeds.append(seed) or 0
    )
    train(network(epochs=3, patience=3), stream, HELD_OUT)
    assert len(set(seeds)) == len(seeds) == 3 * (ROWS // CHUNK) * -(-CHUNK // 16)


@pytest.mark.parametrize("kind", [{}, {"negatives": "uniform", "num_negatives": 4}], ids=str)
def test_two_threads_learn_as_well(kind):
    """Updates without locks cost no more than four standard errors of the accuracy."""
    one, two = network(**kind), network(threads=2, **kind)
    train(one, stream, HELD_OUT)
    train(two, stream, HELD_OUT)
    error = np.sqrt(0.1 * 0.9 / HELD_OUT[0].shape[0])
    assert accuracy(two) > accuracy(one) - 4 * error


def test_half_the_memory_is_as_good():
    """With bfloat16 tables: quality within four standard errors of float32."""
    full, half = network(), network(storage="bfloat16")
    train(full, stream, HELD_OUT)
    train(half, stream, HELD_OUT)
    error = np.sqrt(0.1 * 0.9 / HELD_OUT[0].shape[0])
    assert abs(accuracy(full) - accuracy(half)) < 4 * error
    assert half.hidden.table.nbytes == full.hidden.table.nbytes / 2


class Pause(Exception):
    """The process ends here."""


class Kept:
    """Where the best is kept outlives the process."""

    def save(self, header, arrays):
        """A copy."""
        self.state = copy.deepcopy((header, arrays))

    def load(self):
        """A copy of the copy."""
        return copy.deepcopy(self.state)


def resumed_at(at, kind):
    """A run without a pause and one resumed from checkpoint number `at`, with their histories."""
    whole, best = network(**kind), Kept()
    history = train(whole, stream, HELD_OUT, best=Kept())
    saved = []

    def checkpoint(header, arrays):
        saved.append(copy.deepcopy((header, arrays)))
        if len(saved) == at + 1:
            raise Pause

    with pytest.raises(Pause):
        train(network(**kind), stream, HELD_OUT, checkpoint=checkpoint, best=best)
    resumed = network(**kind)
    later = train(resumed, stream, HELD_OUT, resume=saved[-1], best=best)
    return whole, history, resumed, later


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("at", [0, 4, 6, 11, 16])
def test_a_resumed_run_equals_one_without_a_pause(kind, at, monkeypatch):
    """Stopped at any checkpoint, between epochs or within: the same network to the bit."""
    monkeypatch.setattr(module, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    whole, history, resumed, later = resumed_at(at, kind)
    same(resumed, whole)
    for mine, theirs in zip(later.epochs, history.epochs, strict=True):
        assert [mine[k] for k in ("loss", "quality", "mix")] == [
            theirs[k] for k in ("loss", "quality", "mix")
        ]
    assert later.probe == history.probe


@pytest.mark.parametrize("negatives", SELECTORS[1:])
@pytest.mark.parametrize("storage", ["float32", "bfloat16"])
@pytest.mark.parametrize("at", [1, 9, 13])
def test_a_resumed_run_chooses_the_same_negatives(negatives, storage, at, monkeypatch):
    """What a selector has noted, and when it looks again, outlasts the pause: the same network."""
    monkeypatch.setattr(module, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    monkeypatch.setattr(worker, "TILES_BETWEEN_REFRESHES", 17)
    monkeypatch.setattr(lss, "ENOUGH", 64)
    found = Audit(recall_of_top=1, gradient_cosine=1, sampled_share=1, speedup=2.0, pays=True)
    monkeypatch.setattr(module, "audit_sampling", lambda *_, **__: found)
    kind = {"negatives": negatives, "num_negatives": 2, "tile": 4, "storage": storage, "epochs": 3}
    whole, _, resumed, _ = resumed_at(at, kind)
    same(resumed, whole)


def test_a_resume_without_the_best_of_before_still_ends():
    """What resumes then stands for the best so far."""
    saved = []
    settings = {"epochs": 2}
    train(network(**settings), stream, HELD_OUT,
          checkpoint=lambda *state: saved.append(copy.deepcopy(state)))  # fmt: skip
    resumed = network(**settings)
    history = train(resumed, stream, HELD_OUT, resume=saved[-1])
    assert len(history.epochs) == 2
    assert accuracy(resumed) > 0.5


def test_the_best_epoch_is_kept():
    """Not the last: labels go wrong after the second epoch."""

    def worse(epoch, start):
        for rows, (offsets, ids) in stream(epoch, start):
            yield rows, (offsets, ids if epoch < 2 else (ids + 1) % CLASSES)

    wide = network(epochs=6, patience=3)
    history = train(wide, worse, HELD_OUT)
    qualities = [row["quality"] for row in history.epochs]
    assert history.best == int(np.argmax(qualities)) < 2
    assert history.stopped == "no gain"
    assert len(qualities) == history.best + 1 + 3
    assert accuracy(wide) == pytest.approx(qualities[history.best])


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_keeps_the_best_so_far(threads):
    """In the midst of the third epoch."""

    def stopped(epoch, start):
        for number, chunk in enumerate(stream(epoch, start)):
            if (epoch, number) == (2, 3):
                raise KeyboardInterrupt
            yield chunk

    wide = network(threads=threads)
    history = train(wide, stopped, HELD_OUT)
    assert history.stopped == "interrupted"
    assert len(history.epochs) == 2
    assert accuracy(wide) == pytest.approx(history.epochs[history.best]["quality"])


def test_ctrl_c_before_the_first_epoch_ends_leaves_a_whole_network():
    """Also in the probe: no best yet, but it answers and can be saved."""

    def stopped(epoch, start):
        yield next(stream(epoch, start))
        raise KeyboardInterrupt

    for rate in (0.1, None):
        wide = network(learning_rate=rate)
        history = train(wide, stopped, HELD_OUT)
        assert (history.best, history.stopped) == (-1, "interrupted")
        same(Wide.from_state(*wide.state()), wide)


def test_progress_tells_where_it_stands(monkeypatch):
    """Often, with every number; the share done grows to 1."""
    monkeypatch.setattr(module, "SECONDS_BETWEEN_REPORTS", -1.0)
    told = []
    train(network(epochs=2), stream, HELD_OUT, progress=told.append, num_rows=ROWS)
    assert len(told) == 2 * (ROWS // CHUNK + 1)
    assert set(told[0]) == {
        "epoch", "epochs", "rows", "rows_per_second", "loss", "quality", "quality_name",
        "fraction", "seconds_left",
    }  # fmt: skip
    shares = [row["fraction"] for row in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert told[-1]["quality_name"] == "accuracy"
    assert told[-1]["seconds_left"] == 0.0


def test_the_probe_is_reported_and_its_rate_used():
    """Every candidate is in the history, one of each path chosen."""
    wide = network(learning_rate=None)
    history = train(wide, stream, HELD_OUT)
    assert [row["path"] for row in history.probe if row["chosen"]] == ["hidden", "linear"]
    (rate,) = [row["rate"] for row in history.probe if row["chosen"] and row["path"] == "hidden"]
    fixed = network(learning_rate=rate)
    train(fixed, stream, HELD_OUT)
    np.testing.assert_array_equal(fixed.hidden.table, wide.hidden.table)


def test_sampling_is_audited_and_given_up_where_it_does_not_pay(monkeypatch):
    """After the first epoch and at the end; where it fell back all outputs are computed."""
    kind = {"negatives": "uniform", "num_negatives": 4}
    pays = {"recall_of_top": 0.5, "gradient_cosine": 0.5, "sampled_share": 0.5, "speedup": 1.0}
    for good in (True, False):
        found = Audit(**pays, pays=good)
        monkeypatch.setattr(module, "audit_sampling", lambda *_, found=found, **__: found)
        wide = network(**kind)
        history = train(wide, stream, HELD_OUT)
        assert history.audit["first"] == found.to_dict()
        assert ("last" in history.audit) == good
        assert history.audit.get("fell_back", False) == (not good)
        assert (wide.hidden.selector is None) == (not good)


def test_a_history_is_plain_data():
    """Into a dict and back."""
    history = train(network(epochs=1), stream, HELD_OUT)
    assert History(**history.to_dict()) == history


def test_epochs_without_watching():
    """All of them, at one rate, with nothing held out."""
    wide = network(epochs=3)
    run_epochs(wide, stream, rate=0.1, num_rows=ROWS)
    assert accuracy(wide) > 0.8
