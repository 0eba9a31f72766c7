"""Wide retriever: a text straight to documents, by a network that learned them; no index asked."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from thrifty.core import DataError, in_range, method, whole
from thrifty.learn.wide import WideClassifier
from thrifty.models._counts import counted, read
from thrifty.text.analyzer import Analyzer

__all__ = ["Retrieved", "WideRetriever"]

SHARE = 0.5  # of the pieces that are a run of words; the others are drawn from all of the text


class Retrieved(NamedTuple):
    """Documents for queries.

    Args:
        rows: (m, k) int64 numbers of documents, best first.
        scores: (m, k) float32 probabilities.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


@method(
    source="extreme classification as retrieval: Chang et al. 2021, arXiv:2106.00882; queries made "
    "from the documents alone: inverse cloze, Lee, Chang and Toutanova 2019, arXiv:1906.00300",
    memory="that of the wide network: 4 * (terms + documents) * hidden bytes",
    time="hidden * documents products a query",
    error="none by a bound; measured by the ranking of judged documents",
    exact="BM25 over the same texts",
    laws=("retrieval",),
    evidence=("wide_retriever",),
)
class WideRetriever:
    """Answer queries with documents by a wide network whose classes are the documents.

    Where there are no queries to learn from, pieces of a document stand for queries that it
    answers: runs of its words, and words drawn from all of it, the rare ones rather.

    Args:
        pieces: that stand for queries, for each document, 1..1000.
        words: of a piece at most, 1..100.
        hidden: width of the network's hidden layer.
        epochs: passes over the pieces.
        memory: most bytes of the network, such as "64 MB"; None for what it takes.
        seed: of pieces and network.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> texts = ["cats purr and meow", "dogs bark loudly", "buses need wide roads"]
        >>> retriever = WideRetriever(pieces=40, epochs=5).fit(texts)
        >>> retriever.search(["a barking dog", "roads"], 1).rows.ravel().tolist()
        [1, 2]
    """

    def __init__(
        self,
        pieces: int = 20,
        *,
        words: int = 12,
        hidden: int = 128,
        epochs: int = 10,
        memory: int | str | None = None,
        seed: int = 0,
    ) -> None:
        self.pieces = whole("pieces", pieces, 1, 1000)
        self.words = whole("words", words, 1, 100)
        self.seed = int(in_range("seed", seed, 0, 2**32 - 1))
        how: dict[str, Any] = {"hidden": hidden, "epochs": epochs, "random_state": self.seed}
        self.network = WideClassifier(memory=memory, refit=False, **how)
        self.analyzer = Analyzer()
        self._terms: dict[str, int] = {}
        self._idf = np.zeros(0, np.float32)

    def fit(self, texts: Sequence[str], queries: Iterable[tuple[str, int]] | None = None) -> Self:
        """Learn documents.

        Args:
            texts: of the documents; their place is their number.
            queries: texts and numbers of documents that answer them, to learn from beside.

        Raises:
            DataError: no text has a word, or a query names a document that is not there.
        """
        self._terms = {}
        parts = list(read(self.analyzer, [list(texts)], self._terms, 1 << 40))
        counts = counted(parts, max(1, len(self._terms)))
        if not counts.nnz:
            raise DataError("texts must have words to learn from, got none")
        df = np.bincount(counts.indices, minlength=counts.shape[1])
        self._idf = np.log1p(counts.shape[0] / np.maximum(df, 1)).astype(np.float32)
        made, owners = self._cut(*parts[0])
        asked = [(text, int(row)) for text, row in queries or ()]
        wrong = [row for _, row in asked if not 0 <= row < len(texts)]
        if wrong:
            raise DataError(f"queries must name documents below {len(texts)}, got {wrong[0]}")
        more = self._rows([text for text, _ in asked])
        x = sp.vstack([self._weighted(made), self._weighted(counts), more], format="csr")
        said = np.flatnonzero(np.diff(counts.indptr))
        y = np.concatenate([owners, np.arange(len(texts)), [row for _, row in asked]])
        kept = np.isin(y, said) & (np.diff(x.indptr) > 0)
        self.network.fit(x[kept], y[kept].astype(np.int64))
        return self

    def search(self, queries: Sequence[str], k: int = 10) -> Retrieved:
        """The documents that answer each query best.

        Args:
            queries: texts.
            k: documents wanted; there are no more than were learned.

        Raises:
            ValueError: k is below 1.
        """
        count = min(whole("k", k, 1, 2**31), len(self.network.classes_))
        rows, scores = self.network.top_k(self._rows(list(queries)), count)
        return Retrieved(rows.astype(np.int64), scores)

    def _rows(self, texts: list[str]) -> sp.csr_array:
        """Texts as the network reads them."""
        reader = self.analyzer.reader(self._terms)
        return self._weighted(counted([reader.read(texts)], self._idf.size))

    def _weighted(self, counts: sp.csr_array) -> sp.csr_array:
        """Logs of counts by idf, each row of length 1."""
        made = counts.astype(np.float32)
        made.data = np.log1p(made.data) * self._idf[made.indices]
        norms = np.sqrt(made.multiply(made).sum(axis=1))
        scale = np.where(norms > 0, norms, 1)
        made.data /= np.repeat(scale, np.diff(made.indptr))
        return made

    def _cut(
        self, offsets: NDArray[np.int64], ids: NDArray[np.int32]
    ) -> tuple[sp.csr_array, NDArray[np.int64]]:
        """Pieces of the documents, and whose they are."""
        draw = np.random.default_rng(self.seed)
        pieces, owners = [], []
        for row in range(offsets.size - 1):
            own = ids[offsets[row] : offsets[row + 1]]
            own = own[own >= 0]
            if not own.size:
                continue
            shares = self._idf[own].astype(np.float64)
            shares /= shares.sum()
            for size in draw.integers(1, self.words + 1, self.pieces).tolist():
                if draw.random() < SHARE:
                    start = int(draw.integers(0, max(1, own.size - size + 1)))
                    pieces.append(own[start : start + size])
                else:
                    pieces.append(draw.choice(own, min(size, own.size), p=shares))
                owners.append(row)
        ends = np.concatenate([[0], np.cumsum([piece.size for piece in pieces])])
        return counted([(ends, np.concatenate(pieces))], self._idf.size), np.array(owners)
