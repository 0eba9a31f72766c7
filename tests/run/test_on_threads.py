"""Threads: partitions are taken as they are needed, no faster."""

import numpy as np

from thrifty.laws.fold import Journal
from thrifty.run.feeds import Feeds
from thrifty.run.on_threads import outcomes
from thrifty.run.outcome import GROUP, Work
from thrifty.run.pieces import pieces


def work_on(count):
    """Work of so many partitions, and the list of those taken."""
    work = Work(
        pieces([np.array([i]) for i in range(count)], None, 1), Feeds(Journal(), None, None)
    )
    taken = []

    def partitions():
        for partition in work.pieces.partitions():
            taken.append(partition)
            yield partition

    return work, partitions(), taken


def test_groups_of_neighbours():
    """Outcomes come for 16 partitions at a time, the rest for fewer."""
    for threads in (1, 3):
        work, partitions, _ = work_on(40)
        found = [outcome.rows for outcome in outcomes(work, partitions, threads, None)]
        assert found == [GROUP, GROUP, 8]


def test_a_stream_is_not_read_ahead():
    """When the first group is there, at most `threads` + 1 partitions beyond it were taken."""
    for threads in (1, 4):
        work, partitions, taken = work_on(1000)
        next(outcomes(work, partitions, threads, None))
        assert GROUP <= len(taken) <= GROUP + threads + 1
