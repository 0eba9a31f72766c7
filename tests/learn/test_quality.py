"""Quality: each number as its definition, the best mix, and a calibration that lowers log loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.metrics import log_loss, ndcg_score, roc_auc_score

from thrifty.learn import Settings, Wide
from thrifty.learn.quality import area_under_curve, calibrate, choose_mix, quality_name


class Fixed(Wide):
    """A network whose two paths answer what it is told."""

    def __init__(self, task, hidden, linear):
        super().__init__(Settings(task=task, num_columns=1, num_outputs=hidden.shape[1], hidden=1))
        self.answers = hidden.astype(np.float32), linear.astype(np.float32)

    def tiles(self, rows, labels=None, *, whole=True):
        """All rows in two tiles, told apart by their values."""
        half = rows.shape[0] // 2
        yield from super().tiles(rows[:half])
        yield from super().tiles(rows[half:])

    def parts(self, tile):
        """The answers for these rows."""
        at = tile.values.astype(int)
        return [answer[at].copy() for answer in self.answers]


def numbered_rows(count):
    """Rows that carry their number as an entry, also row 0."""
    ends = np.arange(count + 1)
    return csr_array((np.arange(count, dtype="f4"), np.zeros(count, "i4"), ends), shape=(count, 1))


def one_each(ids):
    """Labels of one class a row."""
    return np.arange(len(ids) + 1, dtype=np.int64), np.asarray(ids, np.int32)


def test_the_number_that_is_compared_follows_the_task():
    """Larger is better in all of them."""
    makers = {
        "accuracy": ("one", 3), "auc": ("one", 2), "ndcg@5": ("many", 3), "-rmse": ("number", 1),
    }  # fmt: skip
    for name, (task, outputs) in makers.items():
        assert quality_name(Wide(Settings(task=task, num_columns=1, num_outputs=outputs))) == name


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30))
def test_area_under_curve_is_scikit_learns(pairs):
    """Ties count half; one class alone is 0.5."""
    scores = np.array([score for score, _ in pairs], float)
    truth = np.array([label for _, label in pairs])
    both = truth.any() and not truth.all()
    expected = roc_auc_score(truth, scores) if both else 0.5
    assert area_under_curve(scores, truth) == pytest.approx(expected)


def test_accuracy_is_the_share_of_right_tops():
    """With several classes."""
    rng = np.random.default_rng(0)
    scores, truth = rng.standard_normal((50, 4)), rng.integers(0, 4, 50)
    wide = Fixed("one", scores, scores)
    found, _ = choose_mix(wide, numbered_rows(50), one_each(truth))
    assert found == np.mean(scores.argmax(axis=1) == truth)


def test_two_classes_are_ranked():
    """Area under the curve of the score difference."""
    rng = np.random.default_rng(0)
    scores, truth = rng.standard_normal((50, 2)), rng.integers(0, 2, 50)
    found, _ = choose_mix(Fixed("one", scores, scores), numbered_rows(50), one_each(truth))
    assert found == pytest.approx(roc_auc_score(truth, scores[:, 1] - scores[:, 0]))


def test_many_labels_are_judged_by_ndcg_of_five():
    """As scikit-learn has it; rows without labels are left out."""
    rng = np.random.default_rng(3)
    scores, truth = rng.standard_normal((40, 9)), rng.random((40, 9)) < 0.3
    truth[5] = False
    counts = truth.sum(axis=1)
    labels = np.concatenate([[0], np.cumsum(counts)]), np.nonzero(truth)[1].astype(np.int32)
    found, _ = choose_mix(Fixed("many", scores, scores), numbered_rows(40), labels)
    kept = counts > 0
    assert found == pytest.approx(ndcg_score(truth[kept], scores[kept], k=5))


def test_numbers_are_judged_by_rmse():
    """Negative, so that larger is better."""
    rng = np.random.default_rng(1)
    scores, truth = rng.standard_normal((20, 1)), rng.standard_normal(20).astype(np.float32)
    found, _ = choose_mix(Fixed("number", scores, scores), numbered_rows(20), truth)
    assert found == pytest.approx(-np.sqrt(np.mean((scores[:, 0] - truth) ** 2)), rel=1e-5)


@pytest.mark.parametrize("good", [0, 1])
def test_the_better_path_is_chosen(good):
    """Where one path is right and the other misleads, the mix leans on the right one."""
    truth = np.random.default_rng(2).integers(0, 4, 60)
    right, wrong = np.eye(4)[truth], np.eye(4)[(truth + 1) % 4]
    paths = (right, 1.05 * wrong) if good == 0 else (1.05 * wrong, right)
    quality, mix = choose_mix(Fixed("one", *paths), numbered_rows(60), one_each(truth))
    assert quality == 1.0
    assert mix[good] > mix[1 - good]


def test_two_guesses_of_a_number_are_averaged():
    """Every mix sums to 1: two paths that both say the truth are not added up."""
    truth = np.random.default_rng(2).standard_normal(30).astype(np.float32)
    error = np.random.default_rng(4).standard_normal(30)
    wide = Fixed("number", (truth + error)[:, None], (truth - error)[:, None])
    quality, mix = choose_mix(wide, numbered_rows(30), truth)
    assert mix.tolist() == [0.5, 0.5]
    assert quality == pytest.approx(0.0, abs=1e-6)


def test_calibration_finds_the_slope_of_overconfident_scores():
    """Scores three times too large are scaled back, near the best possible log loss."""
    rng = np.random.default_rng(5)
    logits = rng.standard_normal((2000, 3)) * 2
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (chance.cumsum(axis=1) < rng.random((2000, 1))).sum(axis=1)
    wide = Fixed("one", 3 * logits, 3 * logits)
    wide.mix = np.array([0.5, 0.5])
    calibrate(wide, numbered_rows(2000), one_each(truth))
    assert 1 / 3 / 1.2 < wide.slope < 1 / 3 * 1.2
    scores = (3 * logits).astype(np.float32)
    assert log_loss(truth, wide.probabilities(scores)) < 1.005 * log_loss(truth, chance)


def test_calibration_finds_the_shift_of_many_labels():
    """Scores two too high are moved back."""
    rng = np.random.default_rng(6)
    logits = rng.standard_normal((1500, 4)) - 1
    truth = rng.random((1500, 4)) < 1 / (1 + np.exp(-logits))
    labels = np.concatenate([[0], np.cumsum(truth.sum(axis=1))]), np.nonzero(truth)[1]
    wide = Fixed("many", logits + 2, logits + 2)
    wide.mix = np.array([0.5, 0.5])
    calibrate(wide, numbered_rows(1500), (labels[0], labels[1].astype(np.int32)))
    assert abs(wide.shift / wide.slope + 2) < 0.3
    assert abs(np.log(wide.slope)) < np.log(1.3)


def test_numbers_and_rows_without_labels_are_left_as_they_are():
    """Nothing to calibrate on."""
    wide = Fixed("number", np.ones((3, 1)), np.ones((3, 1)))
    calibrate(wide, numbered_rows(3), np.ones(3, np.float32))
    many = Fixed("many", np.ones((3, 2)), np.ones((3, 2)))
    calibrate(many, numbered_rows(3), (np.zeros(4, np.int64), np.empty(0, np.int32)))
    assert (wide.slope, wide.shift) == (many.slope, many.shift) == (1.0, 0.0)
