"""Estimator: what the classifier and the regressor share: rows in, training, state, budget."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from os import cpu_count
from tempfile import TemporaryFile
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from thrifty.core import FormatError, Saved, dump, in_range, parse_bytes, read_container
from thrifty.learn._epochs import OnDisk, shuffled
from thrifty.learn.columns import Columns, from_arrow
from thrifty.learn.network import Wide
from thrifty.learn.refit import refit
from thrifty.learn.settings import Settings
from thrifty.learn.sizing import Shape, negatives_for, settings_for
from thrifty.learn.tile import Labels, cut, take
from thrifty.learn.trainer import train
from thrifty.learn.worker import Worker

__all__ = ["WideEstimator"]

LEAST_HELD_OUT = 100
LARGEST_TABLE = 2**24  # columns; a wider X is hashed to HASHED_TABLE rows, unless a budget says so
HASHED_TABLE = 2**20
SMALL = 1000  # rows
STEPS = 1000  # tiles that small data is trained for
RATES = {"one": 0.1, "many": 0.1, "number": 0.03}


class WideEstimator(Saved, BaseEstimator):
    """Base of the wide estimators; see `WideClassifier` for the arguments."""

    KIND = "wide-estimator"

    def __init__(
        self,
        *,
        hidden: Any = "auto",
        linear: Any = "auto",
        memory: Any = None,
        negatives: Any = "auto",
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
        self.hidden = hidden
        self.linear = linear
        self.memory = memory
        self.negatives = negatives
        self.num_negatives = num_negatives
        self.storage = storage
        self.epochs = epochs
        self.patience = patience
        self.tile = tile
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state

    @classmethod
    def within(cls, memory: int | str, **parameters: Any) -> Self:
        """An estimator whose fitted network holds at most `memory`; see `nbytes`.

        Args:
            memory: bytes, or a text such as "64 MB".
            parameters: as of the class.

        Raises:
            ValueError: memory is not a size.
        """
        parse_bytes(memory)
        return cls(memory=memory, **parameters)

    @property
    def nbytes(self) -> int:
        """Bytes of the fitted network, its optimizer's sums, and means and scales of columns."""
        check_is_fitted(self, "network_")
        return self.network_.nbytes + self._columns.nbytes + self._beside()

    def _beside(self) -> int:
        """Bytes that a kind of estimator holds beside network and columns."""
        return 0

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        if "network_" in state:
            state = dict(state)
            header, arrays = self.network_.state()
            state["network_"] = dump(**self._expected(), header=header, arrays=arrays)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(dict(state))
        if "network_" in state:
            file = BytesIO(state["network_"])
            self.network_ = Wide.from_state(*read_container(file, **self._expected()))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # rows and network

    def _validated(self, x: Any, *, reset: bool) -> Any:
        kinds = [np.float64, np.float32]
        return validate_data(self, from_arrow(x), accept_sparse="csr", dtype=kinds, reset=reset)

    def _rows(self, x: Any) -> csr_array:
        check_is_fitted(self, "network_")
        return self._columns.rows(self._validated(x, reset=False))

    def _build(
        self, columns: Columns, task: str, num_outputs: int, x: Any, labels: Labels | None
    ) -> None:
        """A fresh network for these columns; labels are None where rows stream."""
        num_rows = None if labels is None else x.shape[0]
        each = labels[0][-1] / num_rows if isinstance(labels, tuple) else 1.0
        entries = x.nnz if hasattr(x, "nnz") else x.size
        shape = Shape(
            task=task, num_features=columns.num_features, num_outputs=num_outputs,
            fixed_bytes=columns.nbytes + self._beside(),
            pairs=2**40 if labels is None else int(1.25 * entries * each) + columns.num_features,
        )  # fmt: skip
        wanted = self._wanted(shape, num_rows)
        memory = None if self.memory is None else parse_bytes(self.memory)
        settings = settings_for(shape, wanted, self.linear, memory)
        columns.num_columns = settings.num_columns
        self._columns, self._tiles = columns, 0
        counts = classes = None
        if labels is not None:
            codes = columns.rows(x).indices if settings.linear == "sparse" else np.empty(0, int)
            counts = np.bincount(codes, minlength=settings.num_columns)
            classes = np.bincount(labels[1], minlength=num_outputs) if task != "number" else None
        counts = counts if settings.linear == "sparse" else None
        self.network_ = Wide(settings, counts, classes, num_rows)

    def _wanted(self, shape: Shape, num_rows: int | None) -> Settings:
        many = 10**9 if num_rows is None else num_rows
        tile = min(64, max(4, many // 32)) if self.tile == "auto" else self.tile
        epochs = min(60, max(10, STEPS * tile // many)) if self.epochs == "auto" else self.epochs
        hidden = (32 if many < SMALL else 128) if self.hidden == "auto" else self.hidden
        usual, num = negatives_for(shape.num_outputs)
        negatives = usual if self.negatives == "auto" else self.negatives
        num = num if self.num_negatives == "auto" else self.num_negatives
        wide = shape.num_features > LARGEST_TABLE and self.memory is None
        seed = int(np.random.default_rng(self.random_state).integers(2**31))
        jobs = 1 if self.n_jobs is None else self.n_jobs
        return Settings(
            task=shape.task, num_outputs=shape.num_outputs,
            num_columns=HASHED_TABLE if wide else shape.num_features,
            hidden=hidden, linear="none" if hidden else "dense", storage=self.storage,
            negatives=negatives, num_negatives=num, tile=tile, epochs=epochs,
            patience=self.patience, learning_rate=self.learning_rate, seed=seed,
            threads=max(1, (cpu_count() or 1) + 1 + jobs) if jobs < 0 else jobs,
        )  # fmt: skip

    # training

    def _learn(self, rows: Any, labels: Labels) -> None:
        """Train on all rows: with a held-out part where it is large enough to say something."""
        share = in_range("validation_fraction", self.validation_fraction, 0.0, 0.9)
        seed = self.network_.settings.seed
        order = np.random.default_rng([seed, 21]).permutation(rows.shape[0])
        apart = int(share * order.size)
        if apart < LEAST_HELD_OUT:
            self._passes(rows, labels)
            return
        away, stay = np.sort(order[:apart]), np.sort(order[apart:])
        held_out = rows[away], take(labels, away)
        stream = shuffled(rows, labels, stay, self.network_.settings)
        with TemporaryFile() as file:
            best = None if self.memory is None else OnDisk(self.network_, file)
            self.history_ = train(self.network_, stream, held_out, best=best, num_rows=stay.size)
        if self.refit and self.history_.best >= 0 and self.history_.stopped != "interrupted":
            refit(self.network_, stream, held_out, self.history_, num_rows=stay.size)

    def _passes(self, rows: Any, labels: Labels) -> None:
        everything = np.arange(rows.shape[0])
        settings = self.network_.settings
        stream = shuffled(rows, labels, everything, settings)
        with threadpool_limits(1), ThreadPoolExecutor(settings.threads) as pool:
            for epoch in range(settings.epochs):
                for chunk, own in stream(epoch, 0):
                    self._pass(pool, chunk, own)

    def _once(self, rows: Any, labels: Labels) -> None:
        with threadpool_limits(1), ThreadPoolExecutor(self.network_.settings.threads) as pool:
            self._pass(pool, rows, labels)

    def _pass(self, pool: ThreadPoolExecutor, rows: Any, labels: Labels) -> None:
        """Train once on rows as they come; the same tiles give the same network."""
        settings = self.network_.settings
        rate = settings.learning_rate or RATES[settings.task]
        tiles = enumerate(cut(rows, labels, settings.tile), start=self._tiles)
        jobs = ((tile, rate, (settings.seed, 9, number)) for number, tile in tiles)
        Worker(self.network_).run(pool, jobs)
        self._tiles += -(-rows.shape[0] // settings.tile)
        if self.network_.hidden is not None:
            self.network_.hidden.refresh()

    # explanation and state

    def _explain(self, x: Any, output: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        x = self._validated(x, reset=False)
        if x.shape[0] != 1:
            raise ValueError(f"X must be one row, got {x.shape[0]}")
        _, added = self.network_.explain(self._columns.rows(x), np.array([output], np.int32))
        sparse = hasattr(x, "indices") and self._columns.mean is None
        features = x.indices.astype(np.int64) if sparse else np.arange(x.shape[1])
        order = np.argsort(-np.abs(added[:, 0]), kind="stable")
        return features[order], added[order, 0]

    def _contents(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        check_is_fitted(self, "network_")
        network, arrays = self.network_.state()
        parameters = self.get_params(deep=False)
        if not isinstance(parameters["random_state"], (int, type(None))):
            parameters["random_state"] = None
        names = getattr(self, "feature_names_in_", None)
        header = {
            "estimator": type(self).__name__, "parameters": parameters, "network": network,
            "num_features": self._columns.num_features, "tiles": self._tiles,
            "names": None if names is None else list(names),
        }  # fmt: skip
        own = {f"network.{name}": array for name, array in arrays.items()}
        return header, own | self._columns.arrays()

    def _restore(self, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        own = {n[8:]: a for n, a in arrays.items() if n.startswith("network.")}
        self.network_ = Wide.from_state(header["network"], own)
        self.n_features_in_ = int(header["num_features"])
        if header["names"] is not None:
            self.feature_names_in_ = np.array(header["names"], dtype=object)
        parts = arrays.get("mean"), arrays.get("scale")
        self._columns = Columns(self.n_features_in_, self.network_.settings.num_columns, *parts)
        self._tiles = int(header["tiles"])

    @classmethod
    def _restored(cls, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        try:
            if header["estimator"] != cls.__name__:
                raise FormatError(f"this file holds a {header['estimator']}, not a {cls.__name__}")
            made = cls(**header["parameters"])
            made._restore(header, arrays)
        except (KeyError, TypeError, AttributeError) as error:
            raise FormatError(f"estimator header is damaged: {error}") from error
        return made
