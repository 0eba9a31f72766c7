"""Pairs: Chinese and Japanese, written without spaces, as overlapping pairs of characters."""

import re
from itertools import pairwise
from typing import Any

import pyarrow as pa

from thrifty.hashing._texts import text_blocks

__all__ = ["PIECE", "RUN", "cut_word", "paired", "paired_text"]

# kana and their marks, ideographs and their marks, and the planes of further ideographs
RUN = re.compile(
    "[\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]+"
)
# what stands between spaces and marks that have another form when they are made alike
PIECE = re.compile("[^\\s\u2026\u3000-\u3004\u3008-\u303f\uff01-\uff0f\uff1a-\uff20]+")
FIRST = 0xE3  # no character below 0x3000 has such a byte


def paired_text(text: str) -> str:
    """A text whose runs are pairs with spaces between; a character alone stays.

    Example:
        >>> paired_text("the \u65e5\u672c\u8a9e text") == "the  \u65e5\u672c \u672c\u8a9e  text"
        True
    """
    return RUN.sub(_spaced, text)


def _spaced(run: re.Match[str]) -> str:
    return f" {' '.join(map(''.join, pairwise(run[0]))) or run[0]} "


def paired(array: pa.Array) -> pa.Array:
    """Texts as `paired_text` makes them; the same array where nothing is to be done."""
    blocks = text_blocks(array)
    if not any((data[ends[0] : ends[-1]] >= FIRST).any() for data, ends in blocks):
        return array
    texts: list[Any] = array.to_pylist()
    return pa.array([text and paired_text(text) for text in texts], pa.large_string())


def cut_word(first: int, word: str) -> list[tuple[int, int, str]]:
    """First character, end and spelling of the parts of a word that begins at this character."""
    made, place = [], 0
    for run in RUN.finditer(word):
        if run.start() > place:
            made.append((first + place, first + run.start(), word[place : run.start()]))
        place = run.end()
        starts = range(run.start(), max(place - 1, run.start() + 1))
        made += [
            (first + i, first + min(i + 2, place), word[i : min(i + 2, place)]) for i in starts
        ]
    if place < len(word):
        made.append((first + place, first + len(word), word[place:]))
    return made
