"""Outcome: what comes back from a worker, whole or as a failure that says what it was."""

import numpy as np
import pytest

from thrifty.core import DataError, FormatError
from thrifty.data import Report
from thrifty.laws.fold import Journal, Tally
from thrifty.run.feeds import Feeds
from thrifty.run.outcome import GROUP, Outcome, Work, joined, merged
from thrifty.run.pieces import pieces


def work_on(batches):
    """Work on batches, one partition each, and the partitions."""
    into = {"a": (None, Tally()), "b": (None, Journal())}
    work = Work(pieces(batches, None, 1), Feeds(into, None, None))
    return work, list(work.pieces.partitions())


def test_bytes_and_back():
    """Summaries, counts and the report return."""
    report = Report(counts={"odd": 2}, examples={"odd": ["here"]})
    outcome = Outcome([Tally().add([1]), Journal().add([2])], 3, 4, report)
    data = outcome.to_bytes()
    assert Outcome.from_bytes(data, [Tally, Journal]) == outcome
    for bad in (data[:-1], data[:100] + b"x" + data[101:], b""):
        with pytest.raises(FormatError):
            Outcome.from_bytes(bad, [Tally, Journal])


def test_a_worker_joins_what_it_is_sent():
    """Neighbours joined as bytes are those joined as objects."""
    work, partitions = work_on([np.arange(i, i + 3) for i in range(5)])
    data = work.sent_on([work.sent(p)[0] for p in partitions])
    sent = Outcome.from_bytes(data, work.feeds.kinds)
    assert sent == joined(work(p) for p in partitions)
    assert sent.rows == 15
    assert work.sent(partitions[0])[1:] == (24, 3)


def test_a_failure_is_told_where_it_is_read():
    """An error in a worker travels as text, through joins, to the one who asked."""
    work, partitions = work_on([[1], ["many"], [3]])
    several = [work.sent(p)[0] for p in partitions]
    message = r"^rows in memory, rows 0 to 0: ValueError: invalid literal .* 'many'$"
    for data in (several[1], work.sent_on(several)):
        with pytest.raises(DataError, match=message):
            Outcome.from_bytes(data, work.feeds.kinds)


def test_the_tree_depends_on_the_number_alone():
    """Groups of 16 neighbours, then one after the other."""
    single = (Outcome([Journal().add([i])], 1) for i in range(2 * GROUP + 1))
    found = list(merged(single))
    assert [outcome.rows for outcome in found] == [GROUP, GROUP, 1]
    assert joined(iter(found)).summaries[0].arrays()["seen"].tolist() == list(range(2 * GROUP + 1))
    assert list(merged([])) == []
