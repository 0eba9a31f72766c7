"""Expanders: where words to be added to a query come from."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thrifty.core import DataError, in_range, whole
from thrifty.models._acronyms import acronyms_in
from thrifty.models.expansion import Expander, Weighted
from thrifty.models.rankings import read_lines
from thrifty.models.search_vectors import joined_texts

if TYPE_CHECKING:
    from thrifty.models.search import SearchIndex

__all__ = ["Acronyms", "Endpoint", "Feedback", "Listed", "Related", "acronyms_in", "expander_of"]

WORDS = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
ASK = (
    "List words and short phrases that a document answering the question below would contain but "
    "the question does not. Prefer terms that tell it from similar documents. Answer with a JSON "
    "list of at most 15 strings and nothing else.\n\nQuestion: "
)
LONGEST_ANSWER = 1 << 20


class Feedback:
    """Words of the documents that the query finds (relevance model, Lavrenko and Croft 2001).

    A word's weight is its share of the words of each document, by the document's score.

    Args:
        documents: best ones to read, 1..1000.

    Raises:
        ValueError: documents out of range.
    """

    def __init__(self, documents: int = 10) -> None:
        self.documents = whole("documents", documents, 1, 1000)

    def __call__(self, query: str, index: "SearchIndex") -> Weighted:
        """Terms and weights, heaviest first."""
        rows, scores, texts = _top(query, index, self.documents)
        if not rows.size:
            return []
        offsets, ids, words = index.text.analyzer.terms(texts)
        lengths = np.diff(offsets)
        shares = scores / scores.sum() / np.maximum(lengths, 1)
        weights = np.bincount(ids, np.repeat(shares, lengths), len(words))
        weights *= np.log1p(len(index) / np.maximum(index.text.df(words), 1))
        order = np.argsort(-weights, kind="stable")[:100]
        return [(words[i], float(weights[i])) for i in order.tolist()]


class Acronyms:
    """Long forms of the query's acronyms and acronyms of its phrases, from the documents.

    Args:
        documents: that the query finds, to look for "long form (LF)" in, 1..1000.

    Raises:
        ValueError: documents out of range.
    """

    def __init__(self, documents: int = 50) -> None:
        self.documents = whole("documents", documents, 1, 1000)

    def __call__(self, query: str, index: "SearchIndex") -> Weighted:
        """Phrases and acronyms, by the number of documents that say so."""
        counts: dict[str, float] = {}
        own = {word.lower() for word in WORDS.findall(query)}
        said = " ".join(word.lower() for word in WORDS.findall(query))
        for text in _top(query, index, self.documents)[2]:
            for short, long in acronyms_in(text):
                if short.lower() in own:
                    counts[long.lower()] = counts.get(long.lower(), 0) + 1
                elif long.lower() in said:
                    counts[short] = counts.get(short, 0) + 1
        return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


class Related:
    """Words whose vectors are nearest to that of the query: words used in the same documents.

    Args:
        words: how many, 1..1000.
        least: cosine, -1..1.

    Raises:
        ValueError: an argument out of range.
    """

    def __init__(self, words: int = 10, least: float = 0.5) -> None:
        self.words = whole("words", words, 1, 1000)
        self.least = in_range("least", least, -1, 1)

    def __call__(self, query: str, index: "SearchIndex") -> Weighted:
        """Words and cosines.

        Raises:
            DataError: the index has no word vectors of its own.
        """
        encoder = None if index.vectors is None else index.vectors.encoder
        nearest: Any = getattr(encoder, "nearest", None)
        if nearest is None:
            raise DataError("related words need an index made with --encoder builtin")
        return [(word, near) for word, near in nearest(query, self.words) if near >= self.least]


class Listed:
    """Words from a file: JSON lines of query and terms, or lines of query, tab and words.

    Args:
        path: the file.

    Raises:
        DataError: the file cannot be read, or a line does not fit.
    """

    def __init__(self, path: str | Path) -> None:
        self.terms: dict[str, list[tuple[str, float]]] = {}
        for number, line in read_lines(path):
            try:
                query, terms = _entry(line)
            except (KeyError, TypeError, ValueError):
                raise DataError(
                    f"{path}, line {number}: must be a query and its terms, got {line[:60]!r}"
                ) from None
            self.terms[_plain(query)] = terms

    def __call__(self, query: str, index: "SearchIndex") -> Weighted:
        """The words listed for this very query, without regard to case and space."""
        return self.terms.get(_plain(query), [])


class Endpoint:
    """Words from a language model behind an OpenAI-compatible address, such as a local one.

    Args:
        url: such as "http://localhost:8000/v1#model"; what stands behind # is the model's name.
        seconds: to wait for an answer, 0.1..600.

    Raises:
        ValueError: no http address, or seconds out of range.
    """

    def __init__(self, url: str, seconds: float = 30.0) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"url must begin with http:// or https://, got {url!r}")
        base, _, self.model = url.partition("#")
        self.url = f"{base.rstrip('/')}/chat/completions"
        self.seconds = in_range("seconds", seconds, 0.1, 600)

    def __call__(self, query: str, index: "SearchIndex") -> Weighted:
        """The words it gives, those named first heaviest.

        Raises:
            DataError: it does not answer, or not so that it can be read.
        """
        body = {
            "model": self.model or "default", "temperature": 0,
            "messages": [{"role": "user", "content": ASK + query}],
        }  # fmt: skip
        head = {"Content-Type": "application/json"}
        asked = urllib.request.Request(self.url, json.dumps(body).encode(), head)
        try:
            with urllib.request.urlopen(asked, timeout=self.seconds) as answer:
                told = json.loads(answer.read(LONGEST_ANSWER))
            text = str(told["choices"][0]["message"]["content"])
        except (urllib.error.URLError, OSError) as error:
            raise DataError(f"{self.url}: {getattr(error, 'reason', error)}") from error
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{self.url}: not a chat completion: {error!r}") from error
        words = _words_of(text)
        return [(word, 1 / (place + 5)) for place, word in enumerate(words)]


class _Joined:
    """Words of several expanders, each weighing the same."""

    def __init__(self, expanders: Sequence[Expander]) -> None:
        self.expanders = expanders

    def __call__(self, query: str, index: "SearchIndex") -> Weighted:
        made: list[tuple[str, float]] = []
        for expander in self.expanders:
            found = expander(query, index)
            total = sum(weight for _, weight in found) or 1.0
            made += [(word, weight / total) for word, weight in found]
        return made


NAMED = {"feedback": Feedback, "acronyms": Acronyms, "related": Related}


def expander_of(text: str) -> Expander:
    """The expander that a word, address or file name stands for.

    Args:
        text: feedback, acronyms, related, an http address or a file; with commas between, all.

    Raises:
        DataError: neither a name nor a file that can be read.
        ValueError: nothing is named.

    Example:
        >>> type(expander_of("feedback")).__name__, len(expander_of("feedback,acronyms").expanders)
        ('Feedback', 2)
    """
    if text.startswith(("http://", "https://")):
        return Endpoint(text)
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ValueError(f"expand must name an expander, got {text!r}")
    made: list[Expander] = []
    for name in names:
        if name in NAMED:
            made.append(NAMED[name]())
        elif Path(name).is_file():
            made.append(Listed(name))
        else:
            known = ", ".join(NAMED)
            raise DataError(f"expand must be one of {known}, an address or a file, got {name!r}")
    return made[0] if len(made) == 1 else _Joined(made)


def _top(query: str, index: "SearchIndex", documents: int) -> tuple[Any, Any, list[str]]:
    """Rows, scores and texts of what a query finds by its words."""
    hits = index.text.search([query], documents)
    there = hits.rows[0] >= 0
    rows, scores = hits.rows[0][there], hits.scores[0][there].astype(np.float64)
    if not rows.size:
        return rows, scores, []
    table = index.text.documents(rows, list(index.layout.texts))
    return rows, scores, joined_texts(table, index.layout)


def _entry(line: str) -> tuple[str, list[tuple[str, float]]]:
    if not line.lstrip().startswith("{"):
        query, tab, words = line.partition("\t")
        if not tab:
            raise ValueError
        return query, [(word, 1.0) for word in words.split()]
    item = json.loads(line)
    terms = item["terms"]
    if isinstance(terms, dict):
        return item["query"], [(str(word), float(weight)) for word, weight in terms.items()]
    return item["query"], [(str(word), 1.0) for word in terms]


def _plain(query: str) -> str:
    return " ".join(query.lower().split())


def _words_of(text: str) -> list[str]:
    """Words of an answer: of a JSON list in it, else of its lines."""
    start, end = text.find("["), text.rfind("]")
    if 0 <= start < end:
        try:
            return [str(word) for word in json.loads(text[start : end + 1])]
        except ValueError:
            pass
    lines = re.split(r"[\n,;]", text)
    return [word for word in (line.strip(" -*0123456789.\"'`") for line in lines) if word][:50]
