"""Profile terminal: a profile as tables of rich."""

from collections.abc import Mapping
from typing import Any

from thrifty.core import format_bytes

__all__ = ["tables"]

Facts = Mapping[str, Any]
WIDEST, SHOWN, MOST_WINDOWS, WIDE = 36, 12, 30, 110


def tables(facts: Facts, width: int = 120) -> Any:
    """What `rich.console.Console.print` takes; texts of the data are never markup.

    Args:
        facts: as for `profile_page.profile_page`.
        width: of the terminal, in characters; a narrow one is shown less.
    """
    from rich.console import Group

    parts = [_heading(facts), _columns(facts["columns"], width >= WIDE)]
    parts += [
        part for part in (_changes(facts), _windows(facts), _groups(facts), _rest(facts)) if part
    ]
    return Group(*parts)


def _heading(facts: Facts) -> Any:
    from rich.text import Text

    told = f"{facts['title']}: {facts['rows']:,} rows, {len(facts['columns']):,} columns"
    state = f"  (state {format_bytes(facts['state_bytes'])}"
    if "seconds" in facts:
        state += f", {facts['seconds']:.1f} s"
    return Text.assemble((told, "bold"), state + ")")


def _table(*heads: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        numeric = head in ("missing", "rows", "estimate", "low", "high", "distance", "p")
        side = "right" if numeric else "left"
        table.add_column(head, justify=side, overflow="ellipsis", no_wrap=True)
    return table


def _row(table: Any, *cells: Any) -> None:
    from rich.text import Text

    table.add_row(*(Text(_cut(str(cell))) for cell in cells))


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."


def _columns(columns: Mapping[str, Facts], wide: bool) -> Any:
    more = ("5 %", "95 %") if wide else ()
    table = _table("column", "type", "missing", "distinct", "median", "most frequent", *more)
    for name, column in columns.items():
        quantiles = column.get("quantiles", {})
        median, *ends = (_short(quantiles.get(q, "")) for q in ("0.5", "0.05", "0.95"))
        share = column["missing"] / column["rows"] if column["rows"] else 0.0
        missing = f"{share:.1%}" if column["missing"] else "0"
        distinct = column["distinct"]
        about = _about(distinct) if wide else f"{distinct['estimate']:,}"
        parts = missing, about, median, _top(column), *(ends if wide else ())
        _row(table, name, column["type"], *parts)
    return table


def _short(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)[:16]


def _about(interval: Mapping[str, float]) -> str:
    estimate, low, high = (interval[key] for key in ("estimate", "low", "high"))
    return f"{estimate:,}" if low == high else f"{estimate:,} ({low:,}..{high:,})"


def _top(column: Facts) -> str:
    if not column["frequent"]:
        return ""
    first = column["frequent"][0]
    shown = _cut(str(first["value"]))[:16] or "(empty)"
    return f"{shown} ({first['count']:,})"


def _changes(facts: Facts) -> Any:
    from rich.console import Group

    if "changes" not in facts:
        return None
    table = _table("column", "what", "before", "after", "distance", "p")
    for change in facts["changes"]["found"][: 3 * SHOWN]:
        p = "" if change["p"] != change["p"] else f"{change['p']:.2g}"
        parts = (change[key] for key in ("column", "what", "before", "after"))
        _row(table, *parts, f"{change['distance']:.3f}", p)
    lines = [facts["changes"]["sentence"], table]
    for name, words in (facts["changes"].get("phrases") or {}).items():
        lines.append(f"new in {name}: {', '.join(word['phrase'] for word in words[:SHOWN])}")
    return Group(*lines)


def _windows(facts: Facts) -> Any:
    if not facts.get("windows"):
        return None
    table = _table("window ends", "estimate", "low", "high")
    step = -(-len(facts["windows"]) // MOST_WINDOWS)
    for window in facts["windows"][::step]:
        found = (f"{window['distinct'][key]:,}" for key in ("estimate", "low", "high"))
        _row(table, window["end"], *found)
    return table


def _groups(facts: Facts) -> Any:
    if not facts.get("by"):
        return None
    by = facts["by"]
    names = [f"distinct {name}" for name in (by["groups"][0]["distinct"] if by["groups"] else ())]
    table = _table(by["column"], "rows", *names)
    for group in by["groups"][: 2 * SHOWN]:
        distinct = (_about(found) for found in group["distinct"].values())
        _row(table, group["value"], f"{group['rows']:,}", *distinct)
    return table


def _rest(facts: Facts) -> Any:
    from rich.text import Text

    lines = [
        f"rows with an equal one elsewhere: {_about(facts['duplicates'])}",
        f"rows nearly equal to another:     {_about(facts['near_duplicates'])}",
    ]
    lines += [facts["correlations_note"]] if "correlations_note" in facts else []
    for pair in facts.get("correlations", ())[:5]:
        ends = f"{pair['low']:+.2f}..{pair['high']:+.2f}"
        about = f" estimate, off by at most {pair['bound']:.2g}" if "bound" in pair else ""
        told = f"correlation {pair['estimate']:+.2f} ({ends}{about})"
        lines.append(f"{told}  {' and '.join(pair['columns'])}")
    for name, column in facts["columns"].items():
        if column.get("outliers"):
            shown = ", ".join(f"{item['value']:g}" for item in column["outliers"][:4])
            lines.append(f"outliers in {name}: {shown}")
    return Text("\n".join(lines))
