"""Results: what a search found, for a terminal: titles, marked words, what scores are owed to."""

from collections.abc import Iterator
from typing import Any

__all__ = ["shown"]

MARK, QUIET = "bold yellow", "dim"
BAR, FULL, EIGHTHS = 16, "\u2588", " \u258f\u258e\u258d\u258c\u258b\u258a\u2589"
LONGEST = 60
HIDDEN = "_document"


def shown(found: list[dict[str, Any]], about: dict[str, Any], seconds: float) -> Iterator[Any]:
    """Things for rich to print.

    Args:
        found: what `SearchIndex.search` gave.
        about: what its `describe` gave.
        seconds: that it took.
    """
    from rich.padding import Padding

    texts = list(about["fields"])
    best = max((row["score"] for row in found), default=0.0)
    for place, row in enumerate(found, start=1):
        yield _head(place, row, about, best)
        body = _body(row, texts, about["title"])
        if body is not None:
            yield Padding(body, (0, 2, 0, 5))
        rest = _rest(row["fields"], {*texts, about["id"], about["vectors"]})
        if rest is not None:
            yield Padding(rest, (0, 2, 0, 5))
        if "explain" in row:
            yield Padding(_explained(row["explain"]), (0, 2, 0, 5))
        yield ""
    yield _foot(len(found), about, seconds)


def _head(place: int, row: dict[str, Any], about: dict[str, Any], best: float) -> Any:
    from rich.text import Text

    line = Text(f"{place:3}  ", style="bold cyan")
    title = row["snippets"].get(about["title"]) if about["title"] else None
    if title and title["text"].strip():
        line.append(_marked(title, "bold"))
        line.append(f"  {row['id']}", style=QUIET)
    else:
        line.append(str(row["id"]), style="bold")
    line.append(f"  {row['score']:.3f}", style="cyan")
    return line


def _body(row: dict[str, Any], texts: list[str], title: str | None) -> Any:
    """The snippet of the field that matched most."""
    snippets = [row["snippets"][name] for name in texts if name != title]
    best = max(snippets, key=lambda one: len(one["spans"]), default=None)
    return _marked(best) if best and best["text"].strip() else None


def _marked(snippet: dict[str, Any], style: str = "") -> Any:
    from rich.text import Text

    text = Text("", style=style)
    text.append("... " if snippet["before"] else "", style=QUIET)
    inner = Text(snippet["text"])
    for start, end in snippet["spans"]:
        inner.stylize(MARK, start, end)
    return text.append(inner).append(" ..." if snippet["after"] else "", style=QUIET)


def _rest(fields: dict[str, Any], told: set[Any]) -> Any:
    """The other columns, each as name and value."""
    from rich.text import Text

    line = Text(style=QUIET)
    for name, value in fields.items():
        if name in told or name == HIDDEN or value is None or value == "":
            continue
        text = " ".join(_plain(value).split())
        text = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
        line.append("   " if line else "").append(f"{name} ", style="italic").append(text)
    return line or None


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _explained(parts: list[dict[str, Any]]) -> Any:
    """A line for each part of the score, with a bar."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    most = max((part["score"] for part in parts), default=1.0) or 1.0
    for part in parts:
        name = part.get("term", "meaning (vectors)")
        style = {"words": "", "expansion": "magenta"}.get(part["part"], "green")
        sign = "+" if part["part"] == "expansion" else ""
        facts = ""
        if "df" in part:
            facts = f"{part['tf']:g} in {part['field']}, {part['df']:,} documents"
        bar = Text(_bar(part["score"] / most), style=style or "cyan")
        table.add_row(Text(sign + name, style=style), f"{part['score']:.3f}", bar, facts)
    return table


def _bar(share: float) -> str:
    """A bar of eighths.

    Example:
        >>> len(_bar(1.0)), len(_bar(0.5))
        (16, 8)
    """
    steps = round(8 * BAR * min(max(share, 0.0), 1.0))
    return FULL * (steps // 8) + EIGHTHS[steps % 8].strip()


def _foot(count: int, about: dict[str, Any], seconds: float) -> Any:
    from rich.text import Text

    how = "words and vectors" if about["has_vectors"] else "words"
    said = "nothing found" if not count else f"{count} of {about['documents']:,} documents"
    return Text(f"{said} in {1000 * seconds:.1f} ms, by {how}", style=QUIET)
