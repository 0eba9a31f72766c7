"""Bags: a list or a text as many features of one row: codes, values, and words for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thrifty.hashing import TextFeatures, code_of, hash_column, mix64
from thrifty.models._sparse import FLAT, LIST, SPARSE, TEXT, merge
from thrifty.models.cells import column_seed

__all__ = ["Basket", "Items", "Sparse", "Texts"]

MOST_ITEMS = 4096
SHORT = 4.0
NAMED = 0.3
PAIRS_SHARE = 0.7
FALL, LEAST_TEXT = 1 / 6, 0.01
ABSENT = 0.1
Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]


@dataclass(frozen=True)
class Items:
    """A list: one feature an item, later items heavier, and the last item once more.

    Example:
        >>> ends, codes, values = Items("seen", decay=3.0).rows(
        ...     pa.RecordBatch.from_pydict({"seen": [["a", "b"]]}))
        >>> len(codes), values.round(3).tolist()
        (3, [1.0, 0.5, 1.0])
    """

    name: str
    decay: float = 0.25

    @property
    def kind(self) -> int:
        """How `weigh` treats the values."""
        return LIST

    def rows(self, batch: pa.RecordBatch) -> Rows:
        """indptr, codes and values of a list<string> column; a null is an empty list."""
        offsets, codes = self._codes(batch[self.name])
        ends = np.zeros(len(offsets), np.int64)
        kept, values = np.empty(len(codes), np.int32), np.empty(len(codes), np.float32)
        merge(offsets, codes, self.decay, MOST_ITEMS, ends, kept, values)
        return self._with_last(offsets, codes, ends, kept, values)

    def names(self, row: Mapping[str, Any]) -> list[tuple[int, str]]:
        """The code and the words of every feature of one row."""
        items = [item for item in row[self.name] or [] if item is not None]
        if not items:
            return []
        codes = self._codes(pa.array([items]))[1]
        named = [(int(c), f"{self.name} has {i}") for c, i in zip(codes, items, strict=True)]
        last = int(_last_code(codes[-1:], self.name)[0])
        return list(dict.fromkeys([*named, (last, f"{self.name} ends with {items[-1]}")]))

    def _codes(self, array: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy()
        items = array.flatten()
        return _ends(lengths), code_of(hash_column(items, column_seed(self.name)))

    def _with_last(
        self,
        offsets: NDArray[np.int32],
        codes: NDArray[np.int32],
        ends: NDArray[np.int64],
        kept: NDArray[np.int32],
        values: NDArray[np.float32],
    ) -> Rows:
        full = np.flatnonzero(np.diff(offsets))
        last = _last_code(codes[offsets[full + 1] - 1], self.name)
        at = ends[full + 1]
        kept, values = kept[: ends[-1]], values[: ends[-1]]
        more = np.cumsum(np.append(0, np.diff(offsets) > 0))
        return ends + more, np.insert(kept, at, last), np.insert(values, at, np.float32(1))


@dataclass(frozen=True)
class Basket:
    """A list that is to be completed: one feature an item, all of the same weight.

    Example:
        >>> ends, codes, values = Basket("seen").rows(
        ...     pa.RecordBatch.from_pydict({"seen": [["a", "b", "a"]]}))
        >>> len(codes), values.tolist()
        (2, [1.0, 1.0])
    """

    name: str

    @property
    def kind(self) -> int:
        """How `weigh` treats the values."""
        return SPARSE

    def codes(self, items: pa.Array) -> NDArray[np.int32]:
        """The code of each item, strings without nulls."""
        return code_of(hash_column(items, column_seed(self.name)))

    def rows(self, batch: pa.RecordBatch) -> Rows:
        """indptr, codes and values of a list<string> column; a null is an empty list."""
        array = batch[self.name]
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy()
        codes, ends = self.codes(array.flatten()), np.zeros(len(array) + 1, np.int64)
        kept, values = np.empty(len(codes), np.int32), np.empty(len(codes), np.float32)
        used = merge(_ends(lengths), codes, 0.0, 2**30, ends, kept, values)
        return ends, kept[:used], np.ones(used, np.float32)

    def names(self, row: Mapping[str, Any]) -> list[tuple[int, str]]:
        """The code and the words of every feature of one row."""
        items = [item for item in row[self.name] or [] if item is not None]
        codes = self.codes(pa.array(items, pa.string())).tolist()
        return [(c, f"{self.name} has {i}") for c, i in zip(codes, items, strict=True)]


@dataclass(frozen=True)
class Texts:
    """A text column: words and pairs of words, or characters.

    Args:
        name: the column.
        words: shortest and longest n-gram of words, or None.
        chars: shortest and longest n-gram of characters, or None.
        identifiers: also count the parts of names such as readLine.
        share: how much the block weighs beside other texts; the texts of a row have length 1.

    Example:
        >>> ends, codes, counts = Texts("say", words=(1, 1)).rows(
        ...     pa.RecordBatch.from_pydict({"say": ["to be or not to be"]}))
        >>> len(codes), sorted(counts.tolist())
        (4, [1.0, 1.0, 2.0, 2.0])
    """

    name: str
    words: tuple[int, int] | None = (1, 2)
    chars: tuple[int, int] | None = None
    identifiers: bool = False
    share: float = 1.0

    @classmethod
    def fit(cls, names: tuple[str, ...], sample: pa.RecordBatch) -> "list[Texts]":
        """Words and pairs of each text, characters of each short one, names in their parts.

        A short text beside a long one says more by each of its words, but less in all: its share
        is the ratio of their mean lengths to the power of `FALL`.
        """
        named = max(_share_of_names(sample[name]) for name in names) > NAMED
        sizes = {name: _mean_words(sample[name]) for name in names}
        longest = max(1.0, *sizes.values())
        bags = []
        for name, size in sizes.items():
            share = max(LEAST_TEXT, size / longest) ** FALL
            pairs = share * PAIRS_SHARE
            bags.append(cls(name, words=(1, 1), identifiers=named, share=share))
            bags.append(cls(name, words=(2, 2), identifiers=named, share=pairs))
            if size < SHORT:
                bags.append(cls(name, words=None, chars=(3, 6), share=share))
        return bags

    @property
    def kind(self) -> int:
        """How `weigh` treats the values."""
        return TEXT

    def family(self) -> TextFeatures:
        """The n-grams; a word has the same code in every column, characters have not."""
        seed = 0 if self.words else column_seed(self.name)
        how = {"words": self.words, "chars": self.chars, "identifiers": self.identifiers}
        return TextFeatures(**how, seed=seed)

    def rows(self, batch: pa.RecordBatch) -> Rows:
        """indptr, codes and counts of the column of a batch."""
        return self.family()(batch[self.name])

    def names(self, row: Mapping[str, Any]) -> list[tuple[int, str]]:
        """The code and the words of every feature of one row."""
        grams = self.family().names(row[self.name] or "")
        return [(code, f"{self.name}: {gram}") for code, gram in grams]


@dataclass(frozen=True)
class Sparse:
    """The indices and values of svmlight rows: the index is the code, the value is kept.

    Args:
        unit: bring each row to length 1 (bags of words and the like).
        scale: else, what every value is multiplied by.

    Example:
        >>> row = pa.RecordBatch.from_pydict({"indices": [[3, 5]], "values": [[2.0, 4.0]]})
        >>> Sparse(unit=False, scale=0.5).rows(row)[2].tolist()
        [1.0, 2.0]
    """

    unit: bool = True
    scale: float = 1.0

    @classmethod
    def fit(cls, sample: pa.RecordBatch) -> "Sparse":
        """Unit rows where a sample looks like bags: no negative values, most entries absent."""
        indices, values = (sample[name].flatten().to_numpy() for name in ("indices", "values"))
        width, rows = int(indices.max(initial=0)) + 1, max(1, len(sample))
        unit = bool(values.min(initial=0) >= 0) and len(values) / rows < ABSENT * width
        square = float(np.mean(values.astype(np.float64) ** 2)) if len(values) else 1.0
        return cls(unit, float(np.sqrt(rows / max(1, len(values)) / (square or 1.0))))

    @property
    def kind(self) -> int:
        """How `weigh` treats the values."""
        return SPARSE if self.unit else FLAT

    def rows(self, batch: pa.RecordBatch) -> Rows:
        """indptr, codes and values."""
        indices, values = batch["indices"], batch["values"].flatten().to_numpy()
        ends = indices.offsets.to_numpy().astype(np.int64)
        values = values if self.unit else values * np.float32(self.scale)
        return ends - ends[0], indices.flatten().to_numpy(), values

    def names(self, row: Mapping[str, Any]) -> list[tuple[int, str]]:
        """The code and the words of every feature of one row."""
        return [(index, f"feature {index}") for index in row["indices"]]


def _last_code(codes: NDArray[np.int32], name: str) -> NDArray[np.int32]:
    return code_of(mix64(codes, column_seed(name, "last")))


def _ends(lengths: NDArray[np.int64]) -> NDArray[np.int32]:
    ends = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=ends[1:])
    return ends


def _mean_words(array: pa.Array) -> float:
    words = pc.mean(pc.add(pc.count_substring_regex(array, r"\S+"), 0)).as_py()
    return SHORT if words is None else float(words)


def _share_of_names(array: pa.Array) -> float:
    share = pc.mean(pc.match_substring_regex(array, r"[a-z][A-Z]|[A-Za-z]_[A-Za-z]")).as_py()
    return 0.0 if share is None else float(share)
