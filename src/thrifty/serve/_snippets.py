"""Snippets: texts with marked words as pieces, so that nobody has to read markup out of a text."""

from collections.abc import Mapping
from typing import Any

__all__ = ["pieces"]


def pieces(snippet: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A snippet as a list of texts, each with whether it is marked.

    Args:
        snippet: text, spans, before and after; see `thrifty.text.snippets.Snippet`.

    Example:
        >>> pieces({"text": "a wing", "spans": [[2, 6]], "before": False, "after": False})
        [{'text': 'a ', 'mark': False}, {'text': 'wing', 'mark': True}]
    """
    text, place, found = snippet["text"], 0, [("... " if snippet["before"] else "", False)]
    for start, end in snippet["spans"]:
        found += [(text[place:start], False), (text[start:end], True)]
        place = end
    found += [(text[place:], False), (" ..." if snippet["after"] else "", False)]
    return [{"text": text, "mark": mark} for text, mark in found if text]
