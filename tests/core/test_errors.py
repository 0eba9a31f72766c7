"""Errors: one tree, each also the builtin that callers already catch."""

import errno
import inspect

import pytest

from thrifty.core import BudgetError, SaveError, ThriftyError, errors

PARENTS = {
    "BudgetError": ValueError,
    "DataError": ValueError,
    "FormatError": ValueError,
    "IncompatibleError": ValueError,
    "SaveError": OSError,
}


@pytest.mark.parametrize(("name", "builtin"), PARENTS.items())
def test_each_error_is_thriftys_and_the_builtin(name, builtin):
    """Catching ThriftyError catches all; catching the builtin still works."""
    assert issubclass(getattr(errors, name), ThriftyError)
    assert issubclass(getattr(errors, name), builtin)


def test_the_tree_at_the_top_of_the_file_is_complete():
    """Every class of the module is drawn in its docstring with its builtin parent."""
    classes = dict(inspect.getmembers(errors, inspect.isclass))
    assert set(classes) == {"ThriftyError", *PARENTS} == set(errors.__all__) - {"DAMAGE"}
    for name, builtin in PARENTS.items():
        lines = [line.split()[:2] for line in (errors.__doc__ or "").splitlines()]
        assert [name, f"({builtin.__name__})"] in lines


def test_budget_error_carries_the_smallest_that_would_do():
    """A caller can read the bytes without parsing the text."""
    error = BudgetError("memory must be at least 7 MB, got 1", 7_000_000)
    assert error.smallest == 7_000_000
    assert str(error) == "memory must be at least 7 MB, got 1"


def test_save_error_carries_the_errno():
    """A caller can tell a full disk from a missing folder."""
    assert SaveError(errno.ENOSPC, "cannot write x").errno == errno.ENOSPC
