"""Laws of exact nearest neighbours of bit codes: a factory without arguments makes an empty index.

Each law raises AssertionError if broken. An index has `bits`, `add(codes, ids)`, `remove(ids)`,
`search(queries, k, filter=) -> (ids, distances)` and `near(queries, radius)`, codes being rows of
packed bytes; where there are fewer than k, ids are -1 and distances bits + 1.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from thrifty.core import FormatError

__all__ = ["LAWS"]

Make = Callable[[], Any]
SIZES = (0, 1, 7, 600, 1500)


def _codes(bits: int, rows: int, seed: int) -> np.ndarray:
    """Random rows of few different bytes, so that many are equally near."""
    rng = np.random.default_rng([seed, rows])
    return np.packbits(rng.random((rows, bits)) < rng.choice([0.02, 0.5], (rows, 1)), axis=1)


def _distances(codes: np.ndarray, queries: np.ndarray) -> np.ndarray:
    return np.bitwise_count(codes[None] ^ queries[:, None]).sum(axis=2, dtype=np.int64)


def _exact(
    codes: np.ndarray, ids: np.ndarray, queries: np.ndarray, k: int, bits: int
) -> tuple[np.ndarray, np.ndarray]:
    far, short = _distances(codes, queries), max(0, k - len(codes))
    order = np.lexsort((np.broadcast_to(ids, far.shape), far), axis=1)[:, :k]
    far = np.take_along_axis(far, order, axis=1)
    extra = ((0, 0), (0, short))
    return (
        np.pad(ids[order], extra, constant_values=-1),
        np.pad(far, extra, constant_values=bits + 1),
    )


def nearest_are_exact(make: Make) -> None:
    """Rows and distances are those of a sort; of equally near rows the lowest id comes first."""
    for rows in SIZES:
        index = make()
        codes, queries = (_codes(index.bits, n, s) for n, s in ((rows, 1), (9, 2)))
        index.add(codes)
        for k in (1, 10, 2000):
            found = index.search(queries, k)
            _same(found, _exact(codes, np.arange(rows), queries, k, index.bits))


def all_within_a_radius_are_found(make: Make) -> None:
    """At every radius the rows within it are found, and no other."""
    index = make()
    codes, queries = (_codes(index.bits, n, s) for n, s in ((1500, 1), (9, 2)))
    index.add(codes)
    far = _distances(codes, queries)
    for radius in {*range(min(20, index.bits)), index.bits // 2, index.bits}:
        offsets, ids, distances = index.near(queries, radius)
        assert offsets[0] == 0
        for i in range(len(queries)):
            mine = slice(offsets[i], offsets[i + 1])
            wanted = np.flatnonzero(far[i] <= radius)
            wanted = wanted[np.argsort(far[i, wanted], kind="stable")]
            assert np.array_equal(ids[mine], wanted)
            assert np.array_equal(distances[mine], far[i, wanted])


def batches_do_not_matter(make: Make) -> None:
    """Rows added piece by piece are found as if added at once; so are those of a merged index."""
    codes, ids = _codes(make().bits, 1300, 3), np.random.default_rng(4).permutation(1300)
    whole = make().add(codes, ids).search(codes[:20], 5)
    pieces = make()
    for piece in np.split(np.arange(1300), [1, 400, 513, 513, 1200]):
        pieces.add(codes[piece], ids[piece])
    merged = make().add(codes[:700], ids[:700]).merge(make().add(codes[700:], ids[700:]))
    for index in (pieces, merged):
        _same(index.search(codes[:20], 5), whole)


def a_row_finds_itself(make: Make) -> None:
    """Every row is at distance 0 of itself."""
    codes = _codes(make().bits, 700, 4)
    _, distances = make().add(codes).search(codes, 1)
    assert (distances == 0).all()


def removed_rows_are_not_found(make: Make) -> None:
    """What was removed, or is left out by a filter, is not found; the rest is, exactly."""
    index = make()
    codes, queries = (_codes(index.bits, n, s) for n, s in ((1500, 5), (9, 6)))
    index.add(codes)
    for share in (0.02, 0.5):
        mask = np.random.default_rng(7).random(1500) < share
        some = np.flatnonzero(mask)
        wanted = _exact(codes[some], some, queries, 40, index.bits)
        _same(index.search(queries, 40, filter=mask), wanted)
        _same(index.search(queries, 40, filter=some), wanted)
    index.remove(np.flatnonzero(~mask))
    _same(index.search(queries, 40), wanted)
    index.add(codes[~mask], np.flatnonzero(~mask))
    _same(index.search(queries, 40), _exact(codes, np.arange(1500), queries, 40, index.bits))


def files_answer_alike(make: Make) -> None:
    """Saved and opened it answers alike; a file altered anywhere is refused or ends no process."""
    index = make()
    codes, queries = (_codes(index.bits, n, s) for n, s in ((1500, 8), (9, 9)))
    index.add(codes, np.arange(1500)[::-1]).remove([3])
    wanted, rng = index.search(queries, 7), np.random.default_rng(10)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.thrifty"
        index.save(path)
        for twin in (type(index).load(path), type(index).open(path), index.copy()):
            _same(twin.search(queries, 7), wanted)
            assert len(twin.add(codes[:1], [3])) == 1500
        data = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(25):
            noisy = data.copy()
            start = int(rng.integers(0, noisy.size))
            part = noisy[start : start + int(rng.choice([1, 8, 64, 4096]))]
            part[:] = rng.integers(0, 256, part.size)
            path.write_bytes(noisy.tobytes())
            try:
                found = type(index).open(path).search(queries, 5)
            except FormatError:
                continue
            assert found[0].shape == found[1].shape == (9, 5)


def _same(found: Any, expected: Any) -> None:
    for mine, other in zip(found, expected, strict=True):
        assert np.array_equal(mine, other)


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "nearest": (
        nearest_are_exact,
        all_within_a_radius_are_found,
        batches_do_not_matter,
        a_row_finds_itself,
        removed_rows_are_not_found,
        files_answer_alike,
    ),
}
