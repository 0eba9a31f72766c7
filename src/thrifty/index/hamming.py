"""Hamming: the nearest bit codes, by counting differing bits in all of them."""

import numpy as np
from numpy.typing import NDArray

from thrifty.core import method
from thrifty.index._code_bits import BLOCK, scan
from thrifty.index._code_index import CodeIndex
from thrifty.index._parts import Part, State

__all__ = ["HammingIndex", "scan_part"]

Words = NDArray[np.uint64]
Ids = NDArray[np.int64]


@method(
    source="the scan of IndexBinaryFlat (Johnson, Douze and Jegou 2017, arXiv:1702.08734), with "
    "codes transposed in blocks",
    memory="8 * ceil(bits / 64) bytes a row, in blocks of 512 rows, and 8 for its id",
    time="ceil(bits / 64) words a row and query, eight at a time where the processor can",
    error="exact",
    exact="sorting all rows by Hamming distance",
    laws=("nearest",),
    evidence=("hamming",),
)
class HammingIndex(CodeIndex):
    """Find the codes that differ from a query in the fewest bits.

    Rows are held in blocks, word by word, so that a processor compares many at once; a block's
    least distance decides whether it is looked at row by row. Of equally near rows the lowest id
    wins.

    Args:
        bits: of a code, 1..65536.

    Raises:
        ValueError: bits outside the range.

    Example:
        >>> codes = np.random.default_rng(0).integers(0, 256, (1000, 32), dtype=np.uint8)
        >>> index = HammingIndex(256).add(codes)
        >>> ids, distances = index.search(codes[[7]] ^ 1, 1)
        >>> ids.tolist(), distances.tolist()
        ([[7]], [[32]])
    """

    KIND, VERSION = "hamming-index", 2

    def _look(
        self,
        state: State,
        queries: Words,
        allowed: list[NDArray[np.bool_]],
        reach: int,
        distances: Words,
        ids: Ids,
    ) -> None:
        top = -1
        for part, mask in zip(state.parts, allowed, strict=True):
            fresh = part.rising and bool((part.ids[:1] > top).all())
            scan_part(part, mask, queries, distances, ids, slack=not fresh)
            top = max(top, part.top)


def scan_part(
    part: Part,
    allowed: NDArray[np.bool_],
    queries: Words,
    distances: Words,
    ids: Ids,
    *,
    slack: bool = True,
) -> None:
    """Put the nearest rows of a part in distances and ids, a stretch of blocks at a time."""
    blocks = part["blocks"]
    step = max(1, (1 << 24) // (len(queries) + 1) // blocks.shape[1] // BLOCK)  # heeds Ctrl-C
    for b in range(0, len(blocks), step):
        some, more = blocks[b : b + step], np.uint64(slack)
        scan(some, b * BLOCK, part.ids, allowed, queries, more, distances, ids)
