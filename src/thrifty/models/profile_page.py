"""Profile page: a profile as one self-contained HTML file with charts."""

from collections.abc import Iterable, Mapping
from typing import Any

from thrifty.core import format_bytes
from thrifty.models.charts import bar_chart, histogram, interval_chart
from thrifty.models.profile_facts import moment_text
from thrifty.models.report_markup import Markup, element, joined
from thrifty.models.report_parts import document, folded, section, skipped, table

__all__ = ["profile_page"]

Facts = Mapping[str, Any]
MOST_CHARTS, MOST_BARS = 24, 6
SHOWN = 200
THREE = ("estimate", "low", "high")


def profile_page(facts: Facts) -> str:
    """Write the page.

    Args:
        facts: of `profile_facts.facts_of`, with title, and where there are any: windows, by,
            changes, skipped, memory, seconds.

    Example:
        >>> text = profile_page({"title": "<i>", "rows": 0, "columns": {}})
        >>> "<i>" in text, "&lt;i&gt;" in text, "http" in text
        (False, True, False)
    """
    columns = facts["columns"]
    sections = [
        section("What changed", _changes(facts.get("changes"))),
        section("Columns", [_overview(columns)] if columns else []),
        section("Over time", _windows(facts)),
        section("Groups", _groups(facts.get("by"))),
        section("Rows that are there again", _twins(facts)),
        section("Columns that move together", _correlations(facts)),
        *(_column(n, c, i < MOST_CHARTS) for i, (n, c) in enumerate(columns.items())),
        section("Rows and values that were skipped", skipped(facts.get("skipped"))),
    ]
    return document(str(facts["title"]), sections, subtitle=_subtitle(facts), tiles=_tiles(facts))


def _subtitle(facts: Facts) -> str:
    confidence = facts.get("confidence", 0.95)
    return f"One pass; ends of intervals hold with {confidence:.0%} confidence where not exact."


def _tiles(facts: Facts) -> list[dict[str, str]]:
    cells = sum(column["rows"] for column in facts["columns"].values())
    missing = sum(column["missing"] for column in facts["columns"].values())
    tiles = [
        {"name": "rows", "value": f"{facts['rows']:,}"},
        {"name": "columns", "value": f"{len(facts['columns']):,}"},
        {"name": "missing", "value": f"{missing / cells:.1%}" if cells else "-",
         "note": f"{missing:,} values"},
    ]  # fmt: skip
    if "state_bytes" in facts:
        note = f"of {format_bytes(facts['memory'])}" if "memory" in facts else ""
        tiles.append({"name": "state", "value": format_bytes(facts["state_bytes"]), "note": note})
    if "seconds" in facts:
        tiles.append({"name": "seconds", "value": f"{facts['seconds']:.1f}"})
    return tiles


def _overview(columns: Mapping[str, Facts]) -> Markup:
    heads = ["column", "type", "missing", "distinct", "most frequent", "median"]
    rows = [
        (name, column["type"], column["missing"], _about(column["distinct"]), _top(column),
         _median(column))
        for name, column in columns.items()
    ]  # fmt: skip
    return table("Every column in a line", heads, rows)


def _about(interval: Mapping[str, float]) -> str:
    estimate, low, high = (interval[key] for key in THREE)
    if low == high:
        return f"{estimate:,}"
    return f"{estimate:,} ({low:,} to {high:,})"


def _top(column: Facts) -> str:
    return _cut(str(column["frequent"][0]["value"])) if column["frequent"] else ""


def _median(column: Facts) -> Any:
    return column.get("quantiles", {}).get("0.5", "")


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def _column(name: str, column: Facts, drawn: bool) -> Markup | None:
    charts = _charts(name, column) if drawn else []
    parts = [
        element("p", _sentence(column)),
        element("div", *charts, class_="charts") if charts else None,
        folded("Frequent values", _frequent(column["frequent"])) if column["frequent"] else None,
        folded("Quantiles", _quantiles(column)) if "quantiles" in column else None,
        _outliers(column.get("outliers") or ()),
    ]
    return section(name, parts)


def _sentence(column: Facts) -> str:
    told = f"{column['type'].capitalize()}. {_about(column['distinct'])} distinct values"
    told += f", {column['missing']:,} of {column['rows']:,} missing"
    if column["unreadable"]:
        told += f" ({column['unreadable']:,} of them could not be read)"
    if column["type"] == "number" and "mean" in column:
        told += f"; mean {column['mean']:.6g}, standard deviation {column['deviation']:.6g}"
    return told + "."


