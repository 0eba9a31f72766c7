"""Encoded: blocks side by side, and back as bare arrays."""

import numpy as np

from thrifty.models.encoded import buffers, folded, joined, side_by_side


def test_blocks_come_back_in_order():
    """Entries of a row stand block after block; slices start at their own first entry."""
    rng = np.random.default_rng(0)
    dense = rng.integers(0, 99, (6, 3)).astype(np.int32), rng.random((6, 3)).astype(np.float32)
    dense[1][2, 1] = 0
    ends = np.append(0, np.cumsum(rng.integers(0, 4, 6)))
    ragged = ends, *(np.arange(ends[-1]).astype(kind) for kind in (np.int32, np.float32))
    batch = joined([dense, ragged], 6)
    for i, row in enumerate(batch.to_pylist()):
        full = dense[1][i] != 0
        exact = dense[0][i][full].tolist() + list(range(ends[i], ends[i + 1]))
        assert row["codes"] == exact
        assert row["blocks"] == [full.sum(), ends[i + 1] - ends[i]]
    offsets, codes, values, lengths = buffers(batch.slice(2, 3))
    assert offsets[0] == 0
    assert codes.tolist() == [c for row in batch.to_pylist()[2:5] for c in row["codes"]]
    assert len(values) == len(codes) == offsets[-1] == lengths.sum()


def test_no_blocks_and_no_rows():
    """Blocks without columns and batches without rows are empty, not errors."""
    nothing = np.zeros((4, 0), np.int32), np.zeros((4, 0), np.float32)
    assert joined([nothing], 4).to_pylist() == [{"codes": [], "values": [], "blocks": [0]}] * 4
    assert len(joined([(nothing[0][:0], nothing[1][:0])], 0)) == 0


def test_folded_counts_stay_and_room_is_left():
    """Each slot goes to its low bits; there remain at least the room, and at least the least."""
    slots = np.random.default_rng(1).integers(0, 5, 64).astype(np.int32)
    for room, least, size in ((5, 4, 8), (8, 4, 16), (1, 32, 32), (40, 1, 64)):
        found = folded(slots, room, least)
        assert found.tolist() == slots.reshape(-1, size).sum(axis=0).tolist()


def test_nothing_side_by_side_is_as_many_empty_rows():
    """Arrays stand in their order."""
    assert side_by_side([], np.float32, 3).shape == (3, 0)
    ones = np.ones((2, 1), np.int32)
    assert side_by_side([ones, 2 * ones], np.int32, 2).tolist() == [[1, 2], [1, 2]]
