"""Search: the documents of an index for a question, or for a file of them."""

import time
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from thrifty.cli.compiling import told_of_compiling
from thrifty.cli.flags import Json, answer, answer_json, console
from thrifty.core import DataError, in_range

__all__ = ["fusion_of", "search"]

Switch = Annotated[bool, Parameter(negative=())]


def search(
    index: Path,
    question: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    /,
    *,
    k: int | None = None,
    filter: str | None = None,
    explain: Switch = False,
    queries: str | None = None,
    run: Path | None = None,
    expand: str | None = None,
    fusion: str | None = None,
    as_json: Json = False,
) -> None:
    """Find documents.

    Args:
        index: Folder of the index.
        question: Words, "a phrase", begin*, field:word.
        k: Documents to find; 10, or 100 of each query of a file.
        filter: A condition on columns, such as 'year>2020 and lang=="en"'.
        explain: Show what each part of the question gave to each score.
        queries: A file of queries, one a line, or JSON lines of _id and text, instead of one.
        run: The file for what a file of queries finds, in TREC's form; stdout if not given.
        expand: Add words to the question: feedback, acronyms, related, a file of terms, or the
            address of an OpenAI-compatible endpoint.
        fusion: Of words and vectors: ranks, words, or the weight of vectors beside words.
        as_json: Write a list of id, score, fields and explain to stdout.
    """
    from thrifty import models

    in_range("--k", 10 if k is None else k, 1, 1_000_000)
    if (question is None) == (queries is None):
        raise ValueError("a question or --queries must be given, and only one of them")
    opened = models.SearchIndex.open(index)
    how: dict[str, Any] = fusion_of(fusion)
    how |= {"expand": models.expander_of(expand)} if expand else {}
    if queries is not None:
        count = 100 if k is None else k
        with told_of_compiling():
            _batch(opened, queries, run, count, filter=filter, as_json=as_json, **how)
        return
    begun = time.perf_counter()
    asked: dict[str, Any] = {"filter": filter, "highlight": not as_json}
    asked["explain"] = explain or as_json
    with told_of_compiling():
        found = opened.search(str(question), 10 if k is None else k, **asked, **how)
    seconds = time.perf_counter() - begun
    if as_json:
        answer_json(found)
        return
    from thrifty.cli.results import shown

    for part in shown(found, opened.describe(), seconds):
        console().print(part)


def fusion_of(text: str | None) -> dict[str, Any]:
    """The options of `SearchIndex.search` that a word or a weight stands for.

    Raises:
        ValueError: neither ranks nor words nor a number of at least 0.

    Example:
        >>> fusion_of("0.5")["fusion"].weight, fusion_of("words"), fusion_of(None)
        (0.5, {'words_only': True}, {})
    """
    from thrifty.models import Fusion

    if text is None:
        return {}
    if text == "words":
        return {"words_only": True}
    if text == "ranks":
        return {"fusion": Fusion("ranks", 1.0)}
    try:
        return {"fusion": Fusion("scores", float(text))}
    except ValueError:
        raise ValueError(f"--fusion must be ranks, words or a weight, got {text!r}") from None


def _batch(
    opened: Any, queries: str, run: Path | None, k: int, *, as_json: bool, **how: Any
) -> None:
    from thrifty import models

    asked = models.read_queries(queries)
    begun = time.perf_counter()
    found = opened.run(asked, k, **how)
    seconds = time.perf_counter() - begun
    if run is not None:
        models.write_run(run, found)
    if as_json:
        rows = [
            {"query": name, "results": [{"id": i, "score": s} for i, s in best]}
            for name, best in found.items()
        ]
        answer_json(rows)
        return
    if run is None:
        for name, best in found.items():
            for place, (document, score) in enumerate(best, start=1):
                answer(f"{name} Q0 {document} {place} {score:.6g} thrifty")
        return
    if not found:
        raise DataError(f"{queries}: no query in it")
    speed = len(found) / max(seconds, 1e-9)
    answer(f"{len(found):,} queries, {speed:,.0f} a second")
    answer(f"run       {run}")
