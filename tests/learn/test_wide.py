"""Wide: scikit-learn's own checks, the laws, every kind of input, budgets, streams and files."""

import copy

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from thrifty.core import BudgetError, FormatError, record_of
from thrifty.laws import LAWS
from thrifty.learn import WideClassifier, WideRegressor

SMALL = {"epochs": 3, "tile": 16, "hidden": 16}
MAKERS = {
    "classifier": lambda: WideClassifier(**SMALL),
    "regressor": lambda: WideRegressor(**SMALL),
    "in bfloat16": lambda: WideClassifier(storage="bfloat16", **SMALL),  # whose rounding is chance
}


@parametrize_with_checks(
    [WideClassifier(epochs=10, hidden=16), WideRegressor(epochs=10, hidden=16)],
    expected_failed_checks=lambda estimator: {},  # none: every check that applies passes
)
def test_scikit_learn(estimator, check):
    """scikit-learn's own checks of an estimator; what needs an absent library skips itself."""
    check(estimator)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("law", LAWS["learner"], ids=lambda law: law.__name__)
def test_law(law, make):
    """The laws of learners hold, those that the record names among them."""
    assert record_of(WideClassifier).laws == ("learner",)
    law(make)


# few rows and many


@pytest.mark.parametrize("rows", [12, 30, 100, 400])
def test_few_rows_are_learnt(rows):
    """On blobs, fresh rows are told apart nearly as well as by logistic regression."""
    x, y = make_blobs(rows + 1000, centers=3, n_features=5, cluster_std=3.0, random_state=3)
    ours = WideClassifier().fit(x[:rows], y[:rows]).score(x[rows:], y[rows:])
    theirs = LogisticRegression().fit(x[:rows], y[:rows]).score(x[rows:], y[rows:])
    assert ours > theirs - 4 * np.sqrt(0.1 * 0.9 / 1000) - 0.01


