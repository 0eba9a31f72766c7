"""Linear kernels, two threads at once: a pair the other thread has just put in is left alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from thrifty.learn.linear_kernels import sparse_step

ROWS, COLUMNS, OUTPUTS, WIDTH, ROOM = 4000, 200, 1000, 30, 500


def test_pairs_of_the_other_thread_are_not_trained_on_old_scores():
    """Whatever scratch holds, no weight takes a step larger than a score of this example allows."""
    draw = np.random.default_rng(5)
    codes = draw.integers(0, COLUMNS, ROWS * WIDTH).astype(np.int32)
    ids = draw.integers(0, OUTPUTS, ROWS).astype(np.int32)
    starts = np.arange(COLUMNS + 1, dtype=np.int64) * ROOM
    model = (
        starts,
        np.zeros(starts[-1], np.int32),
        np.zeros(starts[-1], np.float32),
        np.full(COLUMNS, 1e-3, np.float32),
        np.full(OUTPUTS, -1.0, np.float32),
        np.ones(OUTPUTS, np.float32),
    )

    def half(first):
        scratch = np.full(OUTPUTS, 1e30, np.float32), np.empty(OUTPUTS, np.int32)
        part = slice(first * WIDTH, (first + ROWS // 2) * WIDTH)
        example = (
            np.arange(ROWS // 2 + 1) * WIDTH,
            codes[part],
            np.full(part.stop - part.start, WIDTH**-0.5, np.float32),
        )
        labels = np.arange(ROWS // 2 + 1), ids[first : first + ROWS // 2]
        marks = np.zeros(OUTPUTS, np.int32)
        nobody = np.zeros(0, np.int32)
        how = (*scratch, marks), np.int32(1), np.float32(0.06), nobody
        return sparse_step(example, labels, model, *how)

    with ThreadPoolExecutor(2) as pool:
        losses = list(pool.map(half, (0, ROWS // 2)))
    assert np.isfinite(losses).all()
    assert np.abs(model[2]).max() < 100.0
