"""Errors: every way thrifty refuses, in one tree.

ThriftyError
  BudgetError        (ValueError)  a budget cannot hold the job; `.smallest` would do
  DataError          (ValueError)  the user's rows or columns cannot be used
  FormatError        (ValueError)  bytes are damaged, foreign or newer than this version
  IncompatibleError  (ValueError)  two things do not fit together; the message shows both
  SaveError          (OSError)     a file could not be written; what stood there before still stands
"""

__all__ = [
    "DAMAGE",
    "BudgetError",
    "DataError",
    "FormatError",
    "IncompatibleError",
    "SaveError",
    "ThriftyError",
]

# what code that believes in bytes meets where they lie; who reads bytes makes a FormatError of it
DAMAGE = (
    AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError,
)  # fmt: skip


class ThriftyError(Exception):
    """Root of every error thrifty raises on purpose."""


class BudgetError(ThriftyError, ValueError):
    """A budget cannot hold the job.

    Args:
        message: what was asked and why it does not fit.
        smallest: the smallest budget that would do, in bytes.
    """

    def __init__(self, message: str, smallest: int) -> None:
        super().__init__(message)
        self.smallest = smallest


class DataError(ThriftyError, ValueError):
    """The user's rows or columns cannot be used as asked."""


class FormatError(ThriftyError, ValueError):
    """Bytes are damaged, foreign, or written by a newer version."""


class IncompatibleError(ThriftyError, ValueError):
    """Two things do not fit together; the message shows both."""


class SaveError(ThriftyError, OSError):
    """A file could not be written; what stood there before still stands."""
