"""Shorten: only where classes are many and memory does; what is measured is what is found."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from thrifty.learn import Settings, Shortlist, Wide
from thrifty.models import shorten as module
from thrifty.models.shorten import LIMIT, shorten

OUTPUTS, HIDDEN, ROWS = 2000, 16, 900
MEMORY = 100_000_000


@pytest.fixture
def job(monkeypatch):
    """A network that hands its columns on, rows near their labels' rows, and a lower bound."""
    monkeypatch.setattr(module, "FROM", OUTPUTS)
    wide = Wide(Settings(task="one", num_columns=HIDDEN, num_outputs=OUTPUTS, hidden=HIDDEN,
                         linear="none"))  # fmt: skip
    rng = np.random.default_rng(0)
    wide.hidden.table[:] = np.eye(HIDDEN)
    wide.hidden.output[:] = rng.standard_normal((OUTPUTS, HIDDEN))
    ids = rng.integers(0, OUTPUTS, ROWS).astype(np.int32)
    x = wide.hidden.output[ids] + 0.3 * rng.standard_normal((ROWS, HIDDEN)) + 2
    rows = csr_array(np.maximum(x, 0).astype(np.float32))
    return wide, rows, (np.arange(ROWS + 1, dtype=np.int64), ids)


def test_what_is_measured_is_the_share_found(job, monkeypatch):
    """On the last rows, which nothing was learned from."""
    monkeypatch.setattr(module, "LIMIT", 60)
    wide, rows, labels = job
    planes, told = shorten(wide, rows, labels, MEMORY)
    asked = rows[ROWS - 180 :]
    index = Shortlist(wide, planes=planes, memory=MEMORY, limit=60)
    assert told["recall@5"] == pytest.approx(index.recall(asked, 5))
    exact, found = wide.top_k(asked, 1)[0], index.top_k(asked, 1)[0]
    assert told["recall@1"] == pytest.approx((exact == found).mean())
    assert 0 < told["recall@5"] < 1
    assert (told["rows"], told["tables"]) == (180, index.index.family.tables)
    assert LIMIT == 3000


def test_where_no_index_fits_the_recall_is_not_known(job, monkeypatch):
    """The planes are learned all the same: who predicts may have more memory."""
    monkeypatch.setattr(module, "learning_nbytes", lambda *sizes: 0)
    planes, told = shorten(*job, 1000)
    assert planes.shape[0] == HIDDEN + 1
    assert told == {"rows": 180, "recall@1": None, "recall@5": None}


def test_where_it_does_not_pay_nothing_is_learned(job, monkeypatch):
    """Little memory, few rows, no hidden path, few outputs."""
    wide, rows, labels = job
    assert shorten(*job, 1000) is None
    assert shorten(wide, rows[:50], (labels[0][:51], labels[1][:50]), MEMORY) is None
    flat = Wide(Settings(task="one", num_columns=HIDDEN, num_outputs=OUTPUTS, hidden=0))
    assert shorten(flat, rows, labels, MEMORY) is None
    monkeypatch.setattr(module, "FROM", OUTPUTS + 1)
    assert shorten(*job, MEMORY) is None