def topics(rows, classes, seed=0):
    """Bags of twelve words: eight of the class's own ten, four of anyone's."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(rows) % classes
    own = y[:, None] * 10 + rng.integers(0, 10, (rows, 8))
    words = np.concatenate([own, rng.integers(0, 10 * classes, (rows, 4))], axis=1)
    ends = np.arange(0, words.size + 1, 12)
    bags = csr_array((np.ones(words.size), words.ravel(), ends), shape=(rows, 10 * classes))
    return bags, y


def test_many_rows_hold_some_out_and_join_them_again():
    """A history of epochs, a probe, and accuracy on rows never seen."""
    x, y = topics(3000, 20)
    model = WideClassifier(hidden=32, epochs=3).fit(x[:2000], y[:2000])
    assert model.history_.quality_name == "accuracy"
    assert len(model.history_.probe) > 1
    assert model.score(x[2000:], y[2000:]) > 0.95
    chances = model.predict_proba(x[2000:])
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-4)


def test_many_classes_are_sampled_and_ranked():
    """5,000 classes: the outputs are sampled, the audit is there, and the top is right."""
    x, y = topics(6000, 5000)
    model = WideClassifier(hidden=16, epochs=2, tile=64, refit=False, memory="64 MB").fit(x, y)
    settings = model.network_.settings
    assert settings.negatives == "uniform"
    assert "first" in model.history_.audit
    labels, scores = model.top_k(x[:200], 5)
    assert labels.shape == scores.shape == (200, 5)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert np.mean(labels[:, 0] == y[:200]) > 0.5
    assert model.nbytes <= 64_000_000


def test_a_number_is_predicted():
    """Most of the variance of a noisy linear function of sparse columns, also held out."""
    rng = np.random.default_rng(0)
    x, _ = topics(1500, 5)
    y = 100 + x @ rng.standard_normal(50) * 5 + rng.standard_normal(1500)
    model = WideRegressor(epochs=10).fit(x[:1200], y[:1200])
    assert model.score(x[1200:], y[1200:]) > 0.9


# several labels a row


LISTS = [["red", "round"], ["red"], [], ["round"]] * 30
THINGS = np.tile(np.array([[1, 1], [1, 0], [0, 0], [0, 1]], float), (30, 1))


@pytest.mark.parametrize("form", ["lists", "indicator", "sparse"])
def test_several_labels_a_row(form):
    """Lists and matrices are learnt alike and returned in their own form."""
    y = {"lists": LISTS, "indicator": THINGS.astype(int), "sparse": csr_array(THINGS)}[form]
    model = WideClassifier(epochs=60).fit(THINGS, y)
    found = model.predict(THINGS[:4])
    chances = model.predict_proba(THINGS[:4])
    assert chances.shape == (4, 2)
    if form == "lists":
        assert found == LISTS[:4]
        assert model.score(THINGS, y) == 1.0
        assert model.classes_.tolist() == ["red", "round"]
    else:
        dense = found.toarray() if form == "sparse" else found
        np.testing.assert_array_equal(dense, THINGS[:4])


# kinds of rows


def test_arrow_tables_are_rows():
    """Numbers as columns, or hashed codes with values; a wide space of codes is hashed down."""
    x, y = make_blobs(60, centers=2, n_features=3, random_state=0)
    table = pa.table({name: x[:, i] for i, name in enumerate("abc")})
    model = WideClassifier(**SMALL)
    np.testing.assert_allclose(
        model.fit(table, y).decision_function(table), model.fit(x, y).decision_function(x)
    )
    codes = [[int(label) * 10**9 + 5, 77] for label in y]
    encoded = pa.table(
        {"codes": pa.array(codes, pa.list_(pa.int32())), "values": [[1.0, 1.0]] * 60}
    )
    hashed = WideClassifier(memory="1 MB", **SMALL).fit(encoded, y)
    assert hashed.n_features_in_ == 2**31 - 1
    assert hashed.network_.settings.num_columns <= 2**20
    assert hashed.score(encoded, y) == 1.0


def test_dense_and_sparse_rows_may_be_mixed():
    """A model of dense rows answers the same numbers in sparse form alike, and the other way."""
    x, y = make_blobs(60, centers=3, n_features=4, random_state=0)
    for first in (x, csr_array(x)):
        model = WideClassifier(**SMALL).fit(first, y)
        np.testing.assert_allclose(
            model.predict_proba(x), model.predict_proba(csr_array(x)), rtol=1e-4, atol=1e-6
        )


# explanations


@pytest.mark.parametrize("sparse", [False, True])
def test_an_explanation_names_what_decided(sparse):
    """The column that tells the class comes first, also where columns were hashed together."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    x = rng.standard_normal((200, 12)) * 0.1
    x[:, 7] = np.where(y, 1.0, -1.0)
    rows = csr_array(x) if sparse else x
    model = WideClassifier(epochs=10, hidden=16).fit(rows, np.array(["no", "yes"])[y])
    columns, added = model.explain(rows[[0]])
    assert columns[0] == 7
    assert sorted(columns) == list(range(12))
    assert (np.diff(np.abs(added)) <= 0).all()
    other = "no" if model.predict(rows[[0]])[0] == "yes" else "yes"
    assert np.sign(model.explain(rows[[0]], other)[1][0]) != np.sign(added[0])


def test_a_regressors_explanation_is_in_its_unit():
    """Changing a column by its contribution's worth changes the number by about as much."""
    x = np.random.default_rng(0).standard_normal((300, 3))
    y = 1000 * x[:, 1] + 50
    model = WideRegressor(epochs=20).fit(x, y)
    columns, added = model.explain(x[:1])
    assert columns[0] == 1
    assert added[0] == pytest.approx(1000 * x[0, 1], rel=0.3)


# streams


def test_a_stream_of_batches_is_learnt():
    """Classes given first; batches of any size; accuracy on rows never seen."""
    x, y = topics(3000, 10)
    model = WideClassifier(hidden=32)
    for start in range(0, 2500, 125):
        part = slice(start, start + 125)
        model.partial_fit(x[part], y[part], classes=range(10) if start == 0 else None)
    assert model.score(x[2500:], y[2500:]) > 0.9


def test_a_fitted_model_learns_on():
    """partial_fit after fit keeps what was learnt."""
    x, y = topics(800, 5)
    model = WideClassifier(**SMALL).fit(x[:400], y[:400])
    before = model.score(x[400:], y[400:])
    assert model.partial_fit(x[400:], y[400:]).score(x[400:], y[400:]) >= before


# budgets


@pytest.mark.parametrize("memory", ["60 kB", "200 kB", "1 MB"])
def test_within_a_budget(memory):
    """The network holds no more, whatever it takes: shared columns, fewer bits, a narrow layer."""
    x, y = topics(300, 20)
    model = WideClassifier.within(memory, epochs=3, hidden=512).fit(x, y)
    limit = {"60 kB": 60_000, "200 kB": 200_000, "1 MB": 1_000_000}[memory]
    assert 0.3 * limit < model.nbytes <= limit
    assert model.score(x, y) > 0.5


