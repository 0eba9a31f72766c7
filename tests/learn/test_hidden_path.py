"""Hidden path: one step is the slow formula, its gradient the slope of the loss."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from thrifty.learn import Settings
from thrifty.learn.hidden_path import HiddenPath
from thrifty.learn.lss import LSS
from thrifty.learn.negatives import Uniform
from thrifty.learn.tile import Scratch, cut

ROWS, COLUMNS, OUTPUTS, DIM, RATE = 6, 10, 5, 7, 0.25
COUNTS = np.array([1, 2, 0, 1, 1, 3])


def settings(**fields):
    """Small settings of a hidden path alone."""
    small = {"task": "many", "num_columns": COLUMNS, "num_outputs": OUTPUTS, "hidden": DIM}
    return Settings(**(small | {"linear": "none", "seed": 3} | fields))


def tile_of(task):
    """One tile; a number has a target, else rows have none to three labels."""
    rng = np.random.default_rng(6)
    x = csr_array(random_array((ROWS, COLUMNS), density=0.4, rng=rng, dtype=np.float32))
    ids = [np.sort(rng.choice(OUTPUTS, count, replace=False)) for count in COUNTS]
    labels = np.concatenate([[0], np.cumsum(COUNTS)]), np.concatenate(ids).astype(np.int32)
    target = rng.standard_normal(ROWS).astype(np.float32)
    return x.toarray().astype(np.float64), next(
        cut(x, target if task == "number" else labels, ROWS)
    )


def path_of(loss, **fields):
    """A path whose every array is away from its start."""
    outputs = 1 if loss == "squared" else OUTPUTS
    path = HiddenPath(settings(num_outputs=outputs, **fields), loss)
    rng = np.random.default_rng(2)
    for name in ("table", "output", "hidden_bias", "bias"):
        array = getattr(path, name)
        array[...] = rng.standard_normal(array.shape) / 2
    return path


def loss_of(loss, x, tile, parts):
    """The loss in float64, as the textbook writes it."""
    table, hidden_bias, output, bias = parts
    scores = np.maximum(x @ table + hidden_bias, 0) @ output.T + bias
    if loss == "squared":
        return ((scores[:, 0] - tile.target) ** 2).sum() / 2
    rows = np.repeat(np.arange(ROWS), COUNTS)
    wanted = np.zeros_like(scores)
    wanted[rows, tile.ids] = 1
    if loss == "sigmoid":
        return np.log1p(np.exp(scores)).sum() - (wanted * scores).sum()
    likelihood = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -(wanted * likelihood / np.maximum(COUNTS, 1)[:, None]).sum()


def slopes(loss, x, tile, parts):
    """Central differences of the loss by every parameter."""
    found = []
    for part in parts:
        gradient = np.zeros_like(part)
        for at in np.ndindex(part.shape):
            kept = part[at]
            part[at] = kept + 1e-5
            above = loss_of(loss, x, tile, parts)
            part[at] = kept - 1e-5
            gradient[at] = (above - loss_of(loss, x, tile, parts)) / 2e-5
            part[at] = kept
        found.append(gradient)
    return found


@pytest.mark.parametrize("loss", ["softmax", "sigmoid", "squared"])
def test_a_step_is_adagrad_on_the_slope_of_the_loss(loss):
    """Every array moves by the rule, with gradients from finite differences of the slow formula."""
    x, tile = tile_of("number" if loss == "squared" else "many")
    path = path_of(loss)
    names = "table", "hidden_bias", "output", "bias"
    before = {name: array.astype(np.float64) for name, array in path.arrays().items()}
    parts = [before[name].copy() for name in names]
    gradients = dict(zip(names, slopes(loss, x, tile, parts), strict=True))
    value = path.step(tile, RATE, np.random.default_rng(0), Scratch())
    assert value == pytest.approx(loss_of(loss, x, tile, parts), rel=1e-4)
    for name, sums, shrink in (
        ("table", "table_squares", 1.0), ("output", "output_squares", 1.0),
        ("hidden_bias", "hidden_squares", 0.1), ("bias", "bias_squares", 0.1),
    ):  # fmt: skip
        g, squares = gradients[name], before[sums]
        squares = squares + ((g * g).mean(axis=1) if g.ndim == 2 else g * g)
        scale = squares[:, None] if g.ndim == 2 else squares
        expected = before[name] - shrink * RATE * g / np.sqrt(scale)
        np.testing.assert_allclose(getattr(path, sums), squares, rtol=1e-3, atol=1e-7)
        np.testing.assert_allclose(getattr(path, name), expected, rtol=1e-3, atol=1e-3)


def test_scores_are_two_products_and_a_relu():
    """max(X @ table + bias, 0) @ output.T + bias."""
    x, tile = tile_of("many")
    path = path_of("softmax")
    hidden = np.maximum(x @ path.table + path.hidden_bias, 0)
    np.testing.assert_allclose(path.activate(tile, Scratch())[0], hidden, rtol=1e-4, atol=1e-5)
    slow = hidden @ path.output.T + path.bias
    np.testing.assert_allclose(path.scores(tile, Scratch()), slow, rtol=1e-4, atol=1e-4)


def test_a_sampled_step_leaves_the_other_outputs_alone():
    """Only the tile's labels and the negatives drawn for it move."""
    x = csr_array(np.eye(2, COLUMNS, dtype=np.float32))
    tile = next(cut(x, (np.array([0, 1, 2]), np.array([2, 2], np.int32)), 2))
    path = path_of("softmax")
    path.selector, path.num_negatives = Uniform(OUTPUTS), 1
    hidden, _ = path.activate(tile, Scratch())
    active = path.active(tile, hidden, np.random.default_rng(4))
    assert active.size == 2
    assert 2 in active
    before = path.output.copy(), path.bias.copy()
    path.step(tile, RATE, np.random.default_rng(4), Scratch())
    moved = (path.output != before[0]).any(axis=1) | (path.bias != before[1])
    np.testing.assert_array_equal(np.flatnonzero(moved), active)


