"""Refit: every row is seen each epoch, held-out ones too, for as many epochs as were best."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from thrifty.learn import History, Settings, Wide, refit
from thrifty.learn.refit import blend
from thrifty.learn.tile import cut
from thrifty.learn.trainer import run_epochs
from thrifty.learn.worker import Worker


def numbered(first, count):
    """Rows that carry their number, labelled 0, 1 or 2 times with it."""
    values = np.arange(first, first + count)
    rows = csr_array((values.astype("f4"), np.zeros(count, "i4"), np.arange(count + 1)), (count, 1))
    counts = values % 3
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return rows, (offsets, np.repeat(values, counts).astype(np.int32))


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.integers(0, 30), st.integers(0, 3))
def test_every_row_comes_once_with_its_labels(sizes, extra, epoch):
    """The stream's rows in their order, and the extra ones spread among them."""
    total = sum(sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    chunks = (numbered(int(a), int(b - a)) for a, b in pairwise(starts))
    seen, given_each = [], []
    for rows, (offsets, ids) in blend(chunks, numbered(1000, extra), total, epoch):
        values = rows.data.astype(int)
        for b, value in enumerate(values):
            assert (ids[offsets[b] : offsets[b + 1]] == value).all()
            assert offsets[b + 1] - offsets[b] == value % 3
        seen.extend(values)
        given_each.append((values >= 1000).sum())
    assert sorted(seen) == [*range(total), *range(1000, 1000 + extra)]
    assert [value for value in seen if value < 1000] == list(range(total))
    for got, size in zip(given_each, sizes, strict=True):
        assert abs(got - extra * size / total) <= 1


def test_numbers_are_blended_like_labels():
    """A target goes with its row."""
    rows, _ = numbered(0, 10)
    extra, _ = numbered(1000, 5)
    for chunk, target in blend(iter([(rows, rows.data)]), (extra, extra.data), 10, 0):
        np.testing.assert_array_equal(chunk.data, target)


def test_the_order_of_the_extra_rows_is_new_each_epoch():
    """So that they do not always come with the same rows."""
    orders = []
    for epoch in (0, 1, 0):
        chunk, _ = next(blend(iter([numbered(0, 50)]), numbered(1000, 50), 50, epoch))
        orders.append(chunk.data[50:].tolist())
    assert orders[0] == orders[2] != orders[1]


@pytest.mark.parametrize("fell_back", [False, True])
def test_a_refit_is_a_fresh_run_over_all_rows(fell_back):
    """At the chosen rate, for best + 1 epochs; mix and calibration stay, a fall-back too."""
    rng = np.random.default_rng(0)
    x = csr_array((rng.random((120, 9)) < 0.3).astype(np.float32))
    labels = np.arange(121, dtype=np.int64), rng.integers(0, 60, 120, dtype=np.int32)
    held_out = x[100:], (np.arange(21, dtype=np.int64), labels[1][100:])

    def stream(epoch, start):
        yield x[:100], (labels[0][:101], labels[1][:100])

    def make():
        return Wide(Settings(task="one", num_columns=9, num_outputs=60, hidden=8, tile=16, epochs=7,
                             negatives="uniform", num_negatives=1))  # fmt: skip

    history = History("accuracy", best=2, audit={"fell_back": fell_back})
    rates = [(0.3, False), (0.2, True)]
    history.probe = [{"path": "hidden", "rate": rate, "chosen": best} for rate, best in rates]
    wide, slow = make(), make()
    run_epochs(wide, stream, rate=0.5)
    wide.mix, wide.slope, wide.shift = np.array([0.3, 0.7]), 2.0, 0.5
    refit(wide, stream, held_out, history, num_rows=100)
    if fell_back:
        slow.hidden.selector = None
    for epoch in range(3):
        one_epoch(slow, blend(stream(epoch, 0), held_out, 100, epoch), epoch)
    for name, array in slow.state()[1].items():
        np.testing.assert_array_equal(wide.state()[1][name], array, err_msg=name)
    assert (wide.mix.tolist(), wide.slope, wide.shift) == ([0.3, 0.7], 2.0, 0.5)


def one_epoch(wide, chunks, epoch):
    """One epoch by hand, with the seeds of the trainer."""
    worker = Worker(wide)
    for chunk, (rows, labels) in enumerate(chunks):
        for number, tile in enumerate(cut(rows, labels, wide.settings.tile)):
            worker.step(tile, 0.2, (wide.settings.seed, epoch, chunk, number))
