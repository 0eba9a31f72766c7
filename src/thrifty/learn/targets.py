"""Targets: what people hand over as y, as label ids for the learner, and back."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from thrifty.learn.tile import Labels

__all__ = ["FORMS", "Targets"]

FORMS = ("one", "indicator", "sparse indicator", "lists")


@dataclass(frozen=True)
class Targets:
    """The classes, and the form in which labels come and go.

    Args:
        form: "one" class a row; an "indicator" matrix (n, classes) of 0 and 1, dense or "sparse
            indicator"; or "lists" of labels.
        classes: (C,) sorted labels.
    """

    form: str
    classes: NDArray[Any]

    @classmethod
    def of(cls, y: Any, classes: Any = None) -> "Targets":
        """Form and classes of y; classes may be given where not all occur in y.

        A list of equally long lists of 0 and 1 is an indicator matrix, any other a list of labels.

        Raises:
            ValueError: y is missing, not classes, or classes repeat.
        """
        form, y = _form(y)
        if classes is not None:
            found = np.unique(classes)
            if len(found) != len(classes):
                raise ValueError("classes must not repeat")
            return cls(form, found)
        if "indicator" in form:
            return cls(form, np.arange(y.shape[1]))
        labels = np.asarray([label for row in y for label in row]) if form == "lists" else y
        return cls(form, np.unique(labels))

    def encode(self, y: Any) -> Labels:
        """Ids of the labels of each row, ascending within a row.

        Returns:
            offsets (n + 1,) int64 and ids int32.

        Raises:
            ValueError: y has another form than the first one, or a label that is not a class.
        """
        form, y = _form(y)
        if (form == "one") != (self.form == "one"):
            raise ValueError(f"y must be of the form {self.form!r} as at first, got {form!r}")
        if "indicator" in form:
            if y.shape[1] != len(self.classes):
                raise ValueError(f"y must have {len(self.classes)} columns, got {y.shape[1]}")
            matrix = csr_array(y)
            matrix.eliminate_zeros()
            matrix.sort_indices()
            return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)
        if form == "one":
            return np.arange(len(y) + 1, dtype=np.int64), self.ids_of(y)
        rows = [np.unique(self.ids_of(np.asarray(list(row)))) for row in y]
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        return offsets, np.concatenate([np.empty(0, np.int32), *rows]).astype(np.int32)

    def ids_of(self, labels: NDArray[Any]) -> NDArray[np.int32]:
        """Ids of labels.

        Raises:
            ValueError: a label is not a class; the first such is named.
        """
        if not len(labels):
            return np.empty(0, np.int32)
        ids = np.minimum(np.searchsorted(self.classes, labels), len(self.classes) - 1)
        strange = self.classes[ids] != labels
        if strange.any():
            raise ValueError(f"y must hold only the classes, got {labels[strange][0]!r}")
        return ids.astype(np.int32)

    def decode(self, chosen: NDArray[np.bool_]) -> Any:
        """Rows (n, C) of chosen labels in the form in which they came."""
        if self.form == "lists":
            return [self.classes[row].tolist() for row in chosen]
        if self.form == "sparse indicator":
            return csr_array(chosen.astype(np.int64))
        return chosen.astype(np.int64)


def _form(y: Any) -> tuple[str, Any]:
    """Which form y has, and y as a matrix, a list of lists, or one array of labels."""
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    if isinstance(y, (pa.Array, pa.ChunkedArray)):
        y = y.to_pylist() if pa.types.is_list(y.type) else np.asarray(y.to_pylist())
    if issparse(y):
        return "sparse indicator", _zeros_and_ones(y, y.data)
    if isinstance(y, (list, tuple)) and len(y) and isinstance(y[0], (list, tuple, set, np.ndarray)):
        if not _is_indicator(y):
            return "lists", y
        y = np.asarray(y)
    if getattr(y, "ndim", 1) == 2 and y.shape[1] > 1:
        y = np.asarray(y)
        return "indicator", _zeros_and_ones(y, y)
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    with warnings.catch_warnings():  # that there are nearly as many classes as rows is our trade
        warnings.simplefilter("ignore", UserWarning)
        check_classification_targets(y)
    return "one", y


def _is_indicator(y: Any) -> bool:
    width = len(y[0])
    return width > 1 and all(
        not isinstance(row, set) and len(row) == width and all(v in (0, 1) for v in row)
        for row in y
    )


def _zeros_and_ones(y: Any, values: NDArray[Any]) -> Any:
    if not np.isin(values, (0, 1)).all():
        raise ValueError("y must be a matrix of 0 and 1 where it has several columns")
    return y
