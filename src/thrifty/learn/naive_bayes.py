"""Naive Bayes: multinomial, for vocabularies of any size, from exact, sorted or sketched counts."""

from tempfile import gettempdir
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.special import logsumexp
from sklearn.base import ClassifierMixin
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    check_non_negative,
    column_or_1d,
    validate_data,
)

from thrifty.core import budget_for, in_range, method, one_of, parse_bytes
from thrifty.learn._summarised import Summarised
from thrifty.learn.class_counts import ENTRY, ClassCounts
from thrifty.learn.class_sketch import ClassSketch
from thrifty.learn.columns import from_arrow

__all__ = ["NaiveBayes"]

COUNTS = ("exact", "sorted", "sketch")
VOCABULARIES = ("seen", "columns")
MEMORY = "16 MB"
ROWS = 1024  # answered together


@method(
    source="McCallum and Nigam 1998, AAAI-98 workshop on text categorization; large vocabularies: "
    "Cohen, machine learning with large data sets (course 10-605)",
    memory="exact: 16 bytes a pair of column and class; sorted: `memory` and a folder; sketch: "
    "`memory`",
    time="O(entries) to count; O(entries * classes) to predict",
    error="exact and sorted: none; sketch: counts too high by more than e / width of the class's "
    "total with probability at most exp(-depth)",
    exact="scikit-learn's MultinomialNB",
    laws=("learner",),
    evidence=("naive_bayes",),
)
class NaiveBayes(ClassifierMixin, Summarised):
    """Classify rows of counts, such as words of texts, by multinomial naive Bayes.

    A class scores log P(class) + sum of count * log((n_cw + alpha) / (n_c + alpha * V)), where n_cw
    is how often column w occurred in class c, and V the number of columns. What is counted
    is a summary (`counts_`), so that parts of a stream are counted apart and merged: see `of`.

    Args:
        alpha: weight of the smoothing, 1e-10..1e10.
        counts: "exact" pairs in memory, "sorted" pairs in memory and on disk, or a "sketch".
        memory: most bytes of the fitted counts in memory, such as "4 MB"; None is 16 MB where
            counts are sorted or sketched, and without limit where they are exact.
        vocabulary: what V is: columns "seen" in training, or all "columns" of X.
        fit_prior: take the shares of the classes as P(class); else all are alike.
        depth: rows of the sketch, 1..16.
        storage: numbers of the sketch: "float64", or "float32", exact to 2**24.
        folder: where sorted counts are kept; None is the system's place for temporary files.
        random_state: seed of the sketch, 0..2**64 - 1.

    Example:
        >>> import numpy as np
        >>> x = np.array([[2, 1, 0], [1, 0, 0], [0, 1, 3]])
        >>> model = NaiveBayes().fit(x, ["sea", "sea", "hill"])
        >>> model.predict(x).tolist(), bool(np.allclose(model.predict_proba(x).sum(axis=1), 1))
        (['sea', 'sea', 'hill'], True)
        >>> whole = model.counts_.merge(model.counts_)
        >>> NaiveBayes.of(whole).predict(x).tolist()
        ['sea', 'sea', 'hill']
    """

    KIND, HOLDS, KINDS = "naive-bayes", "counts_", (ClassCounts, ClassSketch)

    def __init__(
        self,
        *,
        alpha: Any = 1.0,
        counts: Any = "exact",
        memory: Any = None,
        vocabulary: Any = "seen",
        fit_prior: Any = True,
        depth: Any = 2,
        storage: Any = "float64",
        folder: Any = None,
        random_state: Any = 0,
    ) -> None:
        self.alpha = alpha
        self.counts = counts
        self.memory = memory
        self.vocabulary = vocabulary
        self.fit_prior = fit_prior
        self.depth = depth
        self.storage = storage
        self.folder = folder
        self.random_state = random_state

    @classmethod
    def within(cls, memory: int | str, **parameters: Any) -> Self:
        """An estimator with sketched counts of at most `memory`; parameters as of the class.

        Raises:
            ValueError: memory is not a size.
        """
        parse_bytes(memory)
        return cls(**{"counts": "sketch", "memory": memory} | parameters)

    @classmethod
    def of(cls, counts: ClassCounts | ClassSketch, /, **parameters: Any) -> Self:
        """The fitted estimator of counts that were made elsewhere, such as by a fold.

        Raises:
            TypeError: counts are neither exact nor sketched.
        """
        if not isinstance(counts, (ClassCounts, ClassSketch)):
            raise TypeError(f"counts must be ClassCounts or ClassSketch, got {counts!r}")
        made = cls(**parameters)
        made.counts = "sketch" if isinstance(counts, ClassSketch) else "exact"
        made._adopt(counts)
        return made

    def _adopt(self, summary: Any) -> None:
        self.counts_, self.classes_ = summary, summary.classes
        self.n_features_in_ = summary.num_features

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Count anew.

        Args:
            X: (n, columns) dense or sparse, or an Arrow table; values of at least 0.
            y: (n,) classes.
            sample_weight: (n,) of at least 0; 1 each if None.

        Raises:
            ValueError: X, y or a parameter cannot be used.
            BudgetError: memory cannot hold the smallest there is; the error names it.
        """
        for name in ("counts_", "classes_"):
            if hasattr(self, name):
                delattr(self, name)
        return self.partial_fit(X, y, np.unique(self._labels(y)), sample_weight)

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Count more rows; batches or one, the answer is the same.

        Args:
            X, y, sample_weight: as of `fit`.
            classes: every class there will be; needed at the first call.

        Raises:
            ValueError: classes are missing at the first call, or differ from those of before.
            BudgetError: memory cannot hold the counts.
        """
        first = not hasattr(self, "counts_")
        x = self._validated(X, reset=first)
        check_non_negative(x, "NaiveBayes (input X)")
        y = self._labels(y)
        check_consistent_length(x, y)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, x, ensure_non_negative=True)
        if first:
            if classes is None:
                raise ValueError("classes must be given at the first call of partial_fit, got None")
            self.classes_ = np.unique(classes)
            self.counts_ = self._empty()
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError("classes must be those of the first call of partial_fit")
        self.counts_.add((x, y), sample_weight)
        if self.counts == "exact" and self.memory is not None:
            budget_for("exact counts of these rows", self.memory, self.counts_.nbytes)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row."""
        places = self.predict_joint_log_proba(X).argmax(axis=1)
        return self.classes_[places]

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Logarithms of the probabilities of the classes, (n, classes)."""
        joint = self.predict_joint_log_proba(X)
        return joint - logsumexp(joint, axis=1, keepdims=True)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities of the classes, (n, classes)."""
        return np.exp(self.predict_log_proba(X))

    def predict_joint_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Log P(row, class) without what is the same for all classes, (n, classes)."""
        check_is_fitted(self, "counts_")
        x = self._validated(X, reset=False)
        alpha = in_range("alpha", self.alpha, 1e-10, 1e10)
        base = np.log(alpha) - np.log(self.counts_.totals + alpha * self._vocabulary())
        out = np.asarray(x.sum(axis=1)).reshape(-1, 1) * base + self._log_prior()
        for start in range(0, x.shape[0], ROWS):
            part = x[start : start + ROWS]
            columns, places = np.unique(part.indices, return_inverse=True)
            weights = np.log1p(self.counts_.lookup(columns) / alpha)
            shape = (part.shape[0], columns.size)
            out[start : start + ROWS] += (
                csr_array((part.data, places, part.indptr), shape) @ weights
            )
        return out

    def _labels(self, y: Any) -> NDArray[Any]:
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        labels = column_or_1d(y, warn=True)
        assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
        return labels

    def _validated(self, x: Any, *, reset: bool) -> csr_array:
        kinds = [np.float64, np.float32]
        found = validate_data(self, from_arrow(x), accept_sparse="csr", dtype=kinds, reset=reset)
        return csr_array(found)

    def _empty(self) -> ClassCounts | ClassSketch:
        classes, columns = self.classes_, self.n_features_in_
        one_of("counts", self.counts, COUNTS)
        memory = MEMORY if self.memory is None else self.memory
        if self.counts == "exact":
            return ClassCounts(classes, columns)
        if self.counts == "sorted":
            block = max(parse_bytes(memory) // (4 * ENTRY), 1)
            folder = gettempdir() if self.folder is None else self.folder
            return ClassCounts(classes, columns, folder=folder, block=block)
        options = {"depth": self.depth, "storage": self.storage, "seed": self.random_state}
        return ClassSketch.within(memory, classes, columns, **options)

    def _vocabulary(self) -> int:
        seen = one_of("vocabulary", self.vocabulary, VOCABULARIES) == "seen"
        return max(1, self.counts_.distinct) if seen else self.n_features_in_

    def _log_prior(self) -> NDArray[np.float64]:
        rows = self.counts_.rows
        if not self.fit_prior or rows.sum() == 0:
            return np.full(rows.size, -np.log(rows.size))
        with np.errstate(divide="ignore"):
            return np.log(rows / rows.sum())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.positive_only = True
        tags.classifier_tags.poor_score = True
        return tags

    def _extra(self) -> dict[str, Any]:
        return {"object": self.classes_.dtype == object}

    def _recall(self, header: dict[str, Any]) -> None:
        if header["object"]:
            self.classes_ = self.classes_.astype(object)
