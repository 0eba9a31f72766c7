"""Vectors: what every index of dense vectors keeps to, and the part of it that is the same in all.

Rows are held in parts that never change; adding makes a part, removing a list of those that are
gone, small parts are joined as they grow many. All of it hangs on one attribute, so a search works
on what it found there when it began, whoever adds meanwhile.
"""

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, MappedSummary, one_of, taken, whole
from thrifty.core.summary import Arrays
from thrifty.index import _parts as rows_in
from thrifty.index._checked import checked_filter, checked_vectors, once
from thrifty.index._parts import Part, State
from thrifty.index._scoring import METRICS, frozen

__all__ = ["Found", "VectorIndex"]

WIDEST, MOST = 65536, 2**31 - 1
JOIN = 4  # a part is joined with the one before unless that is so many times as large


class Found(NamedTuple):
    """What a search answers.

    Args:
        ids: (m, k) int64, nearest first, -1 where there are fewer.
        scores: (m, k) float32, falling, -inf where there are fewer; larger is nearer: the cosine,
            the inner product, or minus the squared distance.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]


class VectorIndex(MappedSummary):
    """Base of every index of dense vectors; one that is opened takes in rows as well.

    A kind of index gives its `KIND`; `_made`, a part of new rows; `_joined`, one part of many;
    `_fill`, the best of a state; `spec`, and `_restored_state` from arrays. It may learn from its
    rows (`_learned`) and hold that as arrays (`_model_arrays`).

    Args:
        dim: numbers of a vector, 1..65536.
        metric: cosine (vectors are scaled to length 1), inner or l2.

    Raises:
        ValueError: dim outside the range, or an unknown metric.
    """

    _PLAIN: tuple[str, ...] = ()  # arrays of a part that have a row for each id, in its order

    def __init__(self, dim: int, *, metric: str = "cosine") -> None:
        self.dim = whole("dim", dim, 1, WIDEST)
        self.metric = one_of("metric", metric, METRICS)
        self._lock = threading.RLock()
        self._state = State()

    # what a kind of index gives

    def _learned(self, state: State, rows: NDArray[np.float32]) -> Any:
        """What to keep as model when these rows come; another object makes all parts anew."""
        return state.model

    def _made(self, model: Any, rows: NDArray[np.float32], ids: NDArray[np.int64]) -> Part:
        """A part of rows (n, dim), which may be the caller's own and must be copied."""
        raise NotImplementedError

    def _joined(self, model: Any, parts: tuple[Part, ...]) -> Part:
        """One part of the rows of many that are not gone; here, one after the other."""
        ids = np.concatenate([part.ids[part.stays] for part in parts])
        held = {
            name: np.concatenate([part[name][part.stays] for part in parts]) for name in self._PLAIN
        }
        return Part.of(ids, **held)

    def _anew(self, model: Any, parts: tuple[Part, ...]) -> Part:
        """One part of all rows, made with a model that changed."""
        rows = np.concatenate([self._rows_of(part) for part in parts])
        return self._made(model, rows, np.concatenate([part.ids[part.stays] for part in parts]))

    def _rows_of(self, part: Part) -> NDArray[np.float32]:
        """The rows of a part that are not gone, as they came or as near as they are held."""
        return part["vectors"][part.stays].astype(np.float32)

    def _fill(
        self,
        state: State,
        queries: NDArray[np.float32],
        allowed: list[NDArray[np.bool_]],
        effort: float | None,
        found: Found,
    ) -> None:
        """Put the best of each part in `found`, which begins with -1 and -inf.

        Args:
            state: what was there when the search began.
            queries: (m, dim), of length 1 if the metric is cosine.
            allowed: of each part (n,) bool, or empty where all rows may be answered.
            effort: above 0 and at most 1, which is exact; None for the index's own.
            found: (m, k), to be changed.
        """
        raise NotImplementedError

    def _checked(self, name: str, given: ArrayLike) -> NDArray[np.float32]:
        """Vectors as (n, dim) float32, of length 1 if the metric is cosine, or refused."""
        return checked_vectors(name, given, self.dim, self.metric, self)

    def _model_arrays(self, model: Any) -> Arrays:
        """The model as arrays, by names that no part has."""
        return {}

    @classmethod
    def _restored_state(cls, index: Self, arrays: Arrays) -> State:
        """The state of arrays that may be lies; sizes and small arrays are checked, no row is."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._state)

    def add(self, vectors: ArrayLike, ids: ArrayLike | None = None) -> Self:
        """Take in rows.

        Args:
            vectors: (n, dim) finite numbers of size at most 1e15.
            ids: (n,) of at least 0, none held already; None for the next numbers.

        Raises:
            IncompatibleError: vectors of another width, or another number of ids.
            TypeError: ids that are no whole numbers.
            ValueError: a vector is not finite, too large, or 0 where the metric is cosine; an id
                is negative or there twice.
        """
        rows = self._checked("vectors", vectors)
        with self._lock:
            self._take(rows, self._new_ids(self._state, len(rows), ids))
        return self

    def remove(self, ids: ArrayLike) -> Self:
        """Take rows out; their ids may be given anew.

        Raises:
            TypeError: ids that are no whole numbers.
            ValueError: an id that is not held, or is there twice.
        """
        keys = rows_in.id_numbers("ids", ids)
        with self._lock:
            state = self._state
            once(keys)
            known = rows_in.known_in(state.parts, keys)
            if not known.all():
                raise ValueError(f"ids must be held to be removed, got {keys[~known][0]}")
            left = rows_in.gone_from(state.parts, keys)
            kept = tuple(part for part in left if len(part))
            sparse = sum(part.lost for part in kept) > sum(map(len, kept))
            one = (self._joined(state.model, kept),) if sparse and kept else kept
            self._state = State(state.model, one)
        return self

    def search(
        self,
        queries: ArrayLike,
        k: int = 10,
        *,
        filter: ArrayLike | None = None,
        effort: float | None = None,
    ) -> Found:
        """The nearest rows of each query.

        Args:
            queries: (m, dim).
            k: rows wanted, at least 1.
            filter: what may be answered: bool by id (none beyond its end), or allowed ids.
            effort: how much to look at, above 0 and at most 1, which is exact; None for a choice.

        Raises:
            IncompatibleError: queries of another width.
            TypeError: k or the filter of another kind.
            ValueError: a query is not finite, too large, or 0 where the metric is cosine; k or
                effort outside the range.
        """
        state = self._state
        asked = self._checked("queries", queries)
        count, only = whole("k", k, 1, MOST), checked_filter(filter)
        if effort is not None and not 0 < effort <= 1:
            raise ValueError(f"effort must be above 0 and at most 1, got {effort!r}")
        shape = (len(asked), min(count, max(1, len(state))))
        found = Found(np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32))
        if len(asked) and len(state):
            allowed = [rows_in.allowed_in(part, only) for part in state.parts]
            self._fill(state, frozen(asked), allowed, effort, found)
        return _wide(found, count)

    def spec(self) -> dict[str, Any]:
        """Width and metric."""
        return {"dim": self.dim, "metric": self.metric}

    def arrays(self) -> Arrays:
        """All rows in one part, and what was learned from them."""
        state = self._settled()
        if not state.parts:
            return {}
        part = state.parts[0]
        return {"ids": part.ids, **part.arrays, **self._model_arrays(state.model)}

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Arrays) -> Self:
        """The index of these arrays."""
        index = cls(**spec)
        if arrays:
            taken(arrays, "ids", np.int64, (None,))
            index._state = cls._restored_state(index, arrays)
        return index

    @property
    def nbytes(self) -> int:
        """Bytes of all parts and of what was learned; those in a file opened count too."""
        parts, model = self._state.parts, self._state.model
        learned = self._model_arrays(model).values() if parts else ()
        return sum(thing.nbytes for thing in (*parts, *learned))

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={v!r}" for k, v in self.spec().items() if k != "dim")
        return f"{type(self).__name__}({self.dim}, {given})"

    def _absorb(self, other: Self) -> None:
        new = [(self._rows_of(p), p.ids[p.stays]) for p in other._state.parts]
        with self._lock:
            for rows, keys in new:
                self._new_ids(self._state, len(keys), keys)
                if rows.dtype.kind == "f":  # a file may hold what no `add` took
                    checked_vectors("vectors", rows, self.dim, self.metric, self)
            for rows, keys in new:
                self._take(rows, keys)

    def _take(self, rows: NDArray[np.float32], keys: NDArray[np.int64]) -> None:
        if len(rows):
            model = self._learned(self._state, rows)
            self._state = self._with(self._state, model, self._made(model, rows, keys))

    def _settled(self) -> State:
        """The state with all rows in one part, none of them gone."""
        with self._lock:
            state = self._state
            if len(state.parts) > 1 or any(part.lost for part in state.parts):
                whole_part = self._joined(state.model, state.parts)
                state = self._state = State(state.model, (whole_part,))
        return state

    def _with(self, state: State, model: Any, part: Part) -> State:
        """The state with one part more; small ones are joined, or all where the model changed."""
        if model is not state.model and state.parts:
            return State(model, (self._joined(model, (self._anew(model, state.parts), part)),))
        parts, last = (*state.parts, part), len(state.parts)
        while last > 0 and len(parts[last - 1]) < JOIN * sum(map(len, parts[last:])):
            last -= 1
        if last < len(parts) - 1:
            parts = (*parts[:last], self._joined(model, parts[last:]))
        return State(model, parts)

    def _new_ids(self, state: State, count: int, ids: ArrayLike | None) -> NDArray[np.int64]:
        top = max((part.top for part in state.parts), default=-1)
        if ids is None:
            return np.arange(top + 1, top + 1 + count)
        keys = rows_in.id_numbers("ids", ids)
        if keys.size != count:
            raise IncompatibleError(f"{keys.size} ids do not fit {count} vectors")
        once(keys)
        known = rows_in.known_in(state.parts, keys) if keys.min(initial=top + 1) <= top else None
        if known is not None and known.any():
            raise ValueError(f"ids must be new, got {keys[known][0]}")
        return keys


def _wide(found: Found, k: int) -> Found:
    """Columns of nothing up to k."""
    extra = ((0, 0), (0, k - found.ids.shape[1]))
    ids = np.pad(found.ids, extra, constant_values=-1)
    return Found(ids, np.pad(found.scores, extra, constant_values=-np.inf))
