"""Summary: what a stream leaves behind; it adds, merges and moves as bytes, whatever its kind."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from thrifty.core.errors import DAMAGE, FormatError, IncompatibleError
from thrifty.core.saved import Saved

__all__ = ["Summary", "taken"]

Arrays = dict[str, np.ndarray]


class Summary(Saved):
    """Base of everything that is built in pieces and merges into the whole.

    A kind of summary gives its `KIND`, what it was made with (`spec`), all it holds (`arrays`), and
    how to take in another (`_absorb`) and to come back from spec and arrays (`restore`); merging,
    copying, bytes and files follow from these. Equal states must give equal arrays, in one
    order, so that equal summaries are equal bytes.

    Example:
        >>> class Total(Summary):
        ...     KIND = "total"
        ...     def __init__(self, name="all"):
        ...         self.name, self.sum = name, 0
        ...     def spec(self):
        ...         return {"name": self.name}
        ...     def arrays(self):
        ...         return {"sum": np.array([self.sum], np.int64)}
        ...     def _absorb(self, other):
        ...         self.sum += other.sum
        ...     @classmethod
        ...     def restore(cls, spec, arrays):
        ...         total = cls(**spec)
        ...         total.sum = int(taken(arrays, "sum", np.int64, (1,))[0])
        ...         return total
        >>> one, two = Total(), Total()
        >>> one.sum, two.sum = 3, 4
        >>> both = one.merge(two)
        >>> both.sum, one.sum, Total.from_bytes(both.to_bytes()) == both
        (7, 3, True)
        >>> one.merge(Total("odd"))
        Traceback (most recent call last):
        thrifty.core.errors.IncompatibleError: cannot merge Total(name='all') with Total(name='odd')
    """

    def spec(self) -> dict[str, Any]:
        """What it was made with, as JSON can hold it; summaries merge if their specs are equal."""
        raise NotImplementedError

    def arrays(self) -> Arrays:
        """All it holds beside the spec, by name: the arrays themselves, not copies."""
        raise NotImplementedError

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Arrays) -> Self:
        """The summary of this spec and these arrays, which may be lies: check with `taken`."""
        raise NotImplementedError

    def _absorb(self, other: Self) -> None:
        """Take in another of the same spec, which does not change; here, a refusal."""
        raise IncompatibleError(f"two of {self!r} do not merge: make one anew of both streams")

    def absorb(self, other: Self) -> Self:
        """Take in another summary, which does not change; returns self.

        Raises:
            IncompatibleError: the other is of another kind or was made with other arguments.
        """
        if type(other) is not type(self) or other.spec() != self.spec():
            raise IncompatibleError(f"cannot merge {self!r} with {other!r}")
        self._absorb(other)
        return self

    def merge(self, other: Self) -> Self:
        """The summary of both streams together; neither changes.

        Raises:
            IncompatibleError: the other is of another kind or was made with other arguments.
        """
        return self.copy().absorb(other)

    def copy(self) -> Self:
        """A summary with the same state that shares nothing with this one."""
        held = {name: np.array(array) for name, array in self.arrays().items()}
        return type(self).restore(self.spec(), held)

    @property
    def nbytes(self) -> int:
        """Bytes of what it holds."""
        return sum(array.nbytes for array in self.arrays().values())

    def _contents(self) -> tuple[dict[str, Any], Arrays]:
        return self.spec(), self.arrays()

    @classmethod
    def _restored(cls, header: dict[str, Any], arrays: Arrays) -> Self:
        try:
            return cls.restore(header, arrays)
        except FormatError:
            raise
        except DAMAGE as error:
            raise FormatError(f"{cls.KIND} is damaged: {error}") from error

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.to_bytes() == self.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # it changes as it adds

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.spec().items())})"


def taken(
    arrays: Mapping[str, np.ndarray], name: str, dtype: DTypeLike, shape: tuple[int | None, ...]
) -> np.ndarray:
    """An array that was read, if it is what it must be.

    Args:
        arrays: by name.
        name: which.
        dtype: that it must have.
        shape: that it must have; None where any length will do.

    Raises:
        FormatError: it is not there, or of another dtype or shape.

    Example:
        >>> taken({"sum": np.zeros(3)}, "sum", np.float64, (None,)).size
        3
        >>> taken({"sum": np.zeros(3)}, "sum", np.float64, (4,))
        Traceback (most recent call last):
        thrifty.core.errors.FormatError: array 'sum' must be float64 of shape (4,), got float64 (3,)
    """
    found = arrays.get(name)
    if found is None:
        raise FormatError(f"array {name!r} must be there, got {', '.join(sorted(arrays))}")
    fits = len(found.shape) == len(shape) and all(
        wanted in (None, size) for wanted, size in zip(shape, found.shape, strict=True)
    )
    if found.dtype != np.dtype(dtype) or not fits:
        wanted = f"{np.dtype(dtype)} of shape {shape}".replace("None", "any")
        raise FormatError(f"array {name!r} must be {wanted}, got {found.dtype} {found.shape}")
    return found
