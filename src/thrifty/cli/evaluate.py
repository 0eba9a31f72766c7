"""Evaluate: how good a model is on files that hold the truth, or an index on judged queries."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from thrifty.cli.flags import Json, answer, answer_json, report_skipped
from thrifty.cli.search import fusion_of

__all__ = ["evaluate"]

Switch = Annotated[bool, Parameter(negative=())]


def evaluate(
    model: Path,
    /,
    *files: str,
    queries: str | None = None,
    qrels: str | None = None,
    filter: str | None = None,
    expand: str | None = None,
    fusion: str | None = None,
    learn: Switch = False,
    strict: Switch = False,
    as_json: Json = False,
) -> None:
    """Measure a model on files that have its target, or an index on judged queries.

    Args:
        model: Folder or file of the model, or folder of the index.
        files: What to measure a model on.
        queries: For an index: JSON lines of _id and text, or lines of id, tab and text.
        qrels: For an index: lines of query, document and grade.
        filter: For an index: as of search.
        expand: For an index: as of search.
        fusion: For an index: as of search.
        learn: For an index: find the best weight of vectors beside words on these queries, and
            keep it in the index.
        strict: Stop at the first row or value that cannot be used.
        as_json: Write one JSON object to stdout.
    """
    if queries is not None or qrels is not None:
        how: dict[str, Any] = {"filter": filter, "expand": expand, "fusion": fusion}
        _index(model, files, queries, qrels, learn=learn, as_json=as_json, **how)
        return
    if (model / "manifest.json").exists() and not files:
        raise ValueError("--queries and --qrels must be given to measure an index")
    from thrifty import data, models
    from thrifty.models.report import terminal

    loaded = models.Model.load(model)
    source = data.open(list(files), strict=strict)
    metrics = loaded.evaluate(source)
    report_skipped(source)
    if as_json:
        answer_json(metrics)
        return
    title = f"{loaded.target.name}: quality on {metrics['rows']:,} rows"
    answer(terminal({"title": title, "metrics": metrics}))


def _index(
    path: Path, files: tuple[str, ...], queries: str | None, qrels: str | None, *,
    filter: str | None, expand: str | None, fusion: str | None, learn: bool, as_json: bool,
) -> None:  # fmt: skip
    from thrifty import models

    if queries is None or qrels is None or files:
        raise ValueError("--queries and --qrels must be given together, and no other files")
    asked, truth = models.read_queries(queries), models.read_qrels(qrels)
    if learn:
        models.learn_fusion(path, asked, truth)
    opened = models.SearchIndex.open(path)
    how: dict[str, Any] = {"filter": filter, **fusion_of(fusion)}
    how |= {"expand": models.expander_of(expand)} if expand else {}
    facts = opened.evaluate(asked, truth, **how)
    if as_json:
        answer_json(facts)
        return
    for line in told(facts):
        answer(line)


def told(facts: dict[str, float]) -> list[str]:
    """Lines for people.

    Example:
        >>> facts = {"ndcg@10": 0.375, "mrr@10": 0.546, "recall@100": 0.748, "queries": 225}
        >>> told(facts | {"queries_per_second": 2664.0, "ndcg@10 standard error": 0.0174})[0]
        'ndcg@10     0.375 (standard error 0.017)  gain of the first 10, the best order is 1'
    """
    error = f" (standard error {facts['ndcg@10 standard error']:.3f})"
    return [
        f"ndcg@10     {facts['ndcg@10']:.3f}{error}  gain of the first 10, the best order is 1",
        f"mrr@10      {facts['mrr@10']:.3f}  one over the place of the first relevant document",
        f"recall@100  {facts['recall@100']:.3f}  share of the relevant ones among the first 100",
        f"{facts['queries']:,} queries, {facts['queries_per_second']:,.0f} a second",
    ]