def test_sampling_every_output_is_the_dense_step():
    """With all classes active, a sampled step equals the full one."""
    _, tile = tile_of("many")
    full, sampled = path_of("softmax"), path_of("softmax")
    sampled.selector, sampled.num_negatives = Uniform(OUTPUTS), OUTPUTS
    for path in (full, sampled):
        path.step(tile, RATE, np.random.default_rng(4), Scratch())
    for name in full.PARTS:
        mine, theirs = getattr(full, name), getattr(sampled, name)
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_dropout_silences_units_and_strengthens_the_rest():
    """Over many draws the hidden layer's pull on the outputs keeps its mean (four errors)."""
    _, tile = tile_of("many")
    full = path_of("softmax").activate(tile, Scratch())[0]
    draws = np.array([dropped(seed) for seed in range(300)])
    assert set(np.unique(draws / np.where(full > 0, full, 1)).round(5)) == {0.0, 2.0}
    error = full / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - full) <= 4 * error).all()


def dropped(seed):
    """The hidden values a training step used, taken where they meet the outputs."""
    seen = []
    path = path_of("softmax", dropout=0.5)
    path.active = lambda tile, hidden, rng: seen.append(hidden.copy()) or np.arange(OUTPUTS)
    path.step(tile_of("many")[1], 0.0, np.random.default_rng(seed), Scratch())
    return seen[0]


def test_first_weights_depend_on_the_seed_alone():
    """Normal, of deviation 0.05, the same for the same seed, in float32 and in bfloat16."""
    big = settings(num_columns=20_000, hidden=16)
    table = HiddenPath(big, "softmax").table
    assert abs(table.std() / 0.05 - 1) < 4 / np.sqrt(2 * table.size)
    np.testing.assert_array_equal(table, HiddenPath(big, "softmax").table)
    assert (
        table != HiddenPath(settings(num_columns=20_000, hidden=16, seed=4), "softmax").table
    ).any()
    half = settings(num_columns=20_000, hidden=16, storage="bfloat16")
    stored = HiddenPath(half, "softmax").table
    back = (stored.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_allclose(back, table, rtol=2.0**-8)


def test_bfloat16_rows_come_back_as_float32():
    """output_float32 and rows agree; a float32 table is returned itself, not copied."""
    path = HiddenPath(settings(storage="bfloat16"), "softmax")
    path.output[:] = 0x3FC0  # 1.5
    assert (path.output_float32() == 1.5).all()
    assert (path.rows(np.array([1, 1], np.int32)) == 1.5).all()
    whole = HiddenPath(settings(), "softmax")
    assert whole.output_float32() is whole.output


def test_through_is_linear_in_what_is_on():
    """Contributions of features sum to the score where those units are on."""
    _, tile = tile_of("many")
    path = path_of("softmax")
    hidden, _ = path.activate(tile, Scratch())
    outputs = np.arange(OUTPUTS, dtype=np.int32)
    part = slice(tile.indptr[0], tile.indptr[1])
    on = hidden[0] > 0
    added = path.through(tile.codes[part], on, outputs) * tile.values[part, None]
    constant = (path.hidden_bias * on) @ path.output.T + path.bias
    slow = path.scores(tile, Scratch())[0]
    np.testing.assert_allclose(added.sum(axis=0) + constant, slow, rtol=1e-4, atol=1e-4)


def test_a_learning_selector_is_told_pairs():
    """Of each tile 32 examples at most, each with the label of the tile that it scores highest."""
    path, told = path_of("softmax"), []
    path.selector = LSS(OUTPUTS, DIM, memory="1 MB")
    path.selector.observe = lambda *pair: told.append(pair)
    tile = tile_of("many")[1]
    hidden, _ = path.activate(tile, Scratch())
    path.active(tile, hidden, np.random.default_rng(0))
    positives = np.unique(tile.ids)
    scores = (hidden @ path.output.T + path.bias)[:, positives]
    np.testing.assert_array_equal(told[0][0], hidden)
    np.testing.assert_array_equal(told[0][1], positives[scores.argmax(axis=1)])
    path.active(tile, np.repeat(hidden, 20, axis=0), np.random.default_rng(0))
    assert len(told[1][0]) == len(told[1][1]) == 40
