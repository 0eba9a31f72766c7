"""Report parts: what pages of every kind are made of: the document, sections, tables."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from thrifty.models.report_markup import Markup, element, joined
from thrifty.models.report_style import STYLE

__all__ = ["document", "folded", "section", "shown", "skipped", "table"]


def document(
    title: str,
    sections: Iterable[Markup | None],
    *,
    subtitle: str | None = None,
    tiles: Iterable[Mapping[str, str]] = (),
    notices: Iterable[str] = (),
    footer: str = "Made by thrifty.",
) -> str:
    """Write a whole page that stands alone, for any screen, light or dark.

    Args:
        title: the heading.
        sections: the content; None is left out.
        subtitle: under the heading.
        tiles: name, value and note of the numbers that matter most.
        notices: sentences that must not be missed.
        footer: the last line.

    Example:
        >>> text = document("<script>alert(1)</script>", [])
        >>> "<script" in text, "http" in text, text.startswith("<!doctype html>")
        (False, False, True)
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    header = element(
        "header",
        element("p", "thrifty", class_="brand"),
        element("h1", title),
        element("p", subtitle, class_="lead") if subtitle else None,
        _tiles(tiles),
        *(element("p", text, class_="notice") for text in notices),
    )
    foot = element("footer", element("p", footer))
    body = element("body", header, element("main", *sections), foot)
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def section(title: str, content: Sequence[Markup | None]) -> Markup | None:
    """A heading and what is under it; nothing where that is nothing."""
    return element("section", element("h2", title), *content) if any(content) else None


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """A table whose first column heads its rows; numbers stand to the right."""
    cells = [
        element("tr", element("th", row[0], scope="row"), *map(_cell, row[1:])) for row in rows
    ]
    top = element("tr", *(element("th", head, scope="col") for head in heads))
    inside = [
        element("caption", caption), element("thead", top), element("tbody", *cells),
    ]  # fmt: skip
    return element("div", element("table", *inside), class_="wide", tabindex=0)


def folded(title: str, content: Markup) -> Markup:
    """What is only shown when it is asked for."""
    return element("details", element("summary", title), joined([content]))


def skipped(found: Mapping[str, Any] | None) -> list[Markup]:
    """What was left out of the data or repaired, by kind, with examples."""
    if found is None:
        return []
    if not found:
        return [element("p", "Nothing was skipped.")]
    items = []
    for kind, told in found.items():
        shown = [element("li", element("code", text)) for text in told.get("examples", ())]
        items.append(
            element("li", f"{kind}: ", element("b", f"{told['count']:,}"), element("ul", *shown))
        )
    return [element("ul", *items)]


def shown(value: object) -> object:
    """A number as people read it; anything else as it is."""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "-"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value


def _tiles(tiles: Iterable[Mapping[str, str]]) -> Markup:
    made = [
        element(
            "div",
            element("dt", tile["name"]),
            element("dd", element("b", tile["value"]), element("span", tile.get("note", ""))),
        )
        for tile in tiles
    ]
    return element("dl", *made, class_="tiles")


def _cell(value: object) -> Markup:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return element("td", shown(value), class_="number" if number else None)
