"""Rank: the nodes of a file of edges by PageRank."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from thrifty.cli.flags import Json, answer, answer_json
from thrifty.cli.progress import Progress
from thrifty.core import in_range

__all__ = ["rank"]


def rank(
    *files: str,
    source: str | None = None,
    target: str | None = None,
    personal: str | None = None,
    out: Path | None = None,
    top: int = 20,
    damping: float = 0.85,
    undirected: Annotated[bool, Parameter(negative=())] = False,
    strict: Annotated[bool, Parameter(negative=())] = False,
    as_json: Json = False,
) -> None:
    """Rank nodes by where a walk that follows links is found.

    Args:
        files: CSV, JSON lines or Parquet of edges, or text with two names a line; also packed.
        source: The column of where a link starts; the first one if not given.
        target: The column of where it ends; the second one if not given.
        personal: The node where walks start anew, to rank what is near it.
        out: Parquet or CSV file for all nodes and their ranks.
        top: Nodes to show.
        damping: Probability of following a link.
        undirected: Follow each edge both ways.
        strict: Stop at the first row that cannot be used.
        as_json: Write one JSON object to stdout.
    """
    from thrifty.models.rank import rank as ranked

    in_range("--top", top, 0, 10**9)
    in_range("--damping", damping, 0, 0.9999)
    options = {"source": source, "target": target, "personal": personal, "damping": damping}
    with Progress() as shown:
        nodes = ranked(
            list(files), undirected=undirected, strict=strict, progress=shown, **options
        )  # fmt: skip
    if out is not None:
        nodes.write(out)
    facts = nodes.facts(top) | {"out": None if out is None else str(out)}
    if as_json:
        answer_json(facts)
        return
    for line in told(facts):
        answer(line)


def told(facts: dict[str, Any]) -> list[str]:
    """Lines for people.

    Example:
        >>> facts = {"nodes": 2, "edges": 1, "left_out": 0, "passes": 9, "seconds": 0.1}
        >>> told(facts | {"error": 1e-12, "out": None, "top": [{"node": "a", "rank": 0.65}]})
        ['   1  0.65       a', '2 nodes, 1 edges, 9 passes, 0.1 s; ranks off by 1e-12 at most']
    """
    shown = enumerate(facts["top"], start=1)
    lines = [f"{place:4}  {row['rank']:<9.4g}  {row['node']}" for place, row in shown]
    lines.append(
        f"{facts['nodes']:,} nodes, {facts['edges']:,} edges, {facts['passes']} passes, "
        f"{facts['seconds']:.1f} s; ranks off by {facts['error']:.0e} at most"
    )
    if facts["left_out"]:
        lines.append(f"{facts['left_out']:,} rows lack one of the two ends")
    return lines + ([f"ranks     {facts['out']}"] if facts["out"] else [])
