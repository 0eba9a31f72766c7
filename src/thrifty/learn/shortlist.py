"""Shortlist: top-k outputs of a wide network without scoring every output.

An LSH index over the output rows proposes outputs with a large inner product with the hidden
activations; the sparse linear path proposes the labels it has weights for. Only the proposed are
scored, exactly. How many of the true top are found is measured on rows the caller gives.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from thrifty.core import in_range
from thrifty.index import MaxIPIndex
from thrifty.learn.learned_index import index_under
from thrifty.learn.linear_path import SparseLinear
from thrifty.learn.network import Wide
from thrifty.learn.tile import Tile, cut
from thrifty.learn.top import top_of

__all__ = ["Shortlist"]

MEMORY = "512 MB"
NOTHING = np.zeros(0, np.int32)


class Shortlist:
    """Approximate top-k of a trained network with a hidden path.

    Args:
        wide: the network; build anew after training it further.
        planes: of `learned_planes`, for a far better index; None takes random ones.
        memory: bytes the index may hold, as int or text.
        limit: outputs scored a row besides those of the linear path; None takes 2 %, 256 at least.
        seed: of the random planes.

    Raises:
        ValueError: the network has no hidden path, or limit is below 1.
        BudgetError: memory cannot hold one table.

    Example:
        >>> from thrifty.learn import Settings
        >>> wide = Wide(Settings(task="one", num_columns=8, num_outputs=50, hidden=4))
        >>> rows = csr_array(np.eye(8, dtype=np.float32))
        >>> exact, _ = wide.top_k(rows, 3)
        >>> found, _ = Shortlist(wide, limit=50).top_k(rows, 3)      # full effort is exact
        >>> bool((exact == found).all())
        True
    """

    def __init__(
        self,
        wide: Wide,
        *,
        planes: NDArray[np.float32] | None = None,
        memory: int | str = MEMORY,
        limit: int | None = None,
        seed: int = 0,
    ) -> None:
        if wide.hidden is None:
            raise ValueError("wide must be a network with a hidden path, got hidden=0")
        outputs = wide.settings.num_outputs
        self.wide = wide
        self.limit = int(
            in_range("limit", max(256, outputs // 50) if limit is None else limit, 1, 2**31 - 1)
        )
        if planes is not None:
            self.index = index_under(wide, planes, memory=memory)
            return
        sizes = {"num_rows": outputs, "dim": wide.settings.hidden}
        self.index = MaxIPIndex.within(memory, **sizes, seed=seed)
        self.index.build(wide.hidden.output_float32(), wide.hidden.bias)

    @property
    def nbytes(self) -> int:
        """Bytes of the index."""
        return self.index.nbytes

    def top_k(self, rows: csr_array, k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The k proposed outputs of largest score, best first; ids -1 where fewer were proposed."""
        k = min(k, self.wide.settings.num_outputs)
        ids = np.full((rows.shape[0], k), -1, np.int32)
        best = np.full((rows.shape[0], k), -np.inf, np.float32)
        for number, tile in enumerate(cut(rows, None, 1)):
            found, scores = self._proposed(tile)
            taken = min(k, found.size)
            places = np.empty((1, taken), np.int32)
            top_of(scores[None], places, best[number : number + 1, :taken])
            ids[number, :taken] = found[places[0]]
        return ids, best

    def recall(self, rows: csr_array, k: int = 5) -> float:
        """Share of the exact top k that `top_k` finds, over these rows."""
        exact, _ = self.wide.top_k(rows, k)
        found, _ = self.top_k(rows, k)
        return float(np.mean([np.isin(a, b).mean() for a, b in zip(exact, found, strict=True)]))

    def _proposed(self, tile: Tile) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        wide, path = self.wide, self.wide.hidden
        assert path is not None
        hidden, _ = path.activate(tile, wide.scratch)
        found = self.index.candidates(hidden, self.limit, "most_frequent")[1]
        linear: Any = 0.0
        if isinstance(wide.linear, SparseLinear):
            barred = wide.linear.own[tile.codes] if wide.linear.own.size else NOTHING
            labels, own = next(wide.linear.shared(tile))
            fresh = np.isin(labels, barred, invert=True)
            labels, own = labels[fresh], own[fresh]
            best = np.argsort(-own, kind="stable")[: self.limit]
            found = np.setdiff1d(np.union1d(found, labels[best]), barred)
            linear = wide.linear.bias[found]
            known = np.isin(labels, found)
            linear[np.searchsorted(found, labels[known])] = own[known]
        elif wide.linear is not None:
            linear = wide.linear.scores(tile)[0][found]
        scores = (path.rows(found) @ hidden[0] + path.bias[found]) * np.float32(wide.mix[0])
        return found, scores + np.float32(wide.mix[1]) * linear
