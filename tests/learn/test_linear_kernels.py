"""Linear kernels: the dense and the sparse table against slow loops; no slot is ever overrun."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

from thrifty.learn.linear_kernels import (
    MODES,
    admit,
    count_marks,
    dense_scores,
    dense_step,
    mark_pairs,
    sparse_scores,
    sparse_step,
)

ROWS, COLUMNS, OUTPUTS, RATE = 12, 9, 4, 0.2
NOBODY = np.zeros(0, np.int32)


def examples(mode):
    """Rows, labels (some rows without, some with two) and a target."""
    rng = np.random.default_rng(4)
    x = csr_array(random_array((ROWS, COLUMNS), density=0.4, rng=rng, dtype=np.float32))
    counts = np.array([1, 2, 0, 1] * 3)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    ids = np.concatenate([np.sort(rng.choice(OUTPUTS, c, replace=False)) for c in counts])
    target = rng.standard_normal(ROWS).astype(np.float32)
    example = x.indptr.astype(np.int64), x.indices.astype(np.int32), x.data
    return x.toarray(), example, (offsets, ids.astype(np.int32), target)


def slope(mode, scores, ids, target):
    """Loss and gradient of one example, as the textbook writes them."""
    if mode == "squared":
        return (scores[0] - target) ** 2 / 2, scores - target
    if mode == "softmax":
        chance = np.exp(scores - scores.max())
        chance /= chance.sum()
        loss, gradient = -np.log(chance[ids]).sum(), chance.copy()
        gradient[ids] -= 1 / len(ids)
        return loss, gradient
    sign = -np.ones(len(scores))
    sign[ids] = 1
    gap = np.maximum(0, 1 - sign * scores)
    return (gap**2).sum(), -2 * sign * gap


@pytest.mark.parametrize("mode", sorted(MODES))
def test_a_dense_step_is_the_slow_loop(mode):
    """Example by example: one Adagrad sum a column, one a bias."""
    outputs = 1 if mode == "squared" else OUTPUTS
    x, example, (offsets, ids, target) = examples(mode)
    table = np.zeros((COLUMNS, outputs), np.float32)
    squares = np.full(COLUMNS, 0.01, np.float32)
    bias, bias_squares = np.zeros(outputs, np.float32), np.full(outputs, 0.01, np.float32)
    t, s, b, bs = (a.astype(np.float64) for a in (table, squares, bias, bias_squares))
    expected = 0.0
    for i in range(ROWS):
        mine = ids[offsets[i] : offsets[i + 1]]
        if mode == "softmax" and not mine.size:
            continue
        loss, g = slope(mode, x[i] @ t + b, mine, target[i])
        expected += loss
        bs += g * g
        b -= 0.1 * RATE * g / np.sqrt(bs)
        s += x[i] ** 2 * (g @ g) * 4 / outputs
        t -= RATE * (x[i] / np.sqrt(s))[:, None] * g
    state = table, squares, bias, bias_squares
    loss = dense_step(example, (offsets, ids, target), *state, np.float32(RATE), MODES[mode])
    assert loss == pytest.approx(expected, rel=1e-4)
    for found, slow in zip(state, (t, s, b, bs), strict=True):
        np.testing.assert_allclose(found, slow, rtol=2e-3, atol=1e-4)


def test_dense_scores_are_a_product():
    """X @ table + bias."""
    x, example, _ = examples("softmax")
    rng = np.random.default_rng(0)
    table = rng.standard_normal((COLUMNS, OUTPUTS)).astype(np.float32)
    bias = rng.standard_normal(OUTPUTS).astype(np.float32)
    out = np.empty((ROWS, OUTPUTS), np.float32)
    dense_scores(*example, table, bias, out)
    np.testing.assert_allclose(out, x @ table + bias, rtol=1e-4, atol=1e-5)


PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), max_size=80)


@given(st.lists(st.integers(0, 6), min_size=6, max_size=6), PAIRS)
def test_admission_never_overruns(rooms, wanted):
    """A column holds labels of its own only, each once, as many as it has room for."""
    starts = np.concatenate([[0], np.cumsum(rooms)]).astype(np.int64)
    pairs = np.zeros(starts[-1] + 8, np.uint16)  # 8 guards behind the end
    for column, label in wanted:
        before = pairs.copy()
        admit(np.array([column], np.int32), np.array([label], np.int32), starts, pairs, NOBODY)
        assert (pairs[before > 0] == before[before > 0]).all()
    assert (pairs[starts[-1] :] == 0).all()
    for column, room in enumerate(rooms):
        held = pairs[starts[column] : starts[column + 1]]
        held = (held[held > 0].astype(int) - 1).tolist()
        asked = {label for own, label in wanted if own == column}
        assert len(set(held)) == len(held) == min(room, len(asked))
        assert set(held) <= asked


@pytest.mark.parametrize("room", [1, 5, 32])
def test_a_column_fills_to_its_last_slot(room):
    """As many labels as there is room for are all admitted, however they collide."""
    starts, pairs = np.array([0, room], np.int64), np.zeros(room, np.uint16)
    for label in range(room):
        admit(np.array([0], np.int32), np.array([label], np.int32), starts, pairs, NOBODY)
    assert sorted(pairs) == list(range(1, room + 1))


def test_a_sparse_step_is_the_dense_one_where_all_pairs_are_in():
    """With room for all and every label touched, both tables learn the same weights."""
    x, example, (offsets, ids, _) = examples("hinge")
    model = whole_table()
    dense = np.zeros((COLUMNS, OUTPUTS), np.float32)
    s = np.full(COLUMNS, 0.01)
    b, bs = np.full(OUTPUTS, -0.5), np.full(OUTPUTS, 0.01)
    t = dense.astype(np.float64)
    expected = 0.0
    for i in range(ROWS):
        used = np.flatnonzero(x[i])
        loss, g = slope("hinge", x[i] @ t + b, ids[offsets[i] : offsets[i + 1]], 0.0)
        if not used.size:
            g[np.setdiff1d(np.arange(OUTPUTS), ids[offsets[i] : offsets[i + 1]])] = 0.0
            loss = (g * g).sum() / 4
        expected += loss
        bs += g * g
        b -= 0.1 * RATE * g / np.sqrt(bs)
        s += x[i] ** 2 * (g @ g) / (OUTPUTS + 1)
        t -= RATE * (x[i] / np.sqrt(s))[:, None] * g
    scratch = np.empty(OUTPUTS, "f4"), np.empty(OUTPUTS, "i4"), np.zeros(OUTPUTS, "i4")
    loss = sparse_step(
        example, (offsets, ids), model, scratch, np.int32(1), np.float32(RATE), NOBODY
    )
    assert loss == pytest.approx(expected, rel=1e-4)
    for column in range(COLUMNS):
        part = slice(model[0][column], model[0][column + 1])
        found = model[2][part][np.argsort(model[1][part])]
        np.testing.assert_allclose(found, t[column], rtol=2e-3, atol=1e-4)
    np.testing.assert_allclose(model[4], b, rtol=1e-3, atol=1e-5)


def whole_table():
    """A sparse table in which every column already holds every label."""
    starts = (np.arange(COLUMNS + 1) * OUTPUTS).astype(np.int64)
    pairs = np.tile(np.arange(1, OUTPUTS + 1, dtype=np.int32), COLUMNS)
    squares = np.full(COLUMNS, 0.01, np.float32)
    bias, bias_squares = np.full(OUTPUTS, -0.5, np.float32), np.full(OUTPUTS, 0.01, np.float32)
    return starts, pairs, np.zeros(pairs.size, np.float32), squares, bias, bias_squares


def test_sparse_scores_touch_only_what_shares_a_column():
    """A label without a pair among the columns keeps whatever stood there."""
    starts = np.array([0, 2, 4, 4], np.int64)
    pairs, weights = np.array([6, 2, 0, 6], np.int32), np.array([2, 3, 9, 4], np.float32)
    bias = np.arange(7, dtype=np.float32) * 10
    scores = np.full(7, np.nan, np.float32)
    touched, marks = np.empty(7, np.int32), np.zeros(7, np.int32)
    codes, values = np.array([0, 1, 2], np.int32), np.array([1.0, 0.5, 8.0], np.float32)
    count = sparse_scores(
        codes, values, starts, pairs, weights, bias, scores, touched, marks, np.int32(3), 0
    )
    assert sorted(touched[:count]) == [1, 5]
    assert scores[5] == 50 + 1.0 * 2 + 0.5 * 4
    assert scores[1] == 10 + 1.0 * 3
    assert np.isnan(scores[[0, 2, 3, 4, 6]]).all()


def test_bfloat16_weights_are_right_on_average():
    """Rounded by chance, the mean of many learned tables is the float32 table."""
    _, example, (offsets, ids, _) = examples("hinge")
    tables = []
    for kind, seed in [(np.float32, 0), *((np.uint16, seed) for seed in range(300))]:
        starts, pairs, weights, squares, bias, bias_squares = whole_table()
        weights = np.zeros(weights.size, kind)
        squares += np.float32(seed * 1e-6)  # what the rounding draws its chance from
        scratch = np.empty(OUTPUTS, "f4"), np.empty(OUTPUTS, "i4"), np.zeros(OUTPUTS, "i4")
        model = starts, pairs, weights, squares, bias, bias_squares
        sparse_step(example, (offsets, ids), model, scratch, np.int32(1), np.float32(0.01), NOBODY)
        wide = weights.astype(np.uint32) << 16 if kind == np.uint16 else weights
        tables.append(wide.view(np.float32))
    found = np.array(tables[1:])
    off = np.abs(found.mean(axis=0) - tables[0])
    assert (found.std(axis=0) > 0).any()
    assert (off <= 5 * found.std(axis=0) / np.sqrt(300) + 0.02 * np.abs(tables[0])).all()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 400)), max_size=300))
def test_marks_count_the_pairs(seen):
    """Linear counting: within five standard errors of the distinct labels of each column."""
    room = 1000
    starts = np.arange(7, dtype=np.int64) * room
    bits = np.zeros(-(-starts[-1] // 8), np.uint8)
    for column, label in seen:
        one = np.arange(2, dtype=np.int64)
        mark_pairs(one, np.array([column], "i4"), one, np.array([label], "i4"), starts, bits)
    found = np.empty(6)
    count_marks(starts, bits, found)
    for column in range(6):
        exact = len({label for own, label in seen if own == column})
        load = exact / room
        error = np.sqrt(room * (np.exp(load) - load - 1))
        assert abs(found[column] - exact) <= 5 * error + 1
        assert (found[column] > 0) == (exact > 0)


def test_marks_stay_within_their_column():
    """A column without bits is passed over, and a full one says as much as it can."""
    starts = np.array([0, 4, 4, 12], np.int64)
    bits = np.zeros(2, np.uint8)
    example = np.array([0, 2], np.int64), np.array([0, 1], np.int32)
    mark_pairs(*example, np.array([0, 100], np.int64), np.arange(100, dtype="i4"), starts, bits)
    assert bits.tolist() == [0x0F, 0]
    found = np.empty(3)
    count_marks(starts, bits, found)
    assert found.tolist() == [np.ceil(4 * np.log(8)), 0, 0]
