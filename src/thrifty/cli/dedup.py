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
    out: Path,
    text: str | None = None,
    match: str | None = None,
    threshold: float | None = None,
    memory: str = "512 MB",
    words: int = 3,
    chars: int | None = None,
    codes: int = 128,
    seed: int = 0,
    exact: Annotated[bool, Parameter(negative=())] = False,
    strict: Annotated[bool, Parameter(negative=())] = False,
    as_json: Json = False,
) -> None:
    """Find clusters of rows whose texts are nearly the same, or that are the same entity.

    Args:
        files: CSV, JSON lines, Parquet, svmlight or text: files, globs or folders, also packed.
        out: Parquet file for the clusters: row, cluster (its first row), size.
        text: The column of texts, of which those are found that share most of their shingles.
        match: Columns to tell the same person, firm or thing by, as name,address,phone.
        threshold: Least Jaccard similarity of two texts as sets of shingles (0.8); with --match
            the least probability that two rows are the same (0.9).
        memory: Budget of what grows with the rows.
        words: Words in a shingle.
        chars: Characters in a shingle; used instead of words.
        codes: Codes in a signature; more tell similarities better.
        seed: Of the signatures.
        exact: Read similar texts again and compare them shingle by shingle.
        strict: Stop at the first row that cannot be used.
        as_json: Write one JSON object to stdout.
    """
    parse_bytes(memory, "--memory")
    if (text is None) == (match is None):
        raise ValueError("--text or --match must be given, and only one of them")
    options = {"out": out, "memory": memory, "strict": strict}
    if match is not None:
        limit = in_range("--threshold", 0.9 if threshold is None else threshold, 0.5, 0.9999)
        facts = _matched(list(files), match, threshold=limit, **options)
    else:
        limit = in_range("--threshold", 0.8 if threshold is None else threshold, 0.01, 1)
        shingles = {"words": words} if chars is None else {"words": None, "chars": chars}
        facts = _alike(
            list(files),
            str(text),
            threshold=limit,
            family=(codes, seed, shingles),
            exact=exact,
            **options,
        )
    facts |= {"threshold": limit, "out": str(out)}
    if as_json:
        answer_json(facts)
        return
    for line in told(facts):
        answer(line)


def _alike(files: list[str], text: str, *, family: Any, **options: Any) -> dict[str, Any]:
    from thrifty.hashing import MinHash
    from thrifty.models import dedup as find

    codes, seed, shingles = family
    made = MinHash(codes, seed=seed, **shingles)
    with Progress() as shown:
        return find(files, text, family=made, progress=shown, **options).facts()


def _matched(files: list[str], match: str, **options: Any) -> dict[str, Any]:
    from thrifty.models import resolve

    names = [name for name in match.split(",") if name]
    with Progress() as shown:
        return resolve(files, names, progress=shown, **options).facts()


def told(facts: dict[str, Any]) -> list[str]:
    """Lines for people.

    Example:
        >>> no = float("nan")
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
        estimate, ends = facts[name], ""
        if isinstance(estimate, dict):
            ends = f" ({estimate['low']:.3f}..{estimate['high']:.3f})"
            estimate = estimate["estimate"]
        if estimate == estimate:
            lines.append(f"{name:<9} {estimate:.3f} of pairs, estimated{ends}")
    for name, (same, other) in facts.get("fields", {}).items():
        lines.append(f"{name:<9} agrees in {same:.1%} of matches, {other:.1%} of other pairs")
    if facts.get("empty"):
        lines.append(f"{facts['empty']:,} rows have no text")
    if facts.get("left_out"):
        lines.append(f"{facts['left_out']:,} rows of crowded buckets were compared in part")
    return [*lines, f"clusters  {facts['out']}"]
