"""Blocks: outputs scored some at a time are those scored all at once, and choose the same."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from thrifty.learn import Settings, Wide, blocks, hidden_path, network
from thrifty.learn.blocks import Blocks
from thrifty.learn.linear_path import SparseLinear
from thrifty.learn.quality import choose_mix

COLUMNS, OUTPUTS, ROWS = 30, 100, 50
KINDS = [{"linear": "none"}, {"linear": "sparse"}, {"linear": "sparse", "hidden": 0},
         {"linear": "sparse", "storage": "bfloat16"}, {"linear": "dense"}]  # fmt: skip


def made(**fields):
    """A network whose paths both say something, and rows."""
    small = {"task": "one", "num_columns": COLUMNS, "num_outputs": OUTPUTS, "hidden": 8}
    wide = Wide(Settings(**(small | {"slots": 900} | fields)))
    rng = np.random.default_rng(0)
    for path in (wide.hidden, wide.linear):
        for name, array in () if path is None else path.arrays().items():
            if name in ("table", "output", "weights", "bias") and array.dtype == np.float32:
                array[...] = rng.standard_normal(array.shape)
    if wide.settings.storage == "bfloat16":
        wide.hidden.output[...] = rng.integers(0x3F00, 0x4000, wide.hidden.output.shape)
    if isinstance(wide.linear, SparseLinear):
        wide.linear.pairs[:] = rng.integers(0, OUTPUTS + 1, wide.linear.pairs.size)
    rows = random_array((ROWS, COLUMNS), density=0.2, rng=rng, dtype=np.float32)
    return wide, csr_array(rows)


def cut_by(size, monkeypatch):
    """Blocks of so many outputs."""
    for module in (blocks, hidden_path, network):
        monkeypatch.setattr(module, "BLOCK", size)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("size", [1, 7, 50, 99, 100, 1000])
def test_blocks_side_by_side_are_all_scores(kind, size, monkeypatch):
    """Of each path, whatever the size of a block."""
    wide, rows = made(**kind)
    for tile in wide.tiles(rows):
        whole = wide.parts(tile)
        with monkeypatch.context() as some:
            cut_by(size, some)
            starts, found = zip(*wide.blocks(tile), strict=True)
        dense = kind["linear"] == "dense"
        assert list(starts) == list(range(0, OUTPUTS, OUTPUTS if dense else min(size, OUTPUTS)))
        for mine, theirs in zip(zip(*found, strict=True), whole, strict=True):
            np.testing.assert_allclose(np.concatenate(mine, axis=1), theirs, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_best_and_the_mix_are_the_same(kind, monkeypatch):
    """Top outputs, and what is judged by them, do not depend on the blocks."""
    wide, rows = made(**kind)
    ids, scores = wide.top_k(rows, 5)
    labels = np.arange(ROWS + 1), ids[:, 1].copy()
    quality, mix = choose_mix(wide, rows, labels)
    cut_by(7, monkeypatch)
    again, best = wide.top_k(rows, 5)
    np.testing.assert_array_equal(again, ids)
    np.testing.assert_allclose(best, scores, rtol=2e-5, atol=2e-5)
    assert choose_mix(wide, rows, labels) == (pytest.approx(quality), pytest.approx(mix))


def test_many_rows_share_a_block_where_outputs_are_many():
    """At 670,091 outputs a tile has 122 rows; the scores of all would leave room for 8."""
    wide = Wide(Settings(task="one", num_columns=4, num_outputs=670_091, hidden=1, linear="none"))
    rows = csr_array(np.ones((200, 4), np.float32))
    sizes = [[tile.num_rows for tile in wide.tiles(rows, whole=whole)] for whole in (True, False)]
    assert (max(sizes[0]), max(sizes[1])) == (8, 122)


def test_an_example_without_a_shared_label_scores_the_bias():
    """Also where no example of the tile has one."""
    wide, rows = made(linear="sparse")
    wide.linear.pairs[:] = 0
    found = Blocks(wide.linear, next(wide.tiles(rows))).block(0)
    np.testing.assert_array_equal(found, np.repeat(wide.linear.bias[None], ROWS, axis=0))
