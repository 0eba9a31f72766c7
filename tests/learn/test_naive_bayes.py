"""Naive Bayes: scikit-learn's checks and its MultinomialNB, the three ways to count, refusals."""

import copy

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_array
from sklearn.naive_bayes import MultinomialNB
from sklearn.utils.estimator_checks import parametrize_with_checks

from thrifty.core import BudgetError, FormatError, SaveError, record_of
from thrifty.hashing import TextFeatures
from thrifty.laws import LAWS
from thrifty.learn import ClassCounts, ClassSketch, NaiveBayes
from thrifty.run import fold

WAYS = ("exact", "sorted", "sketch")


@parametrize_with_checks(
    [NaiveBayes(counts=way) for way in WAYS],
    expected_failed_checks=lambda estimator: {},  # none: every check that applies passes
)
def test_scikit_learn(estimator, check):
    """scikit-learn's own checks of an estimator."""
    check(estimator)


@pytest.mark.parametrize("law", LAWS["learner"], ids=lambda law: law.__name__)
def test_law(law):
    """The laws of learners hold."""
    assert record_of(NaiveBayes).laws == ("learner",)
    law(lambda: NaiveBayes.within("100 kB"))


def topics(rows, classes, seed=0):
    """Counts of words: each class prefers some of 400."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, rows)
    rates = 0.02 + 0.3 * (rng.random((classes, 400)) < 0.05)
    return csr_array(rng.poisson(rates[y]).astype(float)), y


@pytest.mark.parametrize("fit_prior", [True, False])
@pytest.mark.parametrize("alpha", [1.0, 0.01])
@pytest.mark.parametrize("counts", ["exact", "sorted"])
def test_agrees_with_scikit_learn(counts, alpha, fit_prior):
    """Joint probabilities are those of MultinomialNB, weights of rows included."""
    x, y = topics(300, 5)
    weights = np.random.default_rng(1).integers(0, 4, 300)
    options = {"alpha": alpha, "fit_prior": fit_prior}
    ours = NaiveBayes(counts=counts, vocabulary="columns", memory=None, **options)
    theirs = MultinomialNB(**options).fit(x, y, weights)
    ours.fit(x, y, weights)
    found, expected = (m.predict_joint_log_proba(x) for m in (ours, theirs))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-12)


def test_columns_never_seen_need_not_count():
    """With the columns seen as vocabulary, empty columns change nothing."""
    x, y = topics(200, 3)
    wide = csr_array((x.data, x.indices, x.indptr), shape=(200, 2**31 - 1))
    few, many = NaiveBayes().fit(x, y), NaiveBayes().fit(wide, y)
    np.testing.assert_array_equal(few.predict_proba(x), many.predict_proba(wide))


def test_a_wide_sketch_agrees_with_exact_counts():
    """With many more counters than columns the classes are the same."""
    x, y = topics(500, 5)
    exact = NaiveBayes(vocabulary="columns").fit(x, y)
    sketch = NaiveBayes.within("4 MB", vocabulary="columns", depth=3).fit(x, y)
    np.testing.assert_allclose(sketch.predict_proba(x), exact.predict_proba(x), atol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_parts_of_a_stream_merge(way):
    """Counts of two halves, merged and adopted, are the counts of the whole."""
    x, y = topics(200, 3)
    options = {"counts": way, "memory": None if way == "exact" else "1 MB"}
    whole = NaiveBayes(**options).fit(x, y)
    halves = [
        NaiveBayes(**options).partial_fit(x[part], y[part], classes=[0, 1, 2])
        for part in (slice(0, 90), slice(90, 200))
    ]
    merged = NaiveBayes.of(halves[0].counts_.merge(halves[1].counts_))
    assert merged.counts_ == whole.counts_
    np.testing.assert_array_equal(merged.predict_proba(x), whole.predict_proba(x))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("words", [str, object, int])
def test_files_and_copies(way, words, tmp_path):
    """Everything comes back, the type of the classes too, and learns on."""
    x, y = topics(60, 3)
    y = np.array(["ash", "oak", "yew"], object)[y].astype(words) if words is not int else y
    model = NaiveBayes(counts=way).fit(x, y)
    model.save(tmp_path / "model")
    twin = NaiveBayes.load(tmp_path / "model")
    assert twin.to_bytes() == model.to_bytes() or way == "sorted"
    assert twin.classes_.dtype == model.classes_.dtype
    for other in (twin, copy.deepcopy(model), NaiveBayes.from_bytes(model.to_bytes())):
        np.testing.assert_array_equal(other.predict_proba(x), model.predict_proba(x))
        assert other.nbytes == model.nbytes
        other.partial_fit(x, y)
        assert other.counts_.rows.sum() == 120
    assert model.counts_.rows.sum() == 60


def as_codes(batch):
    """Texts of a batch as hashed codes, beside their labels."""
    ends, codes, values = TextFeatures(words=(1, 1))(batch["text"])
    columns = [pa.ListArray.from_arrays(ends.astype(np.int32), part) for part in (codes, values)]
    return pa.record_batch([*columns, batch["label"]], ["codes", "values", "label"])


@pytest.mark.parametrize("kind", [ClassCounts, ClassSketch])
def test_a_fold_trains_it(kind, tmp_path):
    """Counts folded over a file of texts, in parts, are those of all rows."""
    rng = np.random.default_rng(3)
    label = rng.choice(["hill", "sea"], 400)
    words = [[f"{y}{i}" if i < 9 else f"w{i}" for i in rng.integers(0, 20, 6)] for y in label]
    table = pa.table({"text": [" ".join(row) for row in words], "label": label})
    pq.write_table(table, tmp_path / "texts.parquet", row_group_size=50)
    into = kind(["hill", "sea"])
    found = fold(str(tmp_path / "texts.parquet"), into, prepare=as_codes, threads=2)
    whole = kind(["hill", "sea"]).add(as_codes(table.to_batches()[0]))
    assert found == whole
    ends, codes, values = TextFeatures(words=(1, 1))(table["text"])
    x = csr_array((values, codes, ends), shape=(400, 2**31 - 1))
    assert NaiveBayes.of(found).score(x, label) > 0.9


def test_damage_is_refused(tmp_path):
    """A cut, a header of something else, a place that cannot be written."""
    x, y = topics(20, 2)
    model = NaiveBayes().fit(x, y)
    with pytest.raises(FormatError):
        NaiveBayes.from_bytes(model.to_bytes()[:-9])
    with pytest.raises(FormatError):
        NaiveBayes.from_bytes(model.counts_.to_bytes())
    with pytest.raises(SaveError):
        model.save(tmp_path)


def test_refusals():
    """Budgets too small, streams without classes, counts that are none."""
    x, y = topics(50, 3)
    with pytest.raises(BudgetError, match=r"^budget must be at least \S+ B for a class sketch"):
        NaiveBayes.within("10 B").fit(x, y)
    with pytest.raises(BudgetError, match=r"^budget must be at least \S+ kB for exact counts of"):
        NaiveBayes(memory="1 kB").fit(x, y)
    with pytest.raises(ValueError, match=r"^classes must be given at the first call of partial"):
        NaiveBayes().partial_fit(x, y)
    with pytest.raises(ValueError, match=r"^classes must be those of the first call of partial_fi"):
        NaiveBayes().fit(x, y).partial_fit(x, y, classes=[0, 1])
    with pytest.raises(TypeError, match=r"^counts must be ClassCounts or ClassSketch, got None$"):
        NaiveBayes.of(None)
    with pytest.raises(ValueError, match=r"^counts must be one of exact, sorted, sketch, got 'al"):
        NaiveBayes(counts="all").fit(x, y)
    with pytest.raises(ValueError, match=r"^vocabulary must be one of seen, columns, got 'x'$"):
        NaiveBayes(vocabulary="x").fit(x, y).predict(x)
    with pytest.raises(ValueError, match=r"^memory must be a size such as"):
        NaiveBayes.within("much")


def test_kinds_of_counts():
    """The way names the summary."""
    x, y = topics(50, 2)
    assert isinstance(NaiveBayes(counts="sorted").fit(x, y).counts_, ClassCounts)
    assert isinstance(NaiveBayes(counts="sketch").fit(x, y).counts_, ClassSketch)
