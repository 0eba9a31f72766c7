"""Flags: what several verbs share: the --json flag, and where answers and notices go."""

import json
import sys
from typing import Annotated, Any

from cyclopts import Parameter

__all__ = ["Json", "answer", "answer_json", "console", "json_text", "notice", "report_skipped"]

Json = Annotated[bool, Parameter(name="--json", negative=())]


def console() -> Any:
    """Where answers for people go: stdout, as wide as the terminal, in colour only there."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False)


def answer(shown: Any) -> None:
    """Print a text or something made with rich to stdout; a text is never markup."""
    if isinstance(shown, str):
        sys.stdout.write(f"{shown}\n")
    else:
        console().print(shown)


def answer_json(value: Any) -> None:
    """Write one JSON object to stdout, on one line; what is not finite becomes null."""
    sys.stdout.write(json_text(value) + "\n")


def json_text(value: Any) -> str:
    """A value as JSON on one line; what is not finite becomes null, what JSON has not, a text.

    Example:
        >>> json_text({"loss": float("nan"), "rows": (1, 2)})
        '{"loss": null, "rows": [1, 2]}'
    """
    return json.dumps(_plain(value), ensure_ascii=False)


def notice(text: str) -> None:
    """Say something beside the answer: one line on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def report_skipped(source: Any) -> None:
    """Say on stderr what a `data.Source` left out or repaired, if anything."""
    if source.report.counts:
        notice(str(source.report))


def _plain(value: Any) -> Any:
    """NumPy's numbers and paths as JSON has them, NaN and infinities as null."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if value - value == 0 else None
    return value if isinstance(value, (str, int, type(None))) else str(value)
