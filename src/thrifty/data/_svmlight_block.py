"""Svmlight block: some whole lines of text in, the arrays of their rows out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thrifty.data import _svmlight_kernel as kernel

__all__ = ["Block", "Traits", "parse_block"]

_SHOWN = 40
_EXAMPLES = 3
_SAYS = {
    kernel.LABEL: "label must be a number, got {token!r}",
    kernel.VALUE: "value must be a number, got {token!r}",
    kernel.QID: "qid must be an integer of 64 bits, got {token!r}",
    kernel.NO_COLON: "feature must be written index:value, got {token!r}",
    kernel.INDEX: "index must be an integer, got {token!r}",
    kernel.RANGE: f"index must be in {{first}}..{kernel.LARGEST}, got {{token}}",
    kernel.ORDER: "index must be above {before}, the one before it, got {got}",
}


@dataclass(frozen=True, kw_only=True)
class Traits:
    """How a file is written.

    Args:
        first: the least index, 0 or 1.
        multilabel: whether a row has labels joined by commas (or none).
        query_id: whether the numbers after `qid:` are wanted.
        strict: stop at the first bad row instead of leaving it out.
    """

    first: int = 0
    multilabel: bool = False
    query_id: bool = False
    strict: bool = True


@dataclass
class Block:
    """The rows of some lines.

    Args:
        labels: float64, one a row, or all of them where a row may have several.
        label_ends, row_ends: (rows + 1,) int32, where the labels and numbers of each row end.
        queries, has_query: (rows,) int64 and bool; empty if not wanted.
        indices, values: int32 as written, and float64.
        nbytes, lines: how many bytes and lines the text had.
        bad: the first rows that were left out: line in the block (from 0) and what is wrong.
        num_bad: how many rows were left out.
    """

    labels: NDArray[np.float64]
    label_ends: NDArray[np.int32]
    queries: NDArray[np.int64]
    has_query: NDArray[np.bool_]
    row_ends: NDArray[np.int32]
    indices: NDArray[np.int32]
    values: NDArray[np.float64]
    nbytes: int
    lines: int
    bad: list[tuple[int, str]]
    num_bad: int

    def drop(self, rows: list[int], multilabel: bool) -> None:
        """Take some rows out."""
        keep = np.ones(len(self.row_ends) - 1, dtype=np.bool_)
        keep[rows] = False
        lengths = np.diff(self.row_ends)
        numbers = np.repeat(keep, lengths)
        self.indices, self.values = self.indices[numbers], self.values[numbers]
        self.row_ends = _ends(lengths[keep])
        counts = np.diff(self.label_ends) if multilabel else np.ones(len(keep), dtype=np.int32)
        self.labels = self.labels[np.repeat(keep, counts)]
        if multilabel:
            self.label_ends = _ends(counts[keep])
        if len(self.queries):
            self.queries, self.has_query = self.queries[keep], self.has_query[keep]


def parse_block(text: NDArray[np.uint8], size: int, traits: Traits) -> Block:
    """Parse whole lines.

    Args:
        text: (>= size + PAD,) uint8; text[size - 1] is a newline.
        size: how many bytes are lines.
        traits: how they are written.
    """
    out = _room(size, traits)
    state, bad = np.zeros(10, dtype=np.int64), np.zeros((_EXAMPLES, 5), dtype=np.int64)
    unsure = np.zeros((256, 6), dtype=np.int64)
    fixed = (traits.first, traits.strict, traits.multilabel, traits.query_id)
    while kernel.parse_rows(text, size, *fixed, *out, unsure, bad, state) == kernel.FULL:
        unsure = np.concatenate([unsure, np.zeros_like(unsure)])
    block = _block(out, state, traits)
    unread = _settle(text, unsure[: state[kernel.UNSURE]], block)
    wrong = bad[: min(state[kernel.BAD], _EXAMPLES)].tolist()
    block.num_bad = int(state[kernel.BAD]) + len(unread)
    wrong += [[line, kind, start, 0, 0] for line, kind, start in unread.values()]
    block.bad = [(w[0], _what(text, w, traits)) for w in sorted(wrong)[:_EXAMPLES]]
    if unread:
        block.drop(list(unread), traits.multilabel)
    return block


def _room(size: int, traits: Traits) -> tuple[NDArray, ...]:
    """Room for the worst case: labels, label_ends, queries, has_query, row_ends, indices, values.

    A row takes 2 bytes of text or more, a number 3, one of many labels 1. What is not used is
    never touched, so it takes addresses but no memory.
    """
    rows, numbers = size // 2, size // 3
    asked = rows if traits.query_id else 0
    out = (
        np.empty(size if traits.multilabel else rows),
        np.empty(rows + 1 if traits.multilabel else 1, dtype=np.int32),
        np.empty(asked, dtype=np.int64),
        np.empty(asked, dtype=np.bool_),
        np.empty(rows + 1, dtype=np.int32),
        np.empty(numbers, dtype=np.int32),
        np.empty(numbers),
    )
    out[1][0] = out[4][0] = 0
    return out


def _block(out: tuple[NDArray, ...], state: NDArray[np.int64], traits: Traits) -> Block:
    rows, numbers = state[kernel.ROWS], state[kernel.NUMBERS]
    labels, label_ends, queries, has_query, row_ends, indices, values = out
    return Block(
        labels=labels[: state[kernel.LABELS]],
        label_ends=label_ends[: rows + 1],
        queries=queries[:rows],
        has_query=has_query[:rows],
        row_ends=row_ends[: rows + 1],
        indices=indices[:numbers],
        values=values[:numbers],
        nbytes=int(state[kernel.POSITION]),
        lines=int(state[kernel.LINE]),
        bad=[],
        num_bad=0,
    )


def _settle(
    text: NDArray[np.uint8], unsure: NDArray[np.int64], block: Block
) -> dict[int, tuple[int, int, int]]:
    """Let Python read the unsure tokens; line, kind and start of those it cannot, by row."""
    places = {kernel.LABEL: block.labels, kernel.VALUE: block.values, kernel.QID: block.queries}
    unread: dict[int, tuple[int, int, int]] = {}
    for kind, place, start, end, row, line in unsure.tolist():
        token = text[start:end].tobytes()
        try:
            places[kind][place] = np.int64(int(token)) if kind == kernel.QID else float(token)
        except (ValueError, OverflowError):
            unread.setdefault(row, (line, kind, start))
    return unread


def _what(text: NDArray[np.uint8], wrong: list[int], traits: Traits) -> str:
    """What is wrong with a token, in words."""
    _, code, start, got, before = wrong
    end = kernel.token_end(text, start, code == kernel.LABEL and traits.multilabel)
    token = text[start : min(end, start + _SHOWN)].tobytes().decode(errors="backslashreplace")
    if code in (kernel.INDEX, kernel.RANGE):
        token = token.partition(":")[0]
    token += "..." if end - start > _SHOWN else ""
    return _SAYS[code].format(token=token, got=got, before=before, first=traits.first)


def _ends(lengths: NDArray) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