def test_a_budget_too_small_is_refused_with_one_that_does():
    """Before anything is trained."""
    x, y = topics(100, 20)
    with pytest.raises(
        BudgetError, match=r"^memory must be at least \S+ k?B for this job, got 100 B$"
    ):
        WideClassifier.within("100 B").fit(x, y)


# files


WORDS = ["ash", "beech", "oak"] * 20
KINDS = {"ints": np.arange(60) % 3, "strings": np.array(WORDS), "lists": LISTS[:60],
         "objects": np.array(WORDS, dtype=object), "booleans": np.arange(60) % 2 == 0}  # fmt: skip


@pytest.mark.parametrize("y", KINDS.values(), ids=KINDS)
def test_a_file_gives_the_model_back(y, tmp_path):
    """Classes of every kind, names of columns, and what it answers."""
    x = make_blobs(60, centers=3, n_features=4, random_state=0)[0]
    model = WideClassifier(**SMALL).fit(x, y)
    model.save(tmp_path / "model")
    twin = WideClassifier.load(tmp_path / "model")
    assert twin.get_params() == model.get_params()
    assert twin.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(twin.predict_proba(x), model.predict_proba(x))
    assert list(twin.predict(x)) == list(model.predict(x))
    assert twin.nbytes == model.nbytes
    assert twin.to_bytes() == model.to_bytes()


def test_a_copy_is_a_model_of_its_own():
    """What pickle and copy are told is our container; training the copy leaves the first alone."""
    x, y = make_blobs(60, centers=3, random_state=0)
    model = WideClassifier(**SMALL).fit(x, y)
    assert isinstance(model.__getstate__()["network_"], bytes)
    before, twin = model.to_bytes(), copy.deepcopy(model)
    assert twin.to_bytes() == before
    twin.partial_fit(x, y)
    assert model.to_bytes() == before
    assert twin.to_bytes() != before
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(twin.predict_proba(x), model.predict_proba(x))
    assert not hasattr(clone(twin), "network_")


def test_damaged_and_foreign_files_are_refused():
    """A bit that flipped, a cut, and the other estimator's bytes."""
    x, y = make_blobs(60, centers=2, random_state=0)
    data = WideClassifier(**SMALL).fit(x, y).to_bytes()
    for at in range(0, len(data), len(data) // 40):
        broken = bytearray(data)
        broken[at] ^= 4
        with pytest.raises(FormatError):
            WideClassifier.from_bytes(bytes(broken))
    with pytest.raises(FormatError):
        WideClassifier.from_bytes(data[:-10])
    with pytest.raises(FormatError, match=r"^this file holds a WideClassifier, not a WideReg"):
        WideRegressor.from_bytes(data)


# refusals


def test_a_stream_needs_its_classes():
    """At the first call, and the same ones later."""
    x, y = make_blobs(60, centers=2, random_state=0)
    model = WideClassifier(**SMALL)
    with pytest.raises(
        ValueError, match=r"^classes must be given at the first call of partial_fit"
    ):
        model.partial_fit(x, y)
    model.partial_fit(x, y, classes=[0, 1])
    with pytest.raises(
        ValueError, match=r"^classes must be those of the first call of partial_fit$"
    ):
        model.partial_fit(x, y, classes=[0, 1, 2])


def test_one_row_is_explained_at_a_time():
    """And only for a label there is."""
    x, y = make_blobs(60, centers=2, random_state=0)
    model = WideClassifier(**SMALL).fit(x, y)
    with pytest.raises(ValueError, match=r"^X must be one row, got 2$"):
        model.explain(x[:2])
    with pytest.raises(ValueError, match=r"^y must hold only the classes, got .*5"):
        model.explain(x[:1], 5)


def test_parameters_are_checked_when_fitting():
    """A share out of range, a memory that is no size."""
    x, y = make_blobs(60, centers=2, random_state=0)
    with pytest.raises(ValueError, match=r"^validation_fraction must be in 0\.0\.\.0\.9, got 1$"):
        WideClassifier(validation_fraction=1, **SMALL).fit(x, y)
    with pytest.raises(ValueError, match=r"^memory must be a size such as"):
        WideClassifier.within("much")
