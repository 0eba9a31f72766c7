"""Phrases: which pairs of words tell one corpus from another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from thrifty.cli.flags import Json, answer, answer_json, report_skipped
from thrifty.cli.progress import Progress
from thrifty.core import DataError, format_bytes, in_range, parse_bytes

__all__ = ["phrases"]


def phrases(
    foreground: str,
    /,
    *,
    against: Annotated[list[str], Parameter(consume_multiple=True, negative=())],
    text: str | None = None,
    memory: str | None = None,
    min_count: int = 5,
    top: int = 20,
    out: Path | None = None,
    seed: int = 0,
    strict: Annotated[bool, Parameter(negative=())] = False,
    as_json: Json = False,
) -> None:
    """Find the phrases that make a corpus special against another.

    Args:
        foreground: File, glob or folder of the corpus: text, CSV, JSON lines or Parquet.
        against: Files, globs or folders of the corpus to compare with.
        text: The column of texts; not needed where there is but one.
        memory: Budget of counts; without it they are exact.
        min_count: Least count of a phrase in the foreground.
        top: Phrases to show.
        out: Text file for all phrases, one JSON object a line.
        seed: Of the hashes.
        strict: Stop at the first row that cannot be used.
        as_json: Write one JSON object to stdout.
    """
    from thrifty.models.phrases import phrases as find

    in_range("--top", top, 0, 10**9)
    in_range("--min-count", min_count, 1, 2**40)
    if memory is not None:
        parse_bytes(memory, "--memory")
    with Progress() as shown:
        sides = [_Texts(paths, text, strict, shown) for paths in ([foreground], against)]
        found = find(*sides, memory=memory, min_count=min_count, seed=seed)
    for side in sides:
        report_skipped(side.source)
    if out is not None:
        _write(out, found.facts(len(found.rows))["phrases"])
    facts = found.facts(top) | {"out": None if out is None else str(out)}
    if as_json:
        answer_json(facts)
        return
    for line in told(facts):
        answer(line)


class _Texts:
    """The texts of some files, batch by batch."""

    def __init__(self, paths: list[str], text: str | None, strict: bool, shown: Any) -> None:
        from thrifty import data

        self.source, self.shown = data.open(paths, strict=strict), shown
        names = self.source.schema.names
        if text is None and len(names) > 1:
            raise DataError(f"--text must name one of {', '.join(names)}")
        self.column = names[0] if text is None or len(names) == 1 else text

    def __iter__(self) -> Iterator[Any]:
        def tell(done: int, rows: int) -> None:
            share = min(1.0, done / max(self.source.nbytes, 1))
            self.shown({"phase": "reading", "fraction": share})

        for batch in self.source.batches([self.column], progress=tell):
            yield batch.column(0)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    from thrifty.cli.flags import json_text
    from thrifty.core import replacing

    with replacing(path) as file:
        file.writelines(f"{json_text(row)}\n".encode() for row in rows)


def told(facts: dict[str, Any]) -> list[str]:
    """Lines for people.

    Example:
        >>> row = {"phrase": "new york", "score": 0.25, "count": 5, "background": 1, "p_value": 0}
        >>> facts = {"words": [17, 12], "found": 1, "nbytes": 999, "exact": True, "out": None}
        >>> for line in told(facts | {"phrases": [row]}):
        ...     print(line)
            score   count  against  p        phrase
             0.25       5        1  0e+00    new york
        1 phrases of 17 words against 12, counted exactly in 999 B
    """
    lines = [f"{'score':>9}  {'count':>6}  {'against':>7}  {'p':<7}  phrase"]
    lines += [
        f"{row['score']:9.3g}  {row['count']:6}  {row['background']:7}  {row['p_value']:<7.0e}  "
        f"{row['phrase']}"
        for row in facts["phrases"]
    ]
    how = "exactly" if facts["exact"] else "in sketches"
    fore, back = facts["words"]
    lines.append(
        f"{facts['found']:,} phrases of {fore:,} words against {back:,}, counted {how} in "
        f"{format_bytes(facts['nbytes'])}"
    )
    return lines + ([f"phrases   {facts['out']}"] if facts["out"] else [])
