"""Linear: a summary that is a sum, so that a stream can be taken out of it again."""

from typing import Self

from thrifty.core.errors import IncompatibleError
from thrifty.core.summary import Summary

__all__ = ["LinearSummary"]


class LinearSummary(Summary):
    """Base of summaries whose arrays are sums over the items of a stream.

    Merging adds the arrays, subtracting takes them away; a kind that holds more than arrays says so
    in `_absorb` and `_take_out`.

    Example:
        >>> import numpy as np
        >>> class Totals(LinearSummary):
        ...     KIND = "totals-example"
        ...     def __init__(self, numbers):
        ...         self.sums = np.array(numbers)
        ...     def spec(self):
        ...         return {}
        ...     def arrays(self):
        ...         return {"sums": self.sums}
        ...     @classmethod
        ...     def restore(cls, spec, arrays):
        ...         return cls(arrays["sums"])
        >>> both = Totals([1, 2]).merge(Totals([10, 20]))
        >>> both.sums.tolist(), both.subtract(Totals([1, 2])).sums.tolist()
        ([11, 22], [10, 20])
    """

    def subtract(self, other: Self) -> Self:
        """The summary of this stream without the other's; neither changes.

        Raises:
            IncompatibleError: the other is of another kind or was made with other arguments.
        """
        if type(other) is not type(self) or other.spec() != self.spec():
            raise IncompatibleError(f"cannot subtract {other!r} from {self!r}")
        less = self.copy()
        less._take_out(other)
        return less

    def _absorb(self, other: Self) -> None:
        theirs = other.arrays()
        for name, mine in self.arrays().items():
            mine += theirs[name]

    def _take_out(self, other: Self) -> None:
        """Take the stream of another of the same spec out of this one."""
        theirs = other.arrays()
        for name, mine in self.arrays().items():
            mine -= theirs[name]
