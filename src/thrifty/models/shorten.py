"""Shorten: planes to find a model's best classes without scoring all, and how many they find."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from thrifty.core import BudgetError
from thrifty.learn import Shortlist
from thrifty.learn.learned_index import learned_planes, learning_nbytes
from thrifty.learn.tile import Labels

__all__ = ["FROM", "shorten"]

FROM = 30_000  # outputs; fewer are scored in a millisecond
ASKED, LEAST = 200, 500  # rows that measure, pairs of row and label to learn from
LIMIT = 3000


def shorten(wide: Any, rows: csr_array, labels: Labels, memory: int) -> tuple[NDArray, dict] | None:
    """Learn planes from some rows, and measure on the last of them what an index finds.

    Args:
        wide: a trained network.
        rows: (n, columns) and labels: such as were held out.
        memory: bytes that this may take beside the network.

    Returns:
        The planes and what was measured: the shares of the exact first and first five that the
        index finds ("recall@1", "recall@5"; None where no index fits the memory). None where
        outputs are few, rows are few, or the memory does not do.
    """
    settings = wide.settings
    if settings.num_outputs < FROM or wide.hidden is None or not isinstance(labels, tuple):
        return None
    asked = min(ASKED, rows.shape[0] // 5)
    kept = rows.shape[0] - asked
    offsets, ids = labels[0][: kept + 1], labels[1][: labels[0][kept]]
    needed = learning_nbytes(settings.num_outputs, settings.hidden)
    if ids.size < LEAST or needed > memory:
        return None
    planes = learned_planes(wide, rows[:kept], (offsets, ids), seed=settings.seed)
    return planes, _measured(wide, planes, rows[kept:], memory)


def _measured(wide: Any, planes: NDArray, asked: csr_array, memory: int) -> dict[str, Any]:
    widened = 0 if wide.hidden.tied else 4 * wide.hidden.output.size
    told: dict[str, Any] = {"rows": asked.shape[0], "recall@1": None, "recall@5": None}
    try:
        shortlist = Shortlist(wide, planes=planes, memory=max(0, memory - widened), limit=LIMIT)
    except BudgetError:
        return told
    exact, _ = wide.top_k(asked, 5)
    found, _ = shortlist.top_k(asked, 5)
    shares = [np.isin(a, b).mean() for a, b in zip(exact, found, strict=True)]
    told["recall@1"] = float((exact[:, 0] == found[:, 0]).mean())
    return told | {"recall@5": float(np.mean(shares)), "tables": shortlist.index.family.tables}
