"""Features: texts of rows and the TF-IDF matrices that the linear peers learn from."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from evidence.datasets import Split

__all__ = ["Tfidf", "best_labels", "label_matrix", "texts", "tokens"]

WORD = re.compile(r"\w+|[^\w\s]")


def texts(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> list[str]:
    """The columns of each row joined by a newline."""
    return ["\n".join(row[column] for column in columns) for row in rows]


def tokens(text: str) -> str:
    """Lower-case words and signs, separated by one space, on one line."""
    return " ".join(WORD.findall(text.lower()))


class Tfidf:
    """TF-IDF of one or more blocks, each of unit norm, side by side, scaled to unit norm.

    Args:
        blocks: one dict a block: columns to join, and arguments of TfidfVectorizer.
    """

    def __init__(self, blocks: Sequence[dict[str, Any]]) -> None:
        self.columns = [block["columns"] for block in blocks]
        self.vectorizers = [self._vectorizer(**block) for block in blocks]

    @staticmethod
    def _vectorizer(columns: list[str], ngrams: Sequence[int] = (1, 1), **rest: Any) -> Any:
        rest = {"sublinear_tf": True, "dtype": np.float32} | rest
        return TfidfVectorizer(ngram_range=tuple(ngrams), **rest)

    def fit(self, split: Split) -> sp.csr_matrix:
        """Learn the words of the train rows; returns their matrix (n, d) float32."""
        parts = zip(self.vectorizers, self.columns, strict=True)
        return self._join([one.fit_transform(texts(split.train, names)) for one, names in parts])

    def transform(self, split: Split) -> sp.csr_matrix:
        """The matrix of the valid rows (n, d) float32."""
        parts = zip(self.vectorizers, self.columns, strict=True)
        return self._join([one.transform(texts(split.valid, names)) for one, names in parts])

    def nbytes(self) -> int:
        """Bytes of the words and their weights, without Python's own."""
        words = sum(len(word.encode()) + 4 for one in self.vectorizers for word in one.vocabulary_)
        return words + sum(one.idf_.nbytes for one in self.vectorizers)

    @staticmethod
    def _join(parts: list[sp.csr_matrix]) -> sp.csr_matrix:
        return parts[0] if len(parts) == 1 else normalize(sp.hstack(parts, format="csr"))


def label_matrix(split: Split) -> tuple[sp.csr_matrix, list[str]]:
    """Train labels as (n, num_labels) float32 of ones, and the labels' names in order."""
    ids: dict[str, int] = {}
    labels = [row[split.target] for row in split.train]
    columns = [ids.setdefault(name, len(ids)) for names in labels for name in names]
    starts = np.concatenate([[0], np.cumsum([len(names) for names in labels])])
    ones = np.ones(len(columns), dtype=np.float32)
    y = sp.csr_matrix((ones, columns, starts), shape=(len(labels), len(ids)))
    y.sort_indices()
    return y, list(ids)


def best_labels(
    scores: np.ndarray, names: Sequence[str], k: int
) -> tuple[list[list[str]], np.ndarray]:
    """The k best labels of each row of dense scores, best first, and their scores."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return [[names[id] for id in row] for row in order], np.take_along_axis(scores, order, axis=1)
