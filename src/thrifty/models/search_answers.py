"""Answers: documents as results: fields, the words that matched, and what each score is owed to."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from thrifty.models.expansion import Term
from thrifty.models.fusion import Fused
from thrifty.text.snapshot import Snapshot
from thrifty.text.snippets import snippets
from thrifty.text.textquery import parse

if TYPE_CHECKING:
    from thrifty.models.search import SearchIndex

__all__ = ["answers"]

LENGTH = 240
QUERY = 10_000  # characters of a query that are looked for in texts


def answers(
    index: "SearchIndex", snapshot: Snapshot, query: str, found: Fused, terms: Sequence[Term],
    *, explain: bool, highlight: bool,
) -> list[dict[str, Any]]:  # fmt: skip
    """Results as JSON can hold them.

    Args:
        index: that was asked.
        snapshot: that the rows are of.
        query: as it was asked.
        found: the ranking.
        terms: that were added to the query.
        explain: say what each part gave.
        highlight: show the part of each text that fits best.
    """
    if not found.rows.size:
        return []
    layout = index.layout
    names = [name for name in snapshot.columns.names if name != layout.vectors]
    documents = snapshot.documents_of(found.rows, names).to_pylist()
    words = " ".join([query[:QUERY], *(term.word for term in terms if term.kept)])
    shown = _shown(index, words, documents) if highlight else []
    made = []
    for place, fields in enumerate(documents):
        one: dict[str, Any] = {"id": str(fields[layout.key])}
        one |= {"score": float(found.scores[place]), "fields": fields}
        if highlight:
            one["snippets"] = shown[place]
        if explain:
            one["explain"] = _parts(snapshot, query, found, place, terms)
        made.append(one)
    return made


def _shown(
    index: "SearchIndex", words: str, documents: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The part of each text of each document that fits best, all texts at once."""
    parsed, names = parse(words, list(index.text.settings["fields"])), index.layout.texts
    texts = [fields.get(name) or "" for fields in documents for name in names]
    how = {"length": LENGTH, "beginnings": parsed.beginnings}
    made = [
        {
            "text": found.text, "spans": [list(span) for span in found.spans],
            "before": found.before, "after": found.after,
        }
        for found in snippets(texts, parsed.text, index.text.analyzer, **how)
    ]  # fmt: skip
    return [
        dict(zip(names, made[start : start + len(names)], strict=True))
        for start in range(0, len(made), len(names))
    ]


def _parts(
    snapshot: Snapshot, query: str, found: Fused, place: int, terms: Sequence[Term]
) -> list[dict[str, Any]]:
    """What the terms and the vectors gave; their scores add up to the score."""
    row = int(found.rows[place])
    added = [(term.term, term.weight) for term in terms if term.kept]
    own = set(snapshot.analyzer.tokens(query))
    parts: list[dict[str, Any]] = [
        {"part": "words" if entry["term"] in own else "expansion", **entry}
        for entry in snapshot.explain(query, row, added)
    ]
    total, words = sum(part["score"] for part in parts), float(found.words[place])
    for part in parts:
        part["score"] = float(part["score"] * words / total) if total else 0.0
    if np.any(found.vectors):
        parts.append({"part": "vectors", "score": float(found.vectors[place])})
    return sorted(parts, key=lambda part: -part["score"])