def _charts(name: str, column: Facts) -> list[Markup]:
    charts = []
    if "histogram" in column and column["histogram"]["counts"]:
        what = column["quantiles_of"]
        bins = column["histogram"]
        dates = column["type"] == "date"
        title = f"{name}: {what}"
        charts.append(histogram(title, bins["edges"], bins["counts"], dates=dates))
    found = column["frequent"][:MOST_BARS]
    if found:
        names = [_cut(str(item["value"])) for item in found]
        ends = [(item["low"], item["high"]) for item in found]
        charts.append(bar_chart(f"{name}: frequent", names, [i["count"] for i in found], ends))
    return charts


def _frequent(found: Iterable[Facts]) -> Markup:
    rows = [(_cut(str(i["value"])), i["count"], i["low"], i["high"]) for i in found]
    return table("Most frequent first", ["value", "count", "at least", "at most"], rows)


def _quantiles(column: Facts) -> Markup:
    rows = [(f"{float(q):.0%}", value) for q, value in column["quantiles"].items()]
    caption = f"Quantiles of {column['quantiles_of']}, ranks within {column['rank_error']:.2%}"
    return table(caption, ["share below", "value"], rows)


def _outliers(found: Iterable[Facts]) -> Markup | None:
    rows = [(item["value"], item["density"]) for item in found]
    heads = ["value", "density over that of the middle"]
    return folded(f"Outliers: {len(rows)}", table("Farthest first", heads, rows)) if rows else None


def _twins(facts: Facts) -> list[Markup]:
    if "duplicates" not in facts or not facts["rows"]:
        return []
    same, near = _about(facts["duplicates"]), _about(facts["near_duplicates"])
    return [
        element("p", f"Rows that have an equal one elsewhere: {same}."),
        element("p", f"Rows that share eight MinHashes with another: {near}. Two rows whose words "
                "overlap by 95 % do so in 66 of 100 cases, by 80 % in 17, by 50 % in none."),
    ]  # fmt: skip


def _correlations(facts: Facts) -> list[Markup]:
    found, note = facts.get("correlations") or (), facts.get("correlations_note")
    rows = [
        (" and ".join(i["columns"]), *(float(i[key]) for key in (*THREE, "bound") if key in i))
        for i in found
    ]
    heads = ["columns", "correlation", "at least", "at most"]
    if note:
        heads = ["columns", "estimate", "at least", "at most", "off by at most"]
    parts = [element("p", note)] if note else []
    return [*parts, table("Strongest first", heads, rows)] if rows else parts


def _windows(facts: Facts) -> list[Markup]:
    windows = facts.get("windows") or []
    if not windows:
        return []
    found = [window["distinct"] for window in windows]
    ends = [(item["low"], item["high"]) for item in found]
    title = facts.get("windows_title", "distinct values in each window, by its end")
    moments = [window["end_seconds"] for window in windows]
    chart = interval_chart(title, moments, [item["estimate"] for item in found], ends)
    rows = [
        (moment_text(m), *(item[k] for k in THREE)) for m, item in zip(moments, found, strict=True)
    ]
    heads = ["end", "distinct", "at least", "at most"]
    return [chart, folded("Every window", table(title, heads, rows))]


def _groups(by: Facts | None) -> list[Markup]:
    if not by:
        return []
    names = list(dict.fromkeys(name for group in by["groups"] for name in group["distinct"]))
    rows = [
        (str(group["value"]), group["rows"], *(_about(group["distinct"][name]) for name in names))
        for group in by["groups"]
    ]
    heads = [by["column"], "rows", *(f"distinct {name}" for name in names)]
    told = f"Groups beside these, folded together: {by['others']['rows']:,} rows."
    shown = table("Largest groups first", heads, rows)
    return [shown, element("p", told)] if by["others"]["rows"] else [shown]


def _changes(changes: Facts | None) -> list[Markup]:
    if not changes:
        return []
    heads = ["column", "what", "before", "after", "distance", "p"]
    rows = [
        (c["column"], c["what"], c["before"], c["after"], c["distance"], c["p"])
        for c in changes["found"]
    ]
    lead = element("p", changes["sentence"])
    parts = [lead, table("Most telling first", heads, rows) if rows else None]
    for name, words in (changes.get("phrases") or {}).items():
        inside = joined(element("li", f"{w['phrase']} ({w['count']:,})") for w in words)
        parts.append(folded(f"Phrases new in {name}", element("ul", inside)))
    return [part for part in parts if part]
