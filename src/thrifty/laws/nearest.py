"""Laws of exact nearest neighbours of bit codes: a factory without arguments makes an empty index.

Each law raises AssertionError if broken. An index has `bits`, `add(codes)` and
`search(queries, k) -> (distances, ids)`, codes being rows of packed bytes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["LAWS"]

Make = Callable[[], Any]
SIZES = (0, 1, 7, 600, 1500)


def _codes(bits: int, rows: int, seed: int) -> np.ndarray:
    """Random rows of few different bytes, so that many are equally near."""
    rng = np.random.default_rng([seed, rows])
    return np.packbits(rng.random((rows, bits)) < rng.choice([0.02, 0.5], (rows, 1)), axis=1)


def _exact(codes: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    far = np.bitwise_count(codes[None] ^ queries[:, None]).sum(axis=2, dtype=np.int64)
    ids = np.argsort(far, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(far, ids, axis=1), ids


def nearest_are_exact(make: Make) -> None:
    """Distances and rows are those of a stable sort; of equally near rows the first comes first."""
    for rows in SIZES:
        index = make()
        codes, queries = (_codes(index.bits, n, s) for n, s in ((rows, 1), (9, 2)))
        index.add(codes)
        for k in (1, 10, 2000):
            distances, ids = index.search(queries, k)
            far, nearest = _exact(codes, queries, k)
            assert np.array_equal(distances, far)
            assert np.array_equal(ids, nearest)


def batches_do_not_matter(make: Make) -> None:
    """Rows added piece by piece are found as if added at once; so are those of a merged index."""
    codes = _codes(make().bits, 1300, 3)
    whole = make().add(codes).search(codes[:20], 5)
    pieces = make()
    for piece in np.split(codes, [1, 400, 513, 513, 1200]):
        pieces.add(piece)
    merged = make().add(codes[:700]).merge(make().add(codes[700:]))
    for index in (pieces, merged):
        for found, expected in zip(index.search(codes[:20], 5), whole, strict=True):
            assert np.array_equal(found, expected)


def a_row_finds_itself(make: Make) -> None:
    """Every row is at distance 0 of itself."""
    codes = _codes(make().bits, 700, 4)
    distances, _ = make().add(codes).search(codes, 1)
    assert (distances == 0).all()


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "nearest": (nearest_are_exact, batches_do_not_matter, a_row_finds_itself),
}
