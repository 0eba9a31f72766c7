"""Code index: what every index of bit codes keeps to, beside what those of vectors do."""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import IncompatibleError, taken, whole
from thrifty.core.summary import Arrays
from thrifty.index import _parts as rows_in
from thrifty.index._checked import checked_filter
from thrifty.index._code_bits import BLOCK, blocks_of, words_of
from thrifty.index._parts import Filter, Part, State
from thrifty.index._scoring import frozen
from thrifty.index.vectors import VectorIndex

__all__ = ["CodeIndex", "Near"]

LONGEST, MOST = 65536, 2**31 - 1
SOME = 64  # asked at first where how many there are is not known
Words = NDArray[np.uint64]


class Near(NamedTuple):
    """What a search of codes answers.

    Args:
        ids: (m, k) int64, nearest first, -1 where there are fewer.
        distances: (m, k) int32, bits that differ, rising; bits + 1 where there are fewer.
    """

    ids: NDArray[np.int64]
    distances: NDArray[np.int32]


class CodeIndex(VectorIndex):
    """Base of every index of bit codes.

    A kind of index gives its `KIND`; `_tables`, what a part holds beside its blocks; and `_look`.
    Codes are rows of bytes, as `np.packbits` makes them. Of equally near rows the lowest id wins.

    Args:
        bits: of a code, 1..65536.

    Raises:
        ValueError: bits outside the range.
    """

    def __init__(self, bits: int) -> None:
        self.bits = whole("bits", bits, 1, LONGEST)
        super().__init__(self.bits)
        self.metric, self._words = "hamming", -(-self.bits // 64)

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={v!r}" for k, v in self.spec().items() if k != "bits")
        return f"{type(self).__name__}({self.bits}{', ' if given else ''}{given})"

    def spec(self) -> dict[str, Any]:
        """The number of bits."""
        return {"bits": self.bits}

    def search(  # type: ignore[override]  # distances, not scores
        self, queries: ArrayLike, k: int = 10, *, filter: ArrayLike | None = None
    ) -> Near:
        """The nearest rows of each query.

        Args:
            queries: (m, ceil(bits / 8)) uint8.
            k: rows wanted, at least 1.
            filter: what may be answered: bool by id (none beyond its end), or allowed ids.

        Raises:
            IncompatibleError: queries of another width.
            TypeError: k or the filter of another kind.
            ValueError: values that are not bytes, or k below 1.
        """
        state, asked = self._state, self._checked("queries", queries)
        count, only = whole("k", k, 1, MOST), checked_filter(filter)
        found = self._nearest(state, asked, min(count, max(1, len(state))), only, self.bits)
        extra = ((0, 0), (0, count - found.ids.shape[1]))
        ids = np.pad(found.ids, extra, constant_values=-1)
        return Near(ids, np.pad(found.distances, extra, constant_values=self.bits + 1))

    def near(
        self, queries: ArrayLike, radius: int, *, filter: ArrayLike | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """All rows within a distance of each query.

        Args:
            queries: (m, ceil(bits / 8)) uint8.
            radius: bits that may differ, 0..bits.
            filter: as of `search`.

        Returns:
            offsets (m + 1,), ids and distances: query i has those from offsets[i] to
            offsets[i + 1], nearest first.

        Raises:
            IncompatibleError: queries of another width.
            ValueError: values that are not bytes, or a radius outside its range.
        """
        state, asked = self._state, self._checked("queries", queries)
        reach, only = whole("radius", radius, 0, self.bits), checked_filter(filter)
        found: list[Near] = [None] * len(asked)  # type: ignore[list-item]
        left, k = np.arange(len(asked)), min(SOME, max(1, len(state)))
        while left.size:
            some = self._nearest(state, asked[left], k, only, reach)
            for i, *row in zip(left, *some, strict=True):
                held = row[0] >= 0
                found[i] = Near(row[0][held], row[1][held])
            left = left[some.ids[:, -1] >= 0] if k < len(state) else left[:0]
            k = min(4 * k, len(state))
        sizes = [one.ids.size for one in found]
        ids = np.concatenate([np.zeros(0, np.int64), *(one.ids for one in found)])
        far = np.concatenate([np.zeros(0, np.int32), *(one.distances for one in found)])
        return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]), ids, far

    def _look(
        self,
        state: State,
        queries: Words,
        allowed: list[NDArray[np.bool_]],
        reach: int,
        distances: Words,
        ids: NDArray[np.int64],
    ) -> None:
        """Put the rows not farther than `reach` in distances and ids (m, k), nearest first."""
        raise NotImplementedError

    def _tables(self, blocks: Words, rows: int) -> Arrays:
        """What a part holds beside its blocks, by name."""
        return {}

    def _checked_tables(self, part: Part, arrays: Arrays) -> Arrays:
        """Those tables from arrays that may be lies."""
        return {}

    def _nearest(
        self, state: State, queries: Words, k: int, only: Filter | None, reach: int
    ) -> Near:
        distances = np.full((len(queries), k), reach + 1, np.uint64)
        ids = np.full(distances.shape, -1, np.int64)
        if len(queries) and len(state):
            allowed = [rows_in.allowed_in(part, only) for part in state.parts]
            self._look(state, frozen(queries), allowed, reach, distances, ids)
        return Near(ids, distances.astype(np.int32))

    def _made(self, model: Any, rows: NDArray[Any], ids: NDArray[np.int64]) -> Part:
        blocks = blocks_of(rows)
        return Part.of(ids.copy(), blocks=blocks, **self._tables(blocks, len(rows)))

    def _joined(self, model: Any, parts: tuple[Part, ...]) -> Part:
        rows = np.concatenate([self._rows_of(part) for part in parts])
        return self._made(model, rows, np.concatenate([part.ids[part.stays] for part in parts]))

    def _rows_of(self, part: Part) -> Words:  # type: ignore[override]
        return words_of(part["blocks"], part.ids.size)[part.stays]

    @classmethod
    def _restored_state(cls, index: Self, arrays: Arrays) -> State:
        count = arrays["ids"].size
        shape = (-(-count // BLOCK), index._words, BLOCK)
        part = Part.of(arrays["ids"], blocks=taken(arrays, "blocks", np.uint64, shape))
        tables = index._checked_tables(part, arrays)
        return State(None, (Part.of(part.ids, **part.arrays, **tables),))

    def _checked(self, name: str, given: ArrayLike) -> Words:  # type: ignore[override]
        """Codes as words, the rest of the last word 0."""
        name = "codes" if name == "vectors" else name
        codes, width = np.asarray(given), -(-self.bits // 8)
        if codes.size == 0 and codes.ndim < 2:
            codes = np.zeros((0, width), np.uint8)
        if codes.ndim != 2 or codes.shape[1] != width:
            raise IncompatibleError(f"{name} of shape {codes.shape} do not fit {self!r}")
        if codes.dtype != np.uint8:
            counts = codes.dtype.kind in "iu" and (codes.size == 0 or codes.min() >= 0)
            if not counts or codes.max(initial=0) > 255:
                raise ValueError(f"{name} must be bytes, got {codes.dtype}")
        padded = np.zeros((len(codes), 8 * self._words), np.uint8)
        padded[:, :width] = codes
        if len(codes) and (padded[:, width - 1] & (0xFF >> (self.bits - 1) % 8 + 1)).any():
            raise ValueError(f"{name} must be 0 beyond bit {self.bits}, got other bits")
        return padded.view("<u8").astype(np.uint64, copy=False)
