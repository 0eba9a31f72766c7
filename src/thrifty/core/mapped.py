"""Mapped: a summary that may stay in its file, of which only what is looked at is read."""

from pathlib import Path
from typing import Self

from thrifty.core.container import opened
from thrifty.core.summary import Summary

__all__ = ["MappedSummary"]


class MappedSummary(Summary):
    """Base of summaries that work on arrays nobody can write to, and that trust none of them.

    Opening checks the header and the size of the file, not the bytes of its arrays: a kind of
    mapped summary keeps what it changes in arrays of its own, and checks every number that is an
    address or a count before it is used as one.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from thrifty.core import taken
        >>> class Column(MappedSummary):
        ...     KIND = "column-example"
        ...     def __init__(self, numbers=()):
        ...         self.numbers = np.array(numbers, np.int64)
        ...     def spec(self):
        ...         return {}
        ...     def arrays(self):
        ...         return {"numbers": self.numbers}
        ...     @classmethod
        ...     def restore(cls, spec, arrays):
        ...         column = cls()
        ...         column.numbers = taken(arrays, "numbers", np.int64, (None,))
        ...         return column
        >>> path = Path(tempfile.mkdtemp()) / "some.column"
        >>> Column([1, 2, 3]).save(path)
        >>> column = Column.open(path)
        >>> column == Column.load(path), column.numbers.flags.writeable
        (True, False)
    """

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """One that was saved, and stays in its file: opening is instant, and processes share it.

        What `save` writes over the file meanwhile does not change it.

        Raises:
            FormatError: the file is cut, its header altered, or of another kind or a newer version.
        """
        return cls._of_file(path, opened)
