"""Report: what a person sees at the end of a run, in the terminal and as one HTML file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from thrifty.core import format_bytes, replacing
from thrifty.models.report_page import ENDS, page

__all__ = ["MEASURES", "html_page", "terminal", "write_html"]

Facts = Mapping[str, Any]
MEASURES = {
    "accuracy": "rows whose best answer is right",
    "logloss": "surprise at the truth in nats, 0 is certain and right",
    "p@1": "share of the best answers that are right",
    "p@3": "share of the three best answers that are right",
    "p@5": "share of the five best answers that are right",
    "r@5": "share of the right answers that are among the five best",
    "ndcg@5": "the five best answers, the higher places counting more",
    "psp@5": "as p@5, rare answers counting more",
    "micro_f1": "F1 over all answers together",
    "macro_f1": "mean of the F1 of each class",
    "auc": "chance that a positive row ranks above a negative one",
    "rmse": "root of the mean squared error, in the target's unit",
    "mae": "mean absolute error, in the target's unit",
    "r2": "share of the variance that is explained",
}
HEADLINES = {"one": ("accuracy", "r@5"), "many": ("p@1", "micro_f1"), "number": ("rmse",)}
BARS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"


def html_page(facts: Facts) -> str:
    """Write a run as one HTML file that loads nothing from elsewhere; all data is escaped.

    Args:
        facts: what is known of the run; every part may be missing:
            title, subtitle, footer: texts; made from the rest where missing.
            target, task ("one", "many", "number"), classes, rows (of training), files.
            metrics, baseline: measure -> number on held-out rows ("rows" is their count).
            plan: memory and base in bytes, parts: name -> bytes, peak: bytes measured.
            history: as `thrifty.learn.History.to_dict`.
            confusions: dicts with truth, predicted, count.
            schema: as `Schema.to_dict`. skipped: as `Report.to_dict`. settings: name -> value.
            seconds: of the whole run. model_bytes. notices: texts.

    Returns:
        The text of the file.

    Example:
        >>> text = html_page({"target": "<b>", "metrics": {"rows": 9, "accuracy": 0.5}})
        >>> "<b>" in text.partition("<main>")[0].replace("<b>0.5</b>", ""), "&lt;b&gt;" in text
        (False, True)
    """
    made = {
        "title": _title(facts),
        "subtitle": _subtitle(facts),
        "tiles": _tiles(facts),
        "audit_text": _audit(facts),
    }
    return page({**made, **facts}, MEASURES)


def write_html(facts: Facts, path: str | Path) -> Path:
    """Write `html_page` to a file, whole or not at all; returns its path.

    Raises:
        SaveError: the file cannot be written.
    """
    with replacing(path) as file:
        file.write(html_page(facts).encode())
    return Path(path)


def terminal(facts: Facts) -> Any:
    """The same run for a terminal, as something `rich.console.Console.print` takes.

    Args:
        facts: as for `html_page`.

    Example:
        >>> from rich.console import Console
        >>> with (console := Console(width=60)).capture() as shown:
        ...     console.print(terminal({"metrics": {"accuracy": 0.875}}))
        >>> "0.875" in shown.get()
        True
    """
    from rich.console import Group
    from rich.text import Text

    parts: list[Any] = [Text(facts.get("title") or _title(facts), style="bold")]
    parts += [Text(_subtitle(facts), style="dim")] if _subtitle(facts) else []
    parts += _quality_table(facts) + _memory_table(facts.get("plan") or {}) + _confusions(facts)
    for text in (*_curve(facts.get("history") or {}), *_audit(facts)):
        parts.append(Text(text))
    for kind, found in (facts.get("skipped") or {}).items():
        parts.append(Text(f"{kind}: {found['count']:,}", style="yellow"))
        parts += [Text(f"  {example}", style="dim") for example in found.get("examples", ())]
    parts += [Text(str(text), style="yellow") for text in facts.get("notices") or ()]
    return Group(*parts)


def _title(facts: Facts) -> str:
    return f"Predicting {facts['target']}" if facts.get("target") else "A run"


def _subtitle(facts: Facts) -> str:
    files = [Path(str(name)).name for name in facts.get("files") or ()]
    pieces = [
        f"{facts['rows']:,} rows" if facts.get("rows") else "",
        f"{facts['classes']:,} classes" if facts.get("classes") else "",
        f"from {files[0]}" + (f" and {len(files) - 1} more" if files[1:] else "") if files else "",
    ]
    return " ".join(pieces[:1]) + ", ".join(["", *filter(None, pieces[1:])])


def _tiles(facts: Facts) -> list[dict[str, str]]:
    metrics, plain = facts.get("metrics") or {}, facts.get("baseline") or {}
    plan, seconds = facts.get("plan") or {}, facts.get("seconds")
    names = HEADLINES.get(facts.get("task", ""), tuple(HEADLINES["one"] + HEADLINES["number"]))
    tiles = [
        _tile(name, f"{metrics[name]:.3g}", f"baseline {plain[name]:.3g}" if name in plain else "")
        for name in names
        if isinstance(metrics.get(name), (int, float))
    ][:2]
    if plan.get("peak"):
        limit = format_bytes(plan.get("memory", 0) + plan.get("base", 0))
        tiles.append(_tile("peak memory", format_bytes(plan["peak"]), f"of {limit}"))
    if facts.get("model_bytes"):
        tiles.append(_tile("model", format_bytes(facts["model_bytes"]), "in memory"))
    if seconds:
        tiles.append(_tile("time", _duration(seconds), "from file to model"))
    return tiles


def _tile(name: str, value: str, note: str) -> dict[str, str]:
    return {"name": name, "value": value, "note": note}


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 6000 else f"{seconds / 3600:.3g} h"


def _audit(facts: Facts) -> list[str]:
    """What sampling cost, in sentences; nothing is known without a history."""
    history = facts.get("history") or {}
    if not history:
        return []
    audit = history.get("audit") or {}
    moments = {"first": "After the first epoch", "last": "At the end"}
    found = {text: audit[key] for key, text in moments.items() if audit.get(key)}
    if not found:
        return ["Nothing was sampled: every step used all outputs."]
    texts = [
        f"{text} a step used {seen['sampled_share']:.1%} of the outputs. Among them were "
        f"{seen['recall_of_top']:.1%} of the ten that truly score highest. The step pointed with "
        f"cosine {seen['gradient_cosine']:.3f} along the full one and was "
        f"{seen['speedup']:.1f} times as fast."
        for text, seen in found.items()
    ]
    return texts + (
        ["That did not pay: all outputs were used from then on."] * bool(audit.get("fell_back"))
    )


def _curve(history: Mapping[str, Any]) -> list[str]:
    values = [
        float(epoch["quality"]) for epoch in history.get("epochs") or () if "quality" in epoch
    ]
    if not values:
        return []
    low, high = min(values), max(values)
    line = "".join(BARS[round(7 * (value - low) / (high - low or 1))] for value in values)
    name = history.get("quality_name", "quality")
    told = f"{name} by epoch: {values[0]:.4g} {line} {values[-1]:.4g}"
    return [f"{told}. {ENDS.get(history.get('stopped', ''), '')}".rstrip()]


def _quality_table(facts: Facts) -> list[Any]:
    metrics, plain = facts.get("metrics") or {}, facts.get("baseline") or {}
    rows = []
    for name, value in metrics.items():
        if name == "rows" or not isinstance(value, (int, float)):
            continue
        beside = [f"{plain[name]:.4g}" if name in plain else ""] if plain else []
        rows.append((name, f"{value:.4g}", *beside, MEASURES.get(name, "")))
    heads = ["held out", "model", *(["baseline"] if plain else []), "what it is"]
    return _table(heads, rows)


def _memory_table(plan: Mapping[str, Any]) -> list[Any]:
    rows = [(name, format_bytes(size)) for name, size in (plan.get("parts") or {}).items() if size]
    if not rows:
        return []
    rows.append(("budget", format_bytes(plan.get("memory", 0))))
    if plan.get("peak"):
        beside = f" (budget and {format_bytes(plan['base'])} base)" if plan.get("base") else ""
        rows.append(("peak, whole process", format_bytes(plan["peak"]) + beside))
    return _table(["memory", "bytes"], rows)


def _confusions(facts: Facts) -> list[Any]:
    pairs = list(facts.get("confusions") or ())[:5]
    rows = [(pair["truth"], pair["predicted"], f"{pair['count']:,}") for pair in pairs]
    return _table(["is", "taken for", "rows"], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> list[Any]:
    """A table whose cells are texts (never commands to the terminal); nothing without rows."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    return [table] if rows else []
