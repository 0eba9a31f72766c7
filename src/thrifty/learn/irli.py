"""IRLI: labels dealt to buckets again and again, until a few buckets hold what a row asks for."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from thrifty.core import method, whole
from thrifty.learn._epochs import shuffled
from thrifty.learn._hashed import HashedClassifier
from thrifty.learn.columns import Columns
from thrifty.learn.network import Wide
from thrifty.learn.tile import Labels, Scratch, cut
from thrifty.learn.trainer import run_epochs

__all__ = ["IRLI"]

RATE = 0.1  # of the networks that only say where labels belong
TILE = 256


@method(
    source="Gupta, Medini, Shrivastava and Smola 2021, IRLI: iterative re-partitioning for "
    "learning to index, arXiv:2103.09944",
    memory="as of SOLAR; 4 * labels * buckets and 4 * hidden * rows bytes while labels move",
    time="rounds * round_epochs more passes over the rows; asked as SOLAR",
    error="none by a bound; with probes = buckets every label is scored",
    exact="WideClassifier, which has an output for every label",
    laws=("learner", "label-hash"),
    evidence=("irli",),
)
class IRLI(HashedClassifier):
    """Learn from rows and their labels a partition of the labels, several times over.

    Labels begin in random buckets. A network learns which buckets hold the labels of a row; then
    every label moves, in each repetition, to the emptiest of the `choices` buckets that its rows
    are sent to most, so that labels of the same rows come together while buckets stay even. After
    some rounds a last network is trained for good. A row's candidates are the labels of its
    `probes` best buckets, as many as are met in `least` repetitions.

    Args:
        repetitions: partitions.
        buckets: of a partition; "auto" takes 4 * sqrt(labels).
        probes: buckets looked into in each repetition.
        rounds: how often labels move; 0 leaves the random partition.
        round_epochs: passes over the rows before each.
        choices: buckets that a label may choose from; 1 takes the best, however full.
        hidden, linear, memory, negatives, num_negatives, storage, epochs, patience, tile,
            learning_rate, validation_fraction, refit, n_jobs, random_state: as of `SOLAR`.

    Example:
        >>> import numpy as np
        >>> x = np.repeat(np.eye(60), 10, axis=0) + np.repeat(np.eye(60)[::-1], 10, axis=0) / 2
        >>> y = np.repeat(np.arange(60), 10)
        >>> model = IRLI(4, 15, probes=2, choices=5).fit(x, y)
        >>> float(model.score(x, y)) > 0.85, bool(model.hash_.loads.max() <= 12)   # 4 on average
        (True, True)
    """

    def __init__(
        self,
        repetitions: Any = 8,
        buckets: Any = "auto",
        *,
        probes: Any = 4,
        rounds: Any = 4,
        round_epochs: Any = 1,
        choices: Any = 10,
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
            repetitions, buckets, probes=probes, hidden=hidden, linear=linear, memory=memory,
            negatives=negatives, num_negatives=num_negatives, storage=storage, epochs=epochs,
            patience=patience, tile=tile, learning_rate=learning_rate,
            validation_fraction=validation_fraction, refit=refit, n_jobs=n_jobs,
            random_state=random_state,
        )  # fmt: skip
        self.rounds = rounds
        self.round_epochs = round_epochs
        self.choices = choices

    def _settle(self, x: Any, labels: Labels) -> None:
        rounds, choices = whole("rounds", self.rounds, 0, 10**6), self.choices
        columns, outputs = Columns.of(x), self.hash_.encode(labels)
        self._build(columns, "many", self.hash_.outputs, x, outputs)
        rows, given = columns.rows(x), self.network_.settings
        hidden = given.hidden or 32
        epochs = whole("round_epochs", self.round_epochs, 1, 10**6)
        settings = replace(given, linear="none", slots=0, hidden=hidden, epochs=epochs)
        self.churn_: list[float] = []
        wide, everything = Wide(settings), np.arange(rows.shape[0])
        for number in range(rounds):
            chunks = shuffled(rows, self.hash_.encode(labels), everything, settings)
            first = number * epochs
            run_epochs(wide, lambda epoch, at, f=first, c=chunks: c(f + epoch, at), rate=RATE)
            before = self.hash_
            for r, affinity in enumerate(_affinities(wide, rows, labels, before)):
                self.hash_ = self.hash_.moved(r, affinity, choices, seed=settings.seed + number)
            self.churn_.append(float((self.hash_.buckets != before.buckets).mean()))


def _affinities(wide: Wide, rows: csr_array, labels: Labels, hashed: Any):
    """For each repetition how much a label's rows are sent to each bucket, (labels, B)."""
    path, size = wide.hidden, hashed.size
    assert path is not None
    offsets, ids = labels
    shape = (rows.shape[0], hashed.num_labels)
    of_rows = csr_array((np.ones(ids.size, np.float32), ids, offsets), shape=shape)
    scratch, of_label = Scratch(), csr_array(of_rows.T)
    told = [path.activate(tile, scratch)[0] for tile in cut(rows, None, TILE)]
    hidden = np.concatenate([np.zeros((0, wide.settings.hidden), np.float32), *told])
    for r in range(hashed.repetitions):
        yield _affinity(of_label, hidden, path, np.arange(r * size, (r + 1) * size, dtype="i4"))


def _affinity(
    of_label: csr_array, hidden: NDArray[np.float32], path: Any, outputs: NDArray[np.int32]
) -> NDArray[np.float32]:
    scores = hidden @ path.rows(outputs).T + path.bias[outputs]
    np.clip(scores, -30, 30, out=scores)
    sent = 1 / (1 + np.exp(-scores))
    rows = np.maximum(1, np.diff(of_label.indptr))[:, None]
    return np.asarray(of_label @ sent / rows - sent.mean(axis=0), np.float32)
