"""Completion: an item left out is nowhere in the row, and what a row has is never answered."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from thrifty.core import FormatError
from thrifty.learn import Settings, Wide
from thrifty.learn.completion import BARRED, bar, left_out
from thrifty.learn.shortlist import Shortlist
from thrifty.learn.tile import cut

ITEMS, ROWS, SHIFT = 12, 30, 100
OWN = np.concatenate([np.arange(ITEMS) + SHIFT, [-1]]).astype(np.int32)


def lists(seed=3):
    """Rows of random items, a column that is no item among them, and their labels."""
    rng = np.random.default_rng(seed)
    rows = csr_array(random_array((ROWS, ITEMS + 1), density=0.4, rng=rng, dtype=np.float32))
    rows.sort_indices()
    kept = rows.indices < ITEMS
    at = np.repeat(np.arange(ROWS), np.diff(rows.indptr))[kept]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=ROWS))])
    return rows, (offsets, rows.indices[kept].astype(np.int32) + SHIFT)


@pytest.mark.parametrize("most", [1, 3, 100])
def test_a_question_is_a_row_without_the_item_asked_for(most):
    """Its other entries keep their proportions, its length stays, and no list asks one twice."""
    rows, (offsets, ids) = lists()
    asked, (ends, labels) = left_out(rows, (offsets, ids), OWN, most=most)
    assert ends.tolist() == list(range(len(labels) + 1))
    of = np.repeat(np.arange(ROWS), np.minimum(np.diff(offsets), most))
    assert asked.shape == (of.size, ITEMS + 1)
    assert labels.size == of.size
    assert len(set(zip(of.tolist(), labels.tolist(), strict=True))) == of.size
    for question, row, label in zip(asked.toarray(), rows.toarray()[of], labels, strict=True):
        assert question[label - SHIFT] == 0 < row[label - SHIFT]
        rest = np.where(np.arange(ITEMS + 1) == label - SHIFT, 0, row)
        if rest.any():
            assert question == pytest.approx(rest * np.linalg.norm(row) / np.linalg.norm(rest))


def test_every_item_is_as_likely_to_be_asked_for():
    """Of one list of twelve, over 3,000 seeds, each item within five standard errors."""
    rows = csr_array(np.ones((1, ITEMS), np.float32))
    labels = np.array([0, ITEMS]), np.arange(ITEMS, dtype=np.int32) + SHIFT
    drawn = [left_out(rows, labels, OWN, seed=seed)[1][1][0] - SHIFT for seed in range(3000)]
    counts = np.bincount(drawn, minlength=ITEMS)
    assert np.abs(counts - 250).max() < 5 * np.sqrt(250)


def test_an_item_that_no_column_stands_for_is_asked_of_the_whole_row():
    """There is nothing to leave out; empty lists ask nothing."""
    rows = csr_array(np.array([[1, 2], [0, 3]], np.float32))
    labels = np.array([0, 1, 1]), np.array([77], np.int32)
    asked, (_, found) = left_out(rows, labels, OWN[:2], most=5)
    assert asked.toarray().tolist() == [[1, 2]]
    assert found.tolist() == [77]


def test_bars_what_the_row_has_and_nothing_else():
    """Without known columns all scores stay."""
    rows = csr_array(np.array([[1, 0, 2], [0, 0, 0]], np.float32))
    tile = next(cut(rows, None, 2))
    scores = np.zeros((2, 4), np.float32)
    bar(scores, tile, np.zeros(0, np.int32))
    assert not scores.any()
    bar(scores, tile, np.array([3, 1, -1], np.int32))
    assert scores.tolist() == [[0, 0, 0, BARRED], [0, 0, 0, 0]]
    part = np.zeros((2, 2), np.float32)
    bar(part, tile, np.array([3, 1, -1], np.int32), 2)
    assert part.tolist() == [[0, BARRED], [0, 0]]


def completing(seed=1, **fields):
    """A trained network whose outputs are its columns."""
    how = {"task": "many", "num_columns": ITEMS, "num_outputs": ITEMS, "hidden": 8, "seed": seed}
    how |= {"linear": "sparse", "slots": 400, "complete": True, "loss": "softmax"} | fields
    wide = Wide(Settings(**how))
    wide.linear.own[:] = np.arange(ITEMS)
    rows, (offsets, ids) = lists()
    rows = csr_array(rows.toarray()[:, :ITEMS])
    for tile in cut(rows, (offsets, ids - SHIFT), 10):
        wide.linear.step(tile)
        wide.hidden.step(tile, 0.1, np.random.default_rng(0), wide.scratch)
    return wide, rows


@pytest.mark.parametrize("mix", [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)])
def test_a_network_never_answers_what_the_row_has(mix):
    """Whatever the mix, exactly or through the index, and after a state and back."""
    wide, rows = completing()
    wide.mix = np.array(mix)
    there = rows.toarray() > 0
    most = int((~there).sum(axis=1).min())
    again = Wide.from_state(*wide.state(training=False))
    for found in (wide, again, Shortlist(wide, limit=ITEMS)):
        ids, _ = found.top_k(rows, most)
        assert not np.take_along_axis(there, ids, axis=1).any()
    assert (again.scores(rows) == wide.scores(rows)).all()


def test_no_item_speaks_for_itself():
    """No weight leads from a column to the output it is."""
    wide, _ = completing()
    path = wide.linear
    columns = np.repeat(np.arange(ITEMS), np.diff(path.starts))
    held = path.pairs > 0
    assert held.sum() > ITEMS
    assert (path.pairs.astype(int) - 1 != columns)[held].all()


def test_a_compact_path_scores_the_same():
    """Only empty slots go."""
    wide, rows = completing()
    before = wide.scores(rows)
    wide.linear.compact()
    assert (wide.linear.pairs > 0).all()
    assert (wide.scores(rows) == before).all()
    again = Wide.from_state(*wide.state(training=False))
    assert (again.scores(rows) == before).all()


def test_own_outputs_that_are_none_are_refused():
    """A file may not send the bar out of bounds."""
    wide, _ = completing()
    header, arrays = wide.state()
    arrays["linear.own"] = np.full(ITEMS, ITEMS, np.int32)
    message = r"^the pairs of the linear path do not fit its columns and outputs$"
    with pytest.raises(FormatError, match=message):
        Wide.from_state(header, arrays)


def test_thinned_input_differs_from_whole():
    """Input dropout reaches the hidden path."""
    one, _rows = completing()
    two, _ = completing(input_dropout=0.5)
    assert (one.hidden.table != two.hidden.table).any()
