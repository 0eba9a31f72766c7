"""TextQuery: what a query says beside its words: phrases, beginnings of words, and fields."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Demand", "TextQuery", "parse"]

PART = re.compile(r'(?:(\w+):)?(?:"([^"]*)"|([^\s"]+))')
BEGINNING = re.compile(r"(.*\w)\*", re.DOTALL)


@dataclass(frozen=True)
class Demand:
    """What a document must hold to be found.

    Args:
        text: words that must follow each other; or the beginning of one word.
        field: where, None for anywhere.
        beginning: text is the beginning of a word.
    """

    text: str
    field: str | None = None
    beginning: bool = False


@dataclass(frozen=True)
class TextQuery:
    """A query in parts.

    Args:
        text: all words that are scored, those of phrases and fields among them.
        demands: what a document must hold.
        beginnings: that count as words.
    """

    text: str
    demands: tuple[Demand, ...] = ()
    beginnings: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether there are words alone."""
        return not self.demands and not self.beginnings


def parse(query: str, fields: Sequence[str]) -> TextQuery:
    """Read a query: words, "a phrase", begin*, field:word, field:"a phrase".

    Phrases and words with a field must be in a document; other words and beginnings add to its
    score. What does not fit these forms is read as words.

    Args:
        query: any text.
        fields: names that may stand before a colon; other words with a colon are words.

    Example:
        >>> parse('title:laser "heat flow" turb* 10:30', ["title"])
        TextQuery(text='laser heat flow 10:30', demands=(Demand(text='laser', field='title', \
beginning=False), Demand(text='heat flow', field=None, beginning=False)), beginnings=('turb',))
    """
    if not any(mark in query for mark in '":*'):
        return TextQuery(query)
    words: list[str] = []
    demands: list[Demand] = []
    beginnings: list[str] = []
    for match in PART.finditer(query):
        field, phrase, word = match.groups()
        if field is not None and field not in fields:
            words.append(f"{field}:" if phrase is not None else f"{field}:{word}")
            field, word = None, None
        begins = BEGINNING.fullmatch(word) if word else None
        if begins:
            beginnings.append(begins[1])
            demands += [Demand(begins[1], field, True)] if field else []
            continue
        text = phrase if phrase is not None else word
        if text and (phrase is not None or field):
            demands.append(Demand(text, field))
        words += [text] if text else []
    return TextQuery(" ".join(words), tuple(demands), tuple(beginnings))
