"""Targets: every form of y becomes the same label ids, and predictions return in that form."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array, csr_matrix

from thrifty.learn.targets import FORMS, Targets

LISTS = [["b", "a"], [], ["c"], ["a", "a"]]
MATRIX = np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]])


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["oak", "ash", "oak"], ["ash", "oak"]),
        (np.array([3, -1, 3]), [-1, 3]),
        (np.array([True, False, True]), [False, True]),
        (pa.array(["oak", "ash", "oak"]), ["ash", "oak"]),
        (np.array(["oak", "ash", "oak"], dtype=object), ["ash", "oak"]),
    ],
    ids=str,
)
def test_one_class_a_row(y, classes):
    """Classes are sorted; each row has one id."""
    targets = Targets.of(y)
    assert targets.form == "one"
    assert targets.classes.tolist() == classes
    offsets, ids = targets.encode(y)
    assert offsets.tolist() == [0, 1, 2, 3]
    assert (offsets.dtype, ids.dtype) == ("i8", "i4")
    assert ids.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("form", "y"),
    [
        ("lists", LISTS),
        ("lists", pa.array(LISTS)),
        ("lists", [{"a", "b"}, set(), {"c"}, {"a"}]),
        ("indicator", MATRIX),
        ("indicator", MATRIX.tolist()),
        ("indicator", list(MATRIX)),
        ("sparse indicator", csr_array(MATRIX)),
        ("sparse indicator", csr_matrix(MATRIX)),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_several_labels_a_row(form, y):
    """Lists and matrices of the same labels give the same ids, ascending, each once."""
    targets = Targets.of(y)
    assert targets.form == form
    offsets, ids = targets.encode(y)
    assert offsets.tolist() == [0, 2, 2, 3, 4]
    assert ids.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("form", FORMS[1:])
def test_what_is_chosen_returns_in_the_form_it_came(form):
    """Rows of choices as a matrix, a sparse matrix, or lists of labels."""
    y = {"lists": LISTS, "indicator": MATRIX, "sparse indicator": csr_array(MATRIX)}[form]
    back = Targets.of(y).decode(MATRIX.astype(bool))
    if form == "lists":
        assert back == [["a", "b"], [], ["c"], ["a"]]
    else:
        assert (form == "indicator") == isinstance(back, np.ndarray)
        np.testing.assert_array_equal(back if form == "indicator" else back.toarray(), MATRIX)


def test_classes_may_be_given():
    """Those that do not occur yet are there too; equal ones are refused."""
    targets = Targets.of(["b"], ["c", "a", "b"])
    assert targets.classes.tolist() == ["a", "b", "c"]
    assert targets.encode(["b"])[1].tolist() == [1]
    with pytest.raises(ValueError, match=r"^classes must not repeat$"):
        Targets.of(["b"], ["a", "b", "b"])


def test_explicit_zeros_are_no_labels():
    """A stored 0 of a sparse matrix counts as not there."""
    matrix = csr_array((np.array([1, 0]), np.array([0, 1]), np.array([0, 2])), shape=(1, 2))
    assert Targets.of(matrix).encode(matrix)[1].tolist() == [0]


@pytest.mark.parametrize(
    ("first", "y", "message"),
    [
        (["a", "b"], ["c"], "y must hold only the classes, got (np.str_\\()?'c'\\)?"),
        (["a", "b"], MATRIX, "y must be of the form 'one' as at first, got 'indicator'"),
        (MATRIX, ["a"], "y must be of the form 'indicator' as at first, got 'one'"),
        (MATRIX, MATRIX[:, :2], "y must have 3 columns, got 2"),
        (MATRIX, 2 * MATRIX, "y must be a matrix of 0 and 1 where it has several columns"),
        (MATRIX, None, "requires y to be passed, but the target y is None"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_does_not_fit_is_refused(first, y, message):
    """With what was wanted and what came."""
    targets = Targets.of(first)
    with pytest.raises(ValueError, match=f"^{message}$"):
        targets.encode(y)


def test_a_label_that_is_no_class_is_named():
    """The first one."""
    with pytest.raises(ValueError, match=r"^y must hold only the classes, got .*7"):
        Targets.of([1, 2]).ids_of(np.array([2, 7]))


def test_numbers_are_no_classes():
    """A continuous y is refused as scikit-learn does."""
    with pytest.raises(ValueError, match=r"^Unknown label type: continuous"):
        Targets.of([0.5, 1.25, 3.7])
