"""Hashed: what the learners of hashed labels share: a wide network of buckets, asked for labels."""

from math import ceil, sqrt
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_consistent_length

from thrifty.core import whole
from thrifty.learn.columns import Columns
from thrifty.learn.label_hash import LabelHash
from thrifty.learn.targets import Targets
from thrifty.learn.tile import Labels
from thrifty.learn.wide import WideClassifier

__all__ = ["HashedClassifier"]

SURE = -14.0  # the least logarithm of a probability
ROWS = 4096  # answered at once


class HashedClassifier(WideClassifier):
    """Base of the learners whose outputs are buckets of labels; see `SOLAR` for the arguments.

    The first call of `partial_fit` deals labels to buckets by chance; they stay there.
    """

    def __init__(
        self,
        repetitions: Any = 8,
        buckets: Any = "auto",
        *,
        probes: Any = 8,
        hidden: Any = "auto",
        linear: Any = "none",
        memory: Any = None,
        negatives: Any = "none",
        num_negatives: Any = "auto",
        storage: Any = "float32",
        epochs: Any = "auto",
        patience: Any = 2,
        tile: Any = "auto",
        learning_rate: Any = None,
        validation_fraction: Any = 0.1,
        refit: Any = True,
        n_jobs: Any = None,
        random_state: Any = 0,
    ) -> None:
        super().__init__(
            hidden=hidden, linear=linear, memory=memory, negatives=negatives,
            num_negatives=num_negatives, storage=storage, epochs=epochs, patience=patience,
            tile=tile, learning_rate=learning_rate, validation_fraction=validation_fraction,
            refit=refit, n_jobs=n_jobs, random_state=random_state,
        )  # fmt: skip
        self.repetitions = repetitions
        self.buckets = buckets
        self.probes = probes

    def fit(self, X: Any, y: Any) -> Self:
        """Train anew; X and y as of `WideClassifier.fit`.

        Raises:
            ValueError: X, y or a parameter cannot be used.
            BudgetError: memory cannot hold the smallest network; the message names what can.
        """
        x = self._validated(X, reset=True)
        self._take(Targets.of(y))
        labels = self._targets.encode(y)
        check_consistent_length(x, labels[0][1:])
        self.hash_ = self._first_hash()
        self._settle(x, labels)
        outputs = self.hash_.encode(labels)
        self._build(Columns.of(x), "many", self.hash_.outputs, x, outputs)
        self._learn(self._columns.rows(x), outputs)
        return self

    def _begin(self, columns: Columns, x: Any) -> None:
        self.hash_ = self._first_hash()
        self._build(columns, "many", self.hash_.outputs, x, None)

    def _outputs(self, labels: Labels) -> Labels:
        return self.hash_.encode(labels)

    def predict(self, X: Any) -> Any:
        """The label of each row; several: those of probability 1/2 or more, in the form of y."""
        if self._task == "many":
            return self._targets.decode(self.predict_proba(X) >= 0.5)
        return self.top_k(X, 1)[0][:, 0]

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Probabilities (n, labels); they sum to 1 where a row has one label."""
        scores = self.decision_function(X)
        if self._task == "many":
            return np.exp(scores / np.float32(self.hash_.repetitions))
        if scores.ndim == 1:
            scores = np.stack([np.zeros_like(scores), scores], axis=1)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def decision_function(self, X: Any) -> NDArray[np.float32]:
        """Scores (n, labels); of two exclusive labels, those of the second over the first."""
        rows, count = self._rows(X), len(self.classes_)
        scores = np.empty((rows.shape[0], count), np.float32)
        for start in range(0, len(scores), ROWS):
            told = self._told(rows[start : start + ROWS])
            ids, best = self.hash_.top_k(told, count)
            np.put_along_axis(scores[start : start + ROWS], ids.astype(np.int64), best, axis=1)
        two = self._task == "one" and count == 2
        return scores[:, 1] - scores[:, 0] if two else scores

    def top_k(
        self, X: Any, k: int, *, probes: int | None = None, least: int = 1
    ) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """The k labels of largest score among those in the best buckets.

        Args:
            X: rows.
            k: labels wanted.
            probes: buckets looked into in each repetition; None for those of the estimator.
            least: repetitions in which a label must be met.

        Returns:
            labels (n, k), best first, and scores (n, k); where there are fewer candidates, any
            labels of score -inf.
        """
        rows, count = self._rows(X), min(whole("k", k, 1, 2**31 - 1), len(self.classes_))
        most = self._probes() if probes is None else probes
        ids = np.empty((rows.shape[0], count), np.int32)
        best = np.empty(ids.shape, np.float32)
        for start in range(0, len(ids), ROWS):
            part = slice(start, start + ROWS)
            found = self.hash_.top_k(self._told(rows[part]), count, most=most, least=least)
            ids[part], best[part] = found
        return self.classes_[np.maximum(ids, 0)], best

    def candidates(
        self, X: Any, *, probes: int | None = None, least: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The labels in the best buckets, for another to choose from; arguments as of `top_k`.

        Returns:
            offsets (n + 1,) and places in `classes_`; row i has those from offsets[i] to
            offsets[i + 1].
        """
        rows, most = self._rows(X), self._probes() if probes is None else probes
        told = (self._told(rows[a : a + ROWS]) for a in range(0, rows.shape[0], ROWS))
        parts = [self.hash_.candidates(scores, most, least) for scores in told]
        sizes = np.concatenate([np.zeros(0, np.int64), *(np.diff(ends) for ends, _ in parts)])
        ids = np.concatenate([np.zeros(0, np.int32), *(ids for _, ids in parts)])
        return np.append(0, np.cumsum(sizes)), ids

    def explain(self, X: Any, label: Any = None) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Not told: a label has no weights of its own, its buckets are shared.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot say what moved one label")

    def _first_hash(self) -> LabelHash:
        labels = len(self.classes_)
        size = min(labels, 4 * ceil(sqrt(labels))) if self.buckets == "auto" else self.buckets
        seed = int(np.random.default_rng(self.random_state).integers(2**31))
        return LabelHash.random(labels, self.repetitions, size, seed=seed)

    def _settle(self, x: Any, labels: Labels) -> None:
        """Move labels to better buckets before the training, where a kind of learner does so."""

    def _probes(self) -> int:
        return whole("probes", self.probes, 1, 2**31 - 1)

    def _told(self, rows: Any) -> NDArray[np.float32]:
        """Logarithms of the probability of every bucket."""
        network = self.network_
        logits = network.scores(rows) * np.float32(network.slope) + np.float32(network.shift)
        return -np.logaddexp(np.float32(0), -np.clip(logits, SURE, -SURE))

    def _beside(self) -> int:
        return self.hash_.nbytes

    def _contents(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        header, arrays = super()._contents()
        told, own = self.hash_.state()
        return header | {"hash": told}, arrays | {f"hash.{n}": a for n, a in own.items()}

    def _restore(self, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._restore(header, arrays)
        own = {n[5:]: a for n, a in arrays.items() if n.startswith("hash.")}
        self.hash_ = LabelHash.from_state(header["hash"], own)
        fits = self.hash_.num_labels, self.hash_.outputs
        if fits != (len(self.classes_), self.network_.settings.num_outputs):
            raise KeyError("labels, buckets and network do not belong together")
