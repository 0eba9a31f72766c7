"""Triples: what is known as (subject, relation, object), by number, with its names beside."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError

__all__ = ["Triples"]

Ids = NDArray[np.int64]


class Triples:
    """A knowledge base: three columns of names, each triple once, numbered in sorted order.

    Args:
        subjects, relations, objects: (n,) text each, n at least 1.
        inverse: hold each relation backwards as well, named with a "~" before it.

    Raises:
        IncompatibleError: the columns are of different lengths.
        ValueError: there are no triples.

    Example:
        >>> kin = Triples(["ann", "ann"], ["parent", "parent"], ["bob", "eve"], inverse=True)
        >>> len(kin), kin.entities.tolist(), kin.relations.tolist()
        (4, ['ann', 'bob', 'eve'], ['parent', '~parent'])
    """

    def __init__(
        self,
        subjects: ArrayLike,
        relations: ArrayLike,
        objects: ArrayLike,
        *,
        inverse: bool = False,
    ) -> None:
        columns = [np.asarray(column, dtype=np.str_) for column in (subjects, relations, objects)]
        if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
            shapes = ", ".join(str(column.shape) for column in columns)
            raise IncompatibleError(f"columns of shapes {shapes} do not fit each other")
        if not columns[0].size:
            raise ValueError("triples must be at least one, got none")
        s, r, o = columns
        if inverse:
            s, r, o = (
                np.concatenate([s, o]), np.concatenate([r, np.char.add("~", r)]),
                np.concatenate([o, s]),
            )  # fmt: skip
        self.entities, ends = np.unique(np.concatenate([s, o]), return_inverse=True)
        self.relations, kinds = np.unique(r, return_inverse=True)
        rows = np.unique(np.stack([ends[: s.size], kinds, ends[s.size :]], axis=1), axis=0)
        self.subject, self.relation, self.object = rows.astype(np.int64).T.copy()

    def __len__(self) -> int:
        return self.subject.size

    @property
    def nbytes(self) -> int:
        """Bytes of numbers and names."""
        held = (self.subject, self.relation, self.object, self.entities, self.relations)
        return sum(array.nbytes for array in held)

    def entity_ids(self, names: Iterable[str]) -> Ids:
        """Numbers of entities.

        Raises:
            ValueError: a name that is not known.
        """
        return _found("entity", self.entities, names)

    def relation_ids(self, names: Iterable[str]) -> Ids:
        """Numbers of relations.

        Raises:
            ValueError: a name that is not known.
        """
        return _found("relation", self.relations, names)


def _found(what: str, known: NDArray[np.str_], names: Iterable[str]) -> Ids:
    if isinstance(names, str):
        raise ValueError(f"{what} names must be a list, got {names!r}")
    given = np.asarray(list(names), dtype=np.str_)
    places = np.minimum(np.searchsorted(known, given), known.size - 1).astype(np.int64)
    if given.size and (known[places] != given).any():
        raise ValueError(f"{what} must be known, got {str(given[known[places] != given][0])!r}")
    return places
