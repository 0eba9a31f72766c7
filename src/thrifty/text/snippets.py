"""Snippets: the part of a text that shows a query best, with the words that matched."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from thrifty.core import whole
from thrifty.text._matches import matcher
from thrifty.text.analyzer import Analyzer

__all__ = ["Snippet", "snippet", "snippets"]

FURTHEST = 1_000_000  # characters of a text that are looked at
LARGEST = 1 << 40


@dataclass(frozen=True)
class Snippet:
    """A part of a text.

    Args:
        text: as it is written there.
        spans: first character and end, in text, of each word that matched.
        before: whether something was left out before it.
        after: whether something was left out behind it.
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    before: bool = False
    after: bool = False

    def marked(self, start: str = "**", end: str = "**") -> str:
        """The text with marks around the words that matched."""
        return self._joined(start, end, str)

    def html(self) -> str:
        """As `marked`, escaped, with the mark element of HTML."""
        return self._joined("<mark>", "</mark>", html.escape)

    def _joined(self, start: str, end: str, shown: type | object) -> str:
        made, place = ["... " if self.before else ""], 0
        for a, b in self.spans:
            made += [shown(self.text[place:a]), start, shown(self.text[a:b]), end]  # type: ignore[operator]
            place = b
        made += [shown(self.text[place:]), " ..." if self.after else ""]  # type: ignore[operator]
        return "".join(made)

    def __str__(self) -> str:
        return self.marked()


def snippet(
    text: str,
    query: str,
    analyzer: Analyzer,
    *,
    length: int = 240,
    beginnings: Sequence[str] = (),
) -> Snippet:
    """The part of a text that holds most different words of a query, then most of its words.

    Args:
        text: of a document; its first million characters are looked at.
        query: words.
        analyzer: that both are cut with.
        length: characters, 20 or more; words are not cut.
        beginnings: of words that match as well.

    Raises:
        ValueError: length below 20.

    Example:
        >>> found = snippet("Some words. Then two pulsed lasers.", "laser", Analyzer(), length=24)
        >>> str(found), found.html()
        ('... two pulsed **lasers**.', '... two pulsed <mark>lasers</mark>.')
    """
    return snippets([text], query, analyzer, length=length, beginnings=beginnings)[0]


def snippets(
    texts: Sequence[str],
    query: str,
    analyzer: Analyzer,
    *,
    length: int = 240,
    beginnings: Sequence[str] = (),
) -> list[Snippet]:
    """The `snippet` of each of some texts, sooner than one by one.

    Raises:
        ValueError: length below 20.
    """
    whole("length", length, 20, LARGEST)
    cut = [text[:FURTHEST] for text in texts]
    starts = tuple(word for start in beginnings for word in analyzer.words(start)[-1:])
    found = matcher(analyzer).find(cut, query, starts)
    return [_shown(text, own, length) for text, own in zip(cut, found, strict=True)]


def _shown(text: str, found: Sequence[tuple[int, int, str]], length: int) -> Snippet:
    """The best stretch of a text with these matches."""
    first, last = _best(found, length) if found else (0, 0)
    begin, end = _around(text, first, last, length)
    spans: list[tuple[int, int]] = []
    for a, b, _ in found:
        if spans and a - begin < spans[-1][1] and b <= end:  # pairs of characters overlap
            spans[-1] = spans[-1][0], b - begin
        elif a >= begin and b <= end:
            spans.append((a - begin, b - begin))
    return Snippet(text[begin:end], tuple(spans), begin > 0, end < len(text))


def _best(found: Sequence[tuple[int, int, str]], length: int) -> tuple[int, int]:
    """First character and end of the matches of the best stretch."""
    counts: dict[str, int] = {}
    best, chosen, left = (0, 0), (0, 0), 0
    for place, (start, end, term) in enumerate(found):
        counts[term] = counts.get(term, 0) + 1
        begin, _, gone = found[left]
        while end - begin > length and begin < start:
            counts[gone] -= 1
            if not counts[gone]:
                del counts[gone]
            left += 1
            begin, _, gone = found[left]
        value = (len(counts), place - left)
        if value > best or not place:
            best, chosen = value, (begin, end)
    return chosen


def _around(text: str, first: int, last: int, length: int) -> tuple[int, int]:
    """A stretch of about this length around the matches, whose ends cut no word."""
    spare = max(0, length - (last - first))
    begin = max(0, first - spare // 2)
    end = min(len(text), max(last, begin + length))
    begin = max(0, min(begin, end - length))
    if begin > 0:
        space = text.find(" ", begin, first)
        begin = space + 1 if space >= 0 else begin
    if end < len(text):
        space = text.rfind(" ", last, end)
        end = space if space > begin else end
    return begin, end
