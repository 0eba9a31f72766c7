"""Laws of learners whose outputs are buckets of labels: a factory makes a fresh one.

Words: `fit`, `candidates(X, probes=, least=)`, `top_k(X, k, probes=)`, `decision_function`,
`hash_`. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import csr_array

__all__ = ["LAWS"]

Make = Callable[[], Any]
ROWS, LABELS = 240, 40


def every_bucket_is_exact(make: Make) -> None:
    """With all buckets looked into, the answers are those of a full sort of all scores."""
    model, rows = _fitted(make)
    scores = model.decision_function(rows)
    labels, best = model.top_k(rows, 7, probes=model.hash_.size)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(labels, model.classes_[order])
    np.testing.assert_array_equal(best, np.take_along_axis(scores, order, axis=1))


def more_probes_keep_candidates(make: Make) -> None:
    """More buckets give every candidate of fewer; more repetitions to be met in give no new one."""
    model, rows = _fitted(make)
    size = model.hash_.size
    sets = [_sets(*model.candidates(rows, probes=m)) for m in (1, 2, size // 2, size)]
    for few, many in pairwise(sets):
        assert all(a <= b for a, b in zip(few, many, strict=True))
    assert all(len(found) == LABELS for found in sets[-1])
    strict = _sets(*model.candidates(rows, probes=2, least=2))
    assert all(a <= b for a, b in zip(strict, sets[1], strict=True))


def each_label_has_one_bucket(make: Make) -> None:
    """In every repetition each label is in one bucket, and the buckets hold all labels."""
    model, _ = _fitted(make)
    loads = model.hash_.loads
    assert (loads.sum(axis=1) == LABELS).all()
    assert model.hash_.buckets.shape == (len(loads), LABELS)


def _fitted(make: Make) -> tuple[Any, csr_array]:
    rng = np.random.default_rng(8)
    labels = np.concatenate([np.arange(LABELS), rng.integers(0, LABELS, ROWS - LABELS)])
    codes = np.stack([labels, LABELS + labels // 4, rng.integers(0, 60, ROWS)], axis=1)
    ends = np.arange(0, 3 * ROWS + 1, 3)
    rows = csr_array((np.ones(3 * ROWS, np.float32), codes.ravel(), ends), shape=(ROWS, 60))
    return make().fit(rows, labels), rows


def _sets(offsets: np.ndarray, ids: np.ndarray) -> list[set[int]]:
    return [set(ids[a:b].tolist()) for a, b in pairwise(offsets)]


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "label-hash": (every_bucket_is_exact, more_probes_keep_candidates, each_label_has_one_bucket),
}
