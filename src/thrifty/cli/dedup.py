"""Dedup: which rows of a file are nearly the same."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from thrifty.cli.flags import Json, answer, answer_json
from thrifty.cli.progress import Progress
from thrifty.core import in_range, parse_bytes

__all__ = ["dedup"]


def dedup(
    *files: str,
    text: str,
    out: Path,
    threshold: float = 0.8,
    memory: str = "512 MB",
    words: int = 3,
    chars: int | None = None,
    codes: int = 128,
    seed: int = 0,
    strict: Annotated[bool, Parameter(negative=())] = False,
    as_json: Json = False,
) -> None:
    """Find clusters of rows whose texts are nearly the same.

    Args:
        files: CSV, JSON lines, Parquet, svmlight or text: files, globs or folders, also packed.
        text: The column of texts.
        out: Parquet file for the clusters: row, cluster (its first row), size.
        threshold: Least Jaccard similarity of two texts as sets of shingles.
        memory: Budget of what grows with the rows.
        words: Words in a shingle.
        chars: Characters in a shingle; used instead of words.
        codes: Codes in a signature; more tell similarities better.
        seed: Of the signatures.
        strict: Stop at the first row that cannot be used.
        as_json: Write one JSON object to stdout.
    """
    parse_bytes(memory, "--memory")
    in_range("--threshold", threshold, 0.01, 1)
    from thrifty.hashing import MinHash
    from thrifty.models import dedup as find

    shingles = {"words": words} if chars is None else {"words": None, "chars": chars}
    with Progress() as shown:
        found = find(
            list(files), text, threshold=threshold, out=out, memory=memory,
            family=MinHash(codes, seed=seed, **shingles), strict=strict, progress=shown,
        )  # fmt: skip
    facts = {**found.facts(), "threshold": threshold, "out": str(out)}
    if as_json:
        answer_json(facts)
    else:
        for line in told(facts):
            answer(line)


def told(facts: dict[str, Any]) -> list[str]:
    """Lines for people.

    Example:
        >>> no = {"estimate": float("nan")}
        >>> counts = dict.fromkeys(("clusters", "duplicates", "empty", "pairs", "taken"), 0)
        >>> rest = {"rows": 5, "left_out": 0, "threshold": 0.8, "out": "x", "seconds": 0.1}
        >>> told({**counts, **rest, "precision": no, "recall": no})[0]
        '0 clusters hold 0 near-duplicates of 5 rows (at 0.8 or more)'
    """
    lines = [
        f"{facts['clusters']:,} clusters hold {facts['duplicates']:,} near-duplicates of "
        f"{facts['rows']:,} rows (at {facts['threshold']:g} or more)",
        f"{facts['pairs']:,} pairs compared, {facts['taken']:,} alike, {facts['seconds']:.1f} s",
    ]
    for name in ("precision", "recall"):
        part = facts[name]
        if part["estimate"] == part["estimate"]:
            ends = f"{part['low']:.3f}..{part['high']:.3f}"
            lines.append(f"{name:<9} {part['estimate']:.3f} of pairs, estimated ({ends})")
    if facts["empty"]:
        lines.append(f"{facts['empty']:,} rows have no text")
    if facts["left_out"]:
        lines.append(f"{facts['left_out']:,} rows of crowded buckets were compared in part")
    return [*lines, f"clusters  {facts['out']}"]
