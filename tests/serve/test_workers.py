"""Workers: threads, a bounded queue, and a time after which nobody waits."""

import asyncio
import threading
import time

import pytest

from thrifty.serve.limits import Limits
from thrifty.serve.problems import Problem
from thrifty.serve.workers import Workers


@pytest.fixture
def made():
    """Makes workers and ends them."""
    kept = []

    def make(**limits):
        kept.append(Workers(Limits(**limits)))
        return kept[-1]

    yield make
    for workers in kept:
        workers.close()


def test_one_more_than_fits_is_a_503(made):
    """Threads and queue are full: the next is told when to come again; the others are answered."""
    workers, gate = made(threads=1, waiting=1), threading.Event()

    async def run():
        first = [asyncio.create_task(workers.do(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert workers.full
        with pytest.raises(Problem, match=r"^2 requests are being answered") as caught:
            await workers.do(pow, 1, 1)
        gate.set()
        assert await asyncio.gather(*first) == [True, True]
        return caught.value

    problem = asyncio.run(run())
    assert (problem.status, problem.headers["retry-after"]) == (503, "1")
    assert workers.pending == 0
    assert asyncio.run(workers.do(pow, 2, 3)) == 8


def test_late_is_a_504_and_its_place_stays_taken(made):
    """What cannot be stopped still counts until it ends."""
    workers, gate = made(threads=1, waiting=0, seconds=0.05), threading.Event()
    with pytest.raises(Problem, match=r"^no answer within 0\.05 s$") as caught:
        asyncio.run(workers.do(gate.wait))
    assert caught.value.status == 504
    assert workers.full
    gate.set()
    while workers.pending:
        time.sleep(0.001)
    assert not workers.full


def test_who_waits_in_vain_is_never_begun(made):
    """A request whose time passed in the queue does no work afterwards."""
    workers, gate, done = made(threads=1, waiting=5, seconds=0.05), threading.Event(), []

    async def run():
        tasks = [workers.do(gate.wait), workers.do(done.append, 1)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert [problem.status for problem in asyncio.run(run())] == [504, 504]
    gate.set()
    while workers.pending:
        time.sleep(0.001)
    assert done == []


@pytest.mark.parametrize("error", [KeyError("x"), TimeoutError("inside")])
def test_an_error_of_the_work_is_its_own(made, error):
    """What the work raises comes through, a TimeoutError of its own too."""

    def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        asyncio.run(made().do(fail))
    assert caught.value.args == error.args
