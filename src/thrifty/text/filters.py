"""Filters: a condition on columns such as 'year > 2020 and lang == "en"', read without eval.

or       := and {"or" and}
and      := not {"and" not}
not      := "not" not | "(" or ")" | test
test     := name op value | name "in" "[" value {"," value} "]" | name "is" ["not"] "null"
op       := == = != < <= > >=
value    := number | "text" | 'text' | true | false
name     := a word, or `any text` in backticks
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thrifty.core import DataError

__all__ = ["columns_of", "mask_of"]

TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<quoted>`[^`]+`)|(?P<word>[^\W\d]\w*)"
    r"|(?P<mark>==|!=|<=|>=|=|<|>|\(|\)|\[|\]|,))"
)
TESTS = {
    "==": pc.equal, "=": pc.equal, "!=": pc.not_equal, "<": pc.less, "<=": pc.less_equal,
    ">": pc.greater, ">=": pc.greater_equal,
}  # fmt: skip
KEYWORDS = ("and", "or", "not", "in", "is", "null", "true", "false")
DEEPEST = 100
LONGEST = 100_000
Node = tuple[Any, ...]


def columns_of(text: str) -> list[str]:
    """The columns a condition names.

    Raises:
        DataError: it cannot be read.

    Example:
        >>> columns_of('year > 2020 and (lang == "en" or lang is null)')
        ['year', 'lang']
    """
    return list(dict.fromkeys(_names(_parsed(text))))


def mask_of(text: str, read: Callable[[Sequence[str]], pa.Table]) -> NDArray[np.bool_]:
    """Which rows a condition holds for; a comparison with null does not hold.

    Args:
        text: the condition.
        read: gives a table of the columns of these names.

    Raises:
        DataError: it cannot be read, or compares a column with a value of another kind.

    Example:
        >>> table = pa.table({"year": [2019, 2021, None], "lang": ["en", "de", "en"]})
        >>> mask_of('year > 2020 or lang == "en"', table.select).tolist()
        [True, True, True]
    """
    table = read(columns_of(text))
    held = _held(_parsed(text), table)
    return pc.fill_null(held, False).to_numpy().astype(bool)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Node:
    reader = _Reader(text)
    node = reader.disjunction(0)
    if reader.kind != "end":
        raise reader.wrong("'and', 'or' or the end")
    return node


def _names(node: Node) -> list[str]:
    if node[0] in ("and", "or"):
        return [name for part in node[1] for name in _names(part)]
    return _names(node[1]) if node[0] == "not" else [node[1]]


def _held(node: Node, table: pa.Table) -> Any:
    kind = node[0]
    if kind in ("and", "or"):
        join = pc.and_kleene if kind == "and" else pc.or_kleene
        held = _held(node[1][0], table)
        for part in node[1][1:]:
            held = join(held, _held(part, table))
        return held
    if kind == "not":
        return pc.invert(_held(node[1], table))
    column = table[node[1]]
    if kind == "null":
        return pc.is_valid(column) if node[2] else pc.is_null(column)
    return _compared(node, column)


def _compared(node: Node, column: pa.ChunkedArray) -> Any:
    kind, name, value = node
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        if kind == "in":
            values = [_like(entry, column.type) for entry in value]
            return pc.is_in(column, value_set=pa.array([v.as_py() for v in values], column.type))
        return TESTS[kind](column, _like(value, column.type))
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise DataError(
            f"filter must compare column {name!r}, which is {column.type}, with a value of its "
            f"kind, got {value!r}"
        ) from error


def _like(value: Any, kind: pa.DataType) -> pa.Scalar:
    """The value as the column holds them: texts become dates, whole numbers stay exact."""
    plain = pa.scalar(value)
    text = pa.types.is_string(plain.type)
    if text != (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and not (
        text and pa.types.is_temporal(kind)
    ):
        raise TypeError
    if pa.types.is_boolean(plain.type) != pa.types.is_boolean(kind):
        raise TypeError
    if pa.types.is_integer(kind) and isinstance(value, float):
        return plain
    return plain.cast(kind)


class _Reader:
    """A condition, token by token."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise DataError(f"filter must be at most {LONGEST} characters, got {len(text)}")
        self.text, self.place = text, 0
        self.kind, self.value, self.start = "", "", 0
        self.step()

    def step(self) -> str:
        """Go to the next token; what the last one was."""
        before = self.value
        match = TOKEN.match(self.text, self.place)
        rest = self.text[self.place :]
        self.start = self.place + len(rest) - len(rest.lstrip())
        if match:
            self.kind, self.place = str(match.lastgroup), match.end()
            self.value = match[self.kind]
            if self.kind == "word" and self.value.lower() in KEYWORDS:
                self.kind, self.value = "key", self.value.lower()
        elif rest.strip():
            self.kind = "bad"
            raise self.wrong("a name, a value or a comparison")
        else:
            self.kind, self.value = "end", ""
        return before

    def wrong(self, wanted: str) -> DataError:
        """What should stand here."""
        found = repr(self.text[self.start : self.start + 20]) if self.kind != "end" else "the end"
        return DataError(f"filter must have {wanted} at character {self.start + 1}, got {found}")

    def is_key(self, word: str) -> bool:
        """Whether this keyword or mark is next; then it is passed."""
        if self.kind in ("key", "mark") and self.value == word:
            self.step()
            return True
        return False

    def disjunction(self, depth: int) -> Node:
        """Parts joined by or."""
        if depth > DEEPEST:
            raise DataError(f"filter must be nested at most {DEEPEST} deep")
        parts = [self.conjunction(depth)]
        while self.is_key("or"):
            parts.append(self.conjunction(depth))
        return parts[0] if len(parts) == 1 else ("or", tuple(parts))

    def conjunction(self, depth: int) -> Node:
        """Parts joined by and."""
        parts = [self.negation(depth)]
        while self.is_key("and"):
            parts.append(self.negation(depth))
        return parts[0] if len(parts) == 1 else ("and", tuple(parts))

    def negation(self, depth: int) -> Node:
        """A part, perhaps after not, perhaps in brackets."""
        if depth > DEEPEST:
            raise DataError(f"filter must be nested at most {DEEPEST} deep")
        if self.is_key("not"):
            return ("not", self.negation(depth + 1))
        if self.is_key("("):
            node = self.disjunction(depth + 1)
            if not self.is_key(")"):
                raise self.wrong("')'")
            return node
        return self.test()

    def test(self) -> Node:
        """One column and what it is compared with."""
        if self.kind not in ("word", "quoted"):
            raise self.wrong("a column")
        name = self.step().strip("`")
        if self.is_key("is"):
            valid = self.is_key("not")
            if not self.is_key("null"):
                raise self.wrong("null")
            return ("null", name, valid)
        if self.is_key("in"):
            return ("in", name, self.values())
        if self.kind != "mark" or self.value not in TESTS:
            raise self.wrong("a comparison")
        return (self.step(), name, self.one())

    def values(self) -> tuple[Any, ...]:
        """Values in brackets."""
        close = "]" if self.is_key("[") else ")" if self.is_key("(") else ""
        if not close:
            raise self.wrong("'['")
        made = [self.one()]
        while self.is_key(","):
            made.append(self.one())
        if not self.is_key(close):
            raise self.wrong(f"{close!r}")
        return tuple(made)

    def one(self) -> Any:
        """A number, a text, true or false."""
        kind = self.kind
        if kind == "number":
            text = self.step()
            return float(text) if any(mark in text for mark in ".eE") else int(text)
        if kind == "text":
            text = self.step()
            return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
        if kind == "key" and self.value in ("true", "false"):
            return bool(json.loads(self.step()))
        raise self.wrong("a value")
