"""Network: two paths in one score, explained exactly, saved whole, refused when damaged."""

import json

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from thrifty.core import FormatError
from thrifty.learn import Settings, Wide
from thrifty.learn.tile import Scratch, cut

ROWS, COLUMNS, OUTPUTS = 30, 25, 6
KINDS = [
    {},
    {"storage": "bfloat16"},
    {"linear": "sparse", "slots": 90},
    {"linear": "none"},
    {"hidden": 0},
    {"task": "number", "num_outputs": 1},
    {"task": "many"},
]


def rows_of(rows=ROWS, seed=1):
    """Random sparse rows."""
    rng = np.random.default_rng(seed)
    return csr_array(random_array((rows, COLUMNS), density=0.2, rng=rng, dtype=np.float32))


def trained(**fields):
    """A network after a few steps, with a mix and a calibration of its own."""
    small = {"task": "one", "num_columns": COLUMNS, "num_outputs": OUTPUTS, "hidden": 8}
    wide = Wide(Settings(**(small | fields)))
    step(wide)
    wide.mix = np.array([0.25, 0.75])
    wide.slope, wide.shift = 1.5, -0.25
    return wide


def step(wide):
    """Two passes over the rows, the same ones each time."""
    ids = np.random.default_rng(2).integers(0, wide.settings.num_outputs, ROWS, dtype=np.int32)
    number = wide.settings.task == "number"
    labels = ids.astype(np.float32) if number else (np.arange(ROWS + 1, dtype=np.int64), ids)
    for tile in [*cut(rows_of(), labels, 8)] * 2:
        if wide.hidden is not None:
            wide.hidden.step(tile, 0.1, np.random.default_rng(0), Scratch())
        if wide.linear is not None:
            wide.linear.step(tile)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_scores_are_the_weighted_sum_of_the_paths(kind):
    """Whatever path is absent counts nothing."""
    wide = trained(**kind)
    tile = next(cut(rows_of(), None, ROWS))
    slow = np.zeros((ROWS, wide.settings.num_outputs))
    for path, weight in zip((wide.hidden, wide.linear), wide.mix, strict=True):
        if path is not None:
            own = path.scores(tile, Scratch()) if path is wide.hidden else path.scores(tile)
            slow += weight * own
    np.testing.assert_allclose(wide.scores(rows_of()), slow, rtol=1e-4, atol=1e-5)


def test_paths_count_the_same_until_held_out_rows_say_otherwise():
    """The first mix sums to 1 over the paths there are."""
    small = {"task": "one", "num_columns": 3, "num_outputs": 2}
    assert Wide(Settings(**small)).mix.tolist() == [0.5, 0.5]
    assert Wide(Settings(**small, hidden=0)).mix.tolist() == [0.0, 1.0]
    assert Wide(Settings(**small, linear="none")).mix.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("k", [1, 3, OUTPUTS, OUTPUTS + 5])
def test_top_k_is_a_sort_of_the_scores(k):
    """Best first; more than there are outputs gives all of them."""
    wide = trained()
    ids, best = wide.top_k(rows_of(), k)
    scores = wide.scores(rows_of())
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_allclose(best, np.take_along_axis(scores, expected, axis=1), rtol=1e-6)


def test_probabilities_of_one_class_sum_to_one():
    """A softmax of the calibrated scores."""
    wide = trained()
    scores = wide.scores(rows_of())
    found = wide.probabilities(scores)
    chance = np.exp(scores.astype(float) * 1.5 - 0.25)
    np.testing.assert_allclose(found, chance / chance.sum(axis=1, keepdims=True), rtol=1e-4)


