"""Report page: one run as one self-contained HTML file, for any screen, light or dark."""

from collections.abc import Mapping, Sequence
from typing import Any

from thrifty.core import format_bytes
from thrifty.models.charts import line_chart
from thrifty.models.report_markup import Markup, element
from thrifty.models.report_memory import memory_bar
from thrifty.models.report_parts import document, folded, section, shown, skipped, table

__all__ = ["ENDS", "page"]

ENDS = {
    "epochs": "Training ended after the last epoch.",
    "no gain": "Training ended when held-out quality no longer rose.",
    "interrupted": "Training was interrupted; the best so far is kept.",
}

Facts = Mapping[str, Any]


def page(facts: Facts, words: Mapping[str, str]) -> str:
    """Write the page; a part of the facts that is missing is a section that is not there.

    Args:
        facts: as `thrifty.models.report.write` describes them.
        words: what each measure means, by name.

    Example:
        >>> text = page({"title": "<script>alert(1)</script>"}, {})
        >>> "<script" in text, "http" in text, text.startswith("<!doctype html>")
        (False, False, True)
    """
    title = str(facts.get("title", "A run"))
    sections = [
        section("Quality on held-out rows", _quality(facts, words)),
        section("Training", _training(facts.get("history") or {})),
        section("What sampling cost", _audit(facts)),
        section("Memory", _memory(facts.get("plan") or {})),
        section("Worst confusions", _confusions(facts.get("confusions") or ())),
        section("Columns", _columns(facts.get("schema") or {})),
        section("Rows and values that were skipped", skipped(facts.get("skipped"))),
        section("Settings", _settings(facts.get("settings") or {})),
    ]
    return document(
        title, sections, subtitle=facts.get("subtitle"), tiles=facts.get("tiles") or (),
        notices=facts.get("notices") or (), footer=facts.get("footer", "Made by thrifty."),
    )  # fmt: skip


def _quality(facts: Facts, words: Mapping[str, str]) -> list[Markup]:
    metrics, plain = facts.get("metrics") or {}, facts.get("baseline") or {}
    rows = [
        (name, value, *([plain.get(name, "")] if plain else []), words.get(name, ""))
        for name, value in metrics.items()
        if name != "rows" and isinstance(value, (int, float))
    ]
    if not rows:
        return []
    heads = ["measure", "model", *(["baseline"] if plain else []), "what it is"]
    count = metrics.get("rows")
    caption = f"Measured on {count:,} rows the model never learned from." if count else "Measures"
    if plain:
        caption += f" The baseline is {facts.get('baseline_name', 'the most frequent answers')}."
    return [table(caption, heads, rows)]


def _training(history: Mapping[str, Any]) -> list[Markup]:
    epochs = history.get("epochs") or []
    if not epochs:
        return []
    xs = [epoch["epoch"] + 1 for epoch in epochs]
    best = history.get("best", -1)
    mark = xs.index(best + 1) if best + 1 in xs else None
    name = f"{history.get('quality_name', 'quality')} on held-out rows"
    charts = [
        line_chart(name, "epoch", xs, [float(epoch["quality"]) for epoch in epochs], mark=mark),
        line_chart("training loss", "epoch", xs, [float(epoch["loss"]) for epoch in epochs]),
    ]
    heads = ["epoch", "loss", "quality", "rows a second", "seconds"]
    rows = [
        (x, epoch["loss"], epoch["quality"], round(epoch["rows_per_second"]), epoch["seconds"])
        for x, epoch in zip(xs, epochs, strict=True)
    ]
    end = ENDS.get(history.get("stopped", ""), "")
    end += f" The best epoch, {best + 1}, is the model." if mark is not None else ""
    parts = [
        element("div", *charts, class_="charts"),
        element("p", end) if end else None,
        folded("Every epoch", table("Epochs", heads, rows)),
        _probe(history.get("probe") or ()),
    ]
    return [part for part in parts if part]


def _probe(probe: Sequence[Mapping[str, Any]]) -> Markup | None:
    if not probe:
        return None
    names = list(dict.fromkeys(key for trial in probe for key in trial))
    names.sort(key=lambda name: name in ("quality", "chosen"))
    rows = [[_told(name, trial.get(name, "")) for name in names] for trial in probe]
    heads = [name.replace("_", " ") for name in names]
    tried = table("Tried on the first rows, judged on held-out ones", heads, rows)
    return folded("How the learning rate was chosen", tried)


def _told(name: str, value: Any) -> Any:
    return ("yes" if value else "") if name == "chosen" else shown(value)


def _audit(facts: Facts) -> list[Markup]:
    return [element("p", text) for text in facts.get("audit_text") or ()]


def _memory(plan: Mapping[str, Any]) -> list[Markup]:
    parts, whole = plan.get("parts") or {}, plan.get("memory", 0)
    base, peak = plan.get("base", 0), plan.get("peak")
    if not parts:
        return []
    told = f"The budget is {format_bytes(whole)}"
    told += f", beside {format_bytes(base)} for the interpreter and libraries." if base else "."
    if peak:
        kept = "kept" if peak <= whole + base else "not kept"
        told += f" The process held {format_bytes(peak)} at its peak: {kept}."
    named = {"interpreter and libraries": base, **parts}
    return [element("p", told), memory_bar(named, whole + base, peak)]


def _confusions(pairs: Sequence[Mapping[str, Any]]) -> list[Markup]:
    if not pairs:
        return []
    rows = [(pair["truth"], pair["predicted"], int(pair["count"])) for pair in pairs]
    return [
        table("Held-out rows of one class taken for another", ["is", "taken for", "rows"], rows)
    ]


def _columns(schema: Mapping[str, Any]) -> list[Markup]:
    columns = schema.get("columns") or ()
    rows = [(column["name"], column["kind"], column.get("reason", "")) for column in columns]
    return [table("How each column was read", ["column", "kind", "because"], rows)] if rows else []


def _settings(settings: Mapping[str, Any]) -> list[Markup]:
    rows = [(name, shown(value)) for name, value in settings.items()]
    return [folded("All settings", table("Settings", ["name", "value"], rows))] if rows else []
