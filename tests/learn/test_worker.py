"""Worker: one thread runs the jobs in order, more run each once, and none is left behind."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from thrifty.learn import Settings, Wide
from thrifty.learn.tile import cut
from thrifty.learn.worker import TILES_BETWEEN_REFRESHES, Worker

ROWS, COLUMNS, OUTPUTS = 96, 20, 5


def network(**fields):
    """A small network."""
    small = {"task": "one", "num_columns": COLUMNS, "num_outputs": OUTPUTS, "hidden": 8}
    return Wide(Settings(**(small | fields)))


def jobs(size=8):
    """Tiles of random rows, each with its own seed."""
    rng = np.random.default_rng(1)
    x = csr_array(random_array((ROWS, COLUMNS), density=0.2, rng=rng, dtype=np.float32))
    labels = np.arange(ROWS + 1, dtype=np.int64), rng.integers(0, OUTPUTS, ROWS, dtype=np.int32)
    return [(tile, 0.1, (0, number)) for number, tile in enumerate(cut(x, labels, size))]


def run(worker, work):
    """All jobs on a pool of the network's threads."""
    with ThreadPoolExecutor(worker.wide.settings.threads) as pool:
        return worker.run(pool, work)


@pytest.mark.parametrize("storage", ["float32", "bfloat16"])
def test_one_thread_is_repeatable(storage):
    """The same jobs give the same arrays, bit by bit, also with dropout and sampling."""
    states = []
    for _ in range(2):
        wide = network(storage=storage, dropout=0.2, negatives="uniform", num_negatives=2)
        run(Worker(wide), jobs())
        states.append(wide.state()[1])
    for name in states[0]:
        np.testing.assert_array_equal(states[0][name], states[1][name], err_msg=name)


def test_the_loss_is_the_sum_over_the_jobs():
    """Of the hidden path where there is one, else of the linear path."""
    for fields in ({}, {"hidden": 0}):
        wide, twin = network(**fields), Worker(network(**fields))
        assert run(Worker(wide), jobs()) == sum(twin.step(*job) for job in jobs())


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_run_every_job_once(threads):
    """However they are shared out."""
    worker, seen = Worker(network(threads=threads)), []
    worker.step = lambda tile, rate, seed: seen.append(seed) or 1.0
    assert run(worker, jobs()) == len(jobs())
    assert sorted(seen) == [(0, number) for number in range(len(jobs()))]


def test_jobs_are_not_made_far_ahead():
    """At most two a thread wait, so that a stream is not drained into memory."""
    worker, made, done = Worker(network(threads=2)), [], []
    worker.step = lambda tile, rate, seed: done.append(seed) or 0.0

    def source():
        for job in jobs():
            assert len(made) - len(done) <= 4
            made.append(job)
            yield job

    run(worker, source())
    assert len(done) == len(made)


def test_no_thread_writes_after_an_interrupt():
    """When the source of jobs is stopped, what is running is waited for."""
    worker = Worker(network(threads=2))
    running = []
    step = worker.step

    def slow(*job):
        running.append(1)
        step(*job)
        running.pop()
        return 0.0

    worker.step = slow

    def source():
        yield from jobs()[:6]
        raise KeyboardInterrupt

    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(KeyboardInterrupt):
            worker.run(pool, source())
        assert running == []


def test_an_error_in_a_thread_comes_out():
    """It is not swallowed by the pool."""
    worker = Worker(network(threads=2))

    def broken(*job):
        raise ArithmeticError("tile 3")

    worker.step = broken
    with pytest.raises(ArithmeticError, match=r"^tile 3$"):
        run(worker, jobs())


def test_a_selector_hears_of_moved_rows():
    """Every 64 tiles, counted from the last time."""
    wide = network(negatives="uniform", num_negatives=2)
    told = []
    wide.hidden.selector.refresh = lambda weights, bias, ids: told.append(
        weights is wide.hidden.output
    )
    work = (jobs(size=1) * 2)[: TILES_BETWEEN_REFRESHES + 1]
    worker = Worker(wide)
    run(worker, work[:-2])
    assert told == []
    run(worker, work[-2:])
    assert told == [True]
    worker.refresh()
    assert worker.tiles == 0
