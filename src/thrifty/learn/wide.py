"""Wide: the wide network as a classifier and a regressor in scikit-learn's words."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_consistent_length, column_or_1d

from thrifty.core import method
from thrifty.learn._estimator import WideEstimator
from thrifty.learn.columns import Columns
from thrifty.learn.targets import Targets
from thrifty.learn.tile import Labels

__all__ = ["WideClassifier", "WideRegressor"]


@method(
    source="SLIDE: Chen, Medini, Farwell, Gobriel, Tai and Shrivastava 2020, arXiv:1903.03129; "
    "Daghaghi et al. 2021, arXiv:2103.10891; Hogwild: Recht, Re, Wright and Niu 2011; "
    "wide and deep: Cheng et al. 2016",
    memory="4 * (num_columns + num_outputs) * hidden bytes, half in bfloat16, and 4 * num_columns "
    "* num_outputs or 4 to 6 * slots of the linear path, and 12 bytes a column or output beside",
    time="O((entries + active outputs) * hidden) a row",
    error="none by a bound; the audit measures what sampled outputs cost, and falls back",
    exact="training that computes every output of every row",
    laws=("learner",),
    evidence=("newsgroups",),
)
class WideClassifier(ClassifierMixin, WideEstimator):
    """Classify sparse or dense rows into few classes or very many, one or several a row.

    Rows are summed through a table of hidden vectors, and beside it a linear path goes straight
    from columns to classes; both learn together, by Adagrad steps on tiles of rows. Where classes
    are many, a tile computes only its own and some sampled ones. Where enough rows are there, a
    held-out part chooses learning rate, epoch and the weight of the paths.

    Args:
        hidden: width of the hidden layer, 0 for none; "auto" takes 32 or 128 by the rows there are.
        linear: "dense", "sparse", "none", or "auto" by the size of the problem.
        memory: most bytes of the fitted network (see `nbytes`), such as "64 MB"; columns are then
            hashed together, the hidden layer narrowed, or its numbers halved, as needed.
        negatives: who chooses the outputs of a tile: "none" (all), "uniform", "log-frequency",
            "lsh-hidden", "lsh-label", "lss"; "auto" samples uniformly beyond 2,500 classes.
        num_negatives: outputs drawn a tile; "auto": a tenth of them, 512 to 2048.
        storage: "float32" or "bfloat16" numbers in the hidden path.
        epochs: most passes; "auto" takes 10, and more over few rows.
        patience: passes without gain on held-out rows before stopping.
        tile: rows trained together; "auto" takes 64, and less over few rows.
        learning_rate: of the hidden path; None tries a few on held-out rows.
        validation_fraction: rows held out; below 100 held-out rows none are, and all passes run.
        refit: train again on all rows once epochs and rate are chosen.
        n_jobs: threads; they write without locks, so only one thread is repeatable bit by bit.
        random_state: seed of first weights, order and draws.

    Example:
        >>> import numpy as np
        >>> x = np.repeat(np.eye(3), 20, axis=0)
        >>> y = np.repeat(["ash", "beech", "oak"], 20)
        >>> model = WideClassifier().fit(x, y)
        >>> float(model.score(x, y)), model.top_k(x[:1], 1)[0].tolist()
        (1.0, [['ash']])
        >>> bool((WideClassifier.from_bytes(model.to_bytes()).predict(x) == y).all())
        True
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train anew.

        Args:
            X: (n, columns) dense array, sparse matrix, or Arrow table of numbers or of the list
                columns "codes" and "values". Dense columns are standardised.
            y: one class a row (numbers or strings); or several: an indicator matrix of 0 and 1,
                dense or sparse, or a list of label lists.

        Raises:
            ValueError: X or y cannot be used.
            BudgetError: memory cannot hold the smallest network; the message names what can.
        """
        x = self._validated(X, reset=True)
        self._take(Targets.of(y))
        labels = self._targets.encode(y)
        check_consistent_length(x, labels[0][1:])
        self._build(Columns.of(x), self._task, len(self.classes_), x, labels)
        self._learn(self._columns.rows(x), labels)
        return self

    def partial_fit(self, X: Any, y: Any, classes: ArrayLike | None = None) -> Self:
        """Train on more rows, once, in their order, with nothing held out or standardised.

        With one thread, batches that end where a tile ends give the same network as one batch.

        Args:
            X, y: as of `fit`.
            classes: (C,) every class there will be; needed at the first call, unless y is an
                indicator matrix.

        Raises:
            ValueError: classes are missing at the first call, or differ from those of before.
        """
        first = not hasattr(self, "network_")
        x = self._validated(X, reset=first)
        if first:
            targets = Targets.of(y, classes)
            if classes is None and "indicator" not in targets.form:
                raise ValueError("classes must be given at the first call of partial_fit, got None")
            self._take(targets)
            self._begin(Columns.of(x, standardise=False), x)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError("classes must be those of the first call of partial_fit")
        labels = self._targets.encode(y)
        check_consistent_length(x, labels[0][1:])
        self._once(self._columns.rows(x), self._outputs(labels))
        return self

    def _begin(self, columns: Columns, x: Any) -> None:
        """Build the network before the first batch, of whose labels only the classes are known."""
        self._build(columns, self._task, len(self.classes_), x, None)

    def _outputs(self, labels: Labels) -> Labels:
        """What the network is trained to answer where these are the labels."""
        return labels

    def _take(self, targets: Targets) -> None:
        self._targets, self.classes_ = targets, targets.classes
        self._task = "one" if targets.form == "one" else "many"

    def predict(self, X: Any) -> Any:
        """The class of each row; several: those of probability 1/2 or more, in the form of y."""
        rows = self._rows(X)
        if self._task == "many":
            return self._targets.decode(self._probabilities(rows) >= 0.5)
        return self.classes_[self.network_.top_k(rows, 1)[0][:, 0]]

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Probabilities (n, classes); they sum to 1 where a row has one class."""
        return self._probabilities(self._rows(X))

    def decision_function(self, X: Any) -> NDArray[np.float32]:
        """Scores (n, classes); of two exclusive classes, those of the second over the first."""
        rows = self._rows(X)
        scores = self.network_.scores(rows)
        two = self._task == "one" and scores.shape[1] == 2
        return scores[:, 1] - scores[:, 0] if two else scores

    def top_k(self, X: Any, k: int) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """The k classes of largest score: labels (n, k), best first, and scores (n, k)."""
        rows = self._rows(X)
        ids, scores = self.network_.top_k(rows, k)
        return self.classes_[ids], scores

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Share of rows whose class, or whose whole set of labels, is right."""
        if getattr(self, "_targets", None) is None or self._targets.form != "lists":
            return super().score(X, y, sample_weight)
        right = [set(a) == set(b) for a, b in zip(self.predict(X), y, strict=True)]
        weights = np.ones(len(right)) if sample_weight is None else np.asarray(sample_weight)
        return float(np.average(right, weights=weights))

    def explain(self, X: Any, label: Any = None) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """What each column of one row adds to the score of a label (of the best one, if None).

        Returns:
            columns and contributions, largest magnitude first.

        Raises:
            ValueError: X is not one row, or label is not a class.
        """
        rows = self._rows(X)
        if label is not None:
            return self._explain(X, int(self._targets.ids_of(np.asarray([label]))[0]))
        return self._explain(X, int(self.network_.top_k(rows, 1)[0][0, 0]))

    def _probabilities(self, rows: Any) -> NDArray[np.float32]:
        return self.network_.probabilities(self.network_.scores(rows))

    def _contents(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        header, arrays = super()._contents()
        numbers = self.classes_.dtype.kind in "biuf"
        words = None if numbers else [str(label) for label in self.classes_]
        header |= {"form": self._targets.form, "classes": words}
        header["object"] = self.classes_.dtype == object
        return header, arrays | ({"classes": self.classes_} if numbers else {})

    def _restore(self, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._restore(header, arrays)
        words = header["classes"]
        kind = object if header["object"] else str
        classes = arrays["classes"] if words is None else np.array(words, dtype=kind)
        self._take(Targets(header["form"], classes))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class WideRegressor(RegressorMixin, WideEstimator):
    """Predict a number from sparse or dense rows; arguments as of `WideClassifier`.

    The target is standardised for training and predictions are scaled back.

    Example:
        >>> import numpy as np
        >>> x = np.linspace(-1, 1, 200)[:, None]
        >>> WideRegressor().fit(x, 3 * x[:, 0] + 5).score(x, 3 * x[:, 0] + 5) > 0.99
        True
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train anew.

        Args:
            X: as of `WideClassifier.fit`.
            y: (n,) numbers.

        Raises:
            ValueError: X or y cannot be used.
            BudgetError: memory cannot hold the smallest network; the message names what can.
        """
        x = self._validated(X, reset=True)
        y = self._numbers(y, x)
        self._centre, self._spread = float(y.mean()), float(y.std()) or 1.0
        target = self._target(y)
        self._build(Columns.of(x), "number", 1, x, target)
        self._learn(self._columns.rows(x), target)
        return self

    def partial_fit(self, X: Any, y: Any) -> Self:
        """Train on more rows, once, in their order, with nothing held out.

        The target is standardised by the first batch, the columns not at all. With one thread,
        later batches that end where a tile ends give the same network as one batch.
        """
        first = not hasattr(self, "network_")
        x = self._validated(X, reset=first)
        y = self._numbers(y, x)
        if first:
            self._centre, self._spread = float(y.mean()), float(y.std()) or 1.0
            self._build(Columns.of(x, standardise=False), "number", 1, x, None)
        self._once(self._columns.rows(x), self._target(y))
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The number of each row, (n,)."""
        rows = self._rows(X)
        found = self.network_.scores(rows)[:, 0]
        return found.astype(np.float64) * self._spread + self._centre

    def explain(self, X: Any) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """What each column of one row adds to its number: columns and contributions, largest first.

        Raises:
            ValueError: X is not one row.
        """
        self._rows(X)
        columns, added = self._explain(X, 0)
        return columns, added.astype(np.float64) * self._spread

    def _numbers(self, y: Any, x: Any) -> NDArray[np.float64]:
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        y = column_or_1d(y, warn=True, dtype=np.float64)
        if not np.isfinite(y).all():
            raise ValueError("y must be finite numbers: input y contains NaN or infinity")
        check_consistent_length(x, y)
        return y

    def _target(self, y: NDArray[np.float64]) -> NDArray[np.float32]:
        return ((y - self._centre) / self._spread).astype(np.float32)

    def _contents(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        header, arrays = super()._contents()
        return header | {"centre": self._centre, "spread": self._spread}, arrays

    def _restore(self, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._restore(header, arrays)
        self._centre, self._spread = float(header["centre"]), float(header["spread"])