def test_probabilities_of_many_labels_stand_alone():
    """One logistic function each."""
    wide = trained(task="many")
    scores = wide.scores(rows_of())
    slow = 1 / (1 + np.exp(-(scores.astype(float) * 1.5 - 0.25)))
    np.testing.assert_allclose(wide.probabilities(scores), slow, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_an_explanation_sums_to_the_score(kind):
    """Contributions and what no feature causes (biases) are the score, exactly."""
    wide = trained(**kind)
    outputs = np.arange(wide.settings.num_outputs, dtype=np.int32)
    for i in range(5):
        row = rows_of()[[i]]
        codes, added = wide.explain(row, outputs)
        np.testing.assert_array_equal(codes, row.indices)
        constant = np.zeros(outputs.size)
        if wide.hidden is not None:
            tile = next(cut(row, None, 1))
            on = wide.hidden.activate(tile, Scratch())[0][0] > 0
            path = wide.hidden.output_float32() @ (wide.hidden.hidden_bias * on)
            constant += wide.mix[0] * (path + wide.hidden.bias)
        if wide.linear is not None:
            constant += wide.mix[1] * wide.linear.bias
        whole = added.sum(axis=0) + constant
        np.testing.assert_allclose(whole, wide.scores(row)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_state_is_the_network(kind):
    """Through JSON and copies: the same scores, and the same network after more training."""
    wide = trained(**kind)
    header, arrays = wide.state()
    arrays = {name: array.copy() for name, array in arrays.items()}
    twin = Wide.from_state(json.loads(json.dumps(header)), arrays)
    np.testing.assert_array_equal(twin.scores(rows_of()), wide.scores(rows_of()))
    scores = wide.scores(rows_of())
    if wide.settings.task != "number":
        np.testing.assert_array_equal(twin.probabilities(scores), wide.probabilities(scores))
    step(wide)
    step(twin)
    for name, array in wide.state()[1].items():
        np.testing.assert_array_equal(twin.state()[1][name], array, err_msg=name)


def test_the_loss_that_was_chosen_travels():
    """A network with another loss than its task's default goes on with it, also in place."""
    wide = trained(task="many", loss="softmax")
    header, arrays = wide.state()
    assert Wide.from_state(header, arrays).hidden.loss == "softmax"
    fresh = trained(task="many")
    assert fresh.hidden.loss == "sigmoid"
    fresh.restore(header, arrays)
    assert fresh.hidden.loss == "softmax"


def test_a_state_to_answer_with_leaves_the_optimizer_out():
    """Fewer bytes, the same answers."""
    wide = trained()
    header, arrays = wide.state(training=False)
    assert set(wide.state()[1]) - set(arrays) == {
        "hidden.table_squares", "hidden.output_squares", "hidden.hidden_squares",
        "hidden.bias_squares", "linear.squares", "linear.bias_squares",
    }  # fmt: skip
    twin = Wide.from_state(header, arrays)
    np.testing.assert_array_equal(twin.scores(rows_of()), wide.scores(rows_of()))


def test_missing_arrays_are_named():
    """A state without one of its arrays, or with one of another kind, is refused."""
    header, arrays = trained().state()
    without = {name: array for name, array in arrays.items() if name != "hidden.table"}
    with pytest.raises(FormatError, match=r"^array 'hidden.table' is missing or of another kind$"):
        Wide.from_state(header, without)
    other = arrays | {"linear.bias": arrays["linear.bias"].astype(np.float64)}
    with pytest.raises(FormatError, match=r"^array 'linear.bias' is missing or of another kind$"):
        Wide.from_state(header, other)


def test_arrays_of_another_shape_are_named():
    """Both shapes are shown."""
    header, arrays = trained().state()
    short = arrays | {"hidden.bias": arrays["hidden.bias"][:-1]}
    with pytest.raises(FormatError, match=r"^array 'hidden.bias' must be \(6,\), got \(5,\)$"):
        Wide.from_state(header, short)


def test_pairs_that_do_not_fit_are_refused():
    """A sparse path whose pairs name no output never reaches a kernel."""
    header, arrays = trained(linear="sparse", slots=90).state()
    strange = arrays | {"linear.pairs": arrays["linear.pairs"] + OUTPUTS}
    with pytest.raises(FormatError, match=r"^the pairs of the linear path do not fit"):
        Wide.from_state(header, strange)


@pytest.mark.parametrize("damage", [
    {"settings": None}, {"settings": {"task": "one"}}, {"mix": [1.0]}, {"mix": "both"},
    {"slope": None}, {"shift": "low"},
], ids=str)  # fmt: skip
def test_a_damaged_header_is_refused(damage):
    """Whatever is missing or of another kind in it."""
    header, arrays = trained().state()
    with pytest.raises(FormatError, match=r"^network header is damaged: "):
        Wide.from_state(header | damage, arrays)


def test_a_reset_starts_anew_and_keeps_mix_and_calibration():
    """As a fresh network of the same settings; `dense` drops the selector."""
    wide = trained(negatives="uniform", num_negatives=2)
    fresh = Wide(wide.settings)
    wide.reset()
    assert wide.hidden.selector is not None
    for name, array in fresh.state()[1].items():
        np.testing.assert_array_equal(wide.state()[1][name], array, err_msg=name)
    assert wide.mix.tolist() == [0.25, 0.75]
    assert (wide.slope, wide.shift) == (1.5, -0.25)
    wide.reset(dense=True)
    assert wide.hidden.selector is None


def test_rows_without_entries_score_the_biases():
    """An empty row, and no rows at all."""
    wide = trained()
    empty = csr_array((1, COLUMNS), dtype=np.float32)
    hidden = np.maximum(wide.hidden.hidden_bias, 0) @ wide.hidden.output.T + wide.hidden.bias
    expected = 0.25 * hidden + 0.75 * wide.linear.bias
    np.testing.assert_allclose(wide.scores(empty)[0], expected, rtol=1e-5, atol=1e-6)
    assert wide.scores(csr_array((0, COLUMNS), dtype=np.float32)).shape == (0, OUTPUTS)


def test_a_wide_table_of_outputs_is_scored_in_small_tiles():
    """The scores at work at once stay within a few megabytes."""
    wide = Wide(Settings(task="one", num_columns=COLUMNS, num_outputs=500_000, hidden=1,
                         linear="none"))  # fmt: skip
    sizes = [tile.num_rows for tile in wide.tiles(rows_of())]
    assert sum(sizes) == ROWS
    assert max(sizes) * 500_000 * 4 <= 16e6
