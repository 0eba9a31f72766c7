"""Evidence: words added to queries, with and without a look at their document frequency."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evidence import Evidence, run
from evidence.models._retrieval import COLLECTIONS, judged, made
from thrifty.models import Expand, Feedback, SearchIndex

NOISE = 15  # words that a careless expander adds to each query

EVIDENCE = (
    Evidence(
        id="expansion-recall",
        says="words of the best ten documents, checked by document frequency, raise recall@100 of "
        "search by words on Cranfield and NPL: the smaller of the two gains",
        against="BM25+ without added words",
        at_least=0.01,
        cost="long",
    ),
    Evidence(
        id="expansion-ndcg",
        says="and do not lower nDCG@10 by more than 0.005: the smaller of the two gains",
        against="BM25+ without added words",
        at_least=-0.005,
        cost="long",
    ),
    Evidence(
        id="expansion-filter",
        says="with the filter of document frequency the same words rank at least as well as "
        "without: the smaller of the two differences of nDCG@10",
        against="the same words with the same weights, whatever their document frequency",
        at_least=0,
        cost="long",
    ),
    Evidence(
        id="expansion-noise",
        says="where an expander that is trusted with twice the weight of the query adds 15 words "
        "drawn by how common they are, and 15 that are in no document, the filter does not rank "
        "worse than no filter: the smaller of the two differences of nDCG@10",
        against="the same words with the same weights without the filter",
        at_least=0,
        cost="long",
    ),
)


class Careless:
    """Good words among words that are merely common, and words that nobody uses."""

    def __init__(self, index: SearchIndex, seed: int = 0) -> None:
        texts = index.text.documents(np.arange(len(index)), list(index.layout.texts))
        read = index.text.analyzer.terms(texts[index.layout.texts[-1]].combine_chunks())
        counts = np.bincount(read.ids, minlength=len(read.words))
        self.words, self.shares = read.words, counts / counts.sum()
        self.rng = np.random.default_rng(seed)

    def __call__(self, query: str, index: SearchIndex) -> Sequence[tuple[str, float]]:
        """The words of one query."""
        drawn = self.rng.choice(len(self.words), NOISE, p=self.shares)
        common = [(self.words[i], 1.0) for i in drawn.tolist()]
        return common + [(f"qx{i}zz", 1.0) for i in range(NOISE)]


def collection(name: str) -> dict[str, Any]:
    """Quality without added words, and with them in four ways."""
    queries, qrels = judged(name)
    with made(name) as index:

        def quality(**how: Any) -> dict[str, float]:
            return index.evaluate(queries, qrels, **how)

        return {
            "plain": quality(),
            "screened": quality(expand=Expand(Feedback())),
            "trusted": quality(expand=Expand(Feedback(), screen=False)),
            "noise screened": quality(expand=Expand(Careless(index), weight=2.0)),
            "noise trusted": quality(expand=Expand(Careless(index), weight=2.0, screen=False)),
        }  # fmt: skip


def measure() -> dict[str, tuple[float, dict]]:
    """All four."""
    found = {name: collection(name) for name in COLLECTIONS}

    def gain(key: str, one: str, two: str) -> dict[str, float]:
        return {name: f[one][key] - f[two][key] for name, f in found.items()}

    recall, quality = gain("recall@100", "screened", "plain"), gain("ndcg@10", "screened", "plain")
    filtered = gain("ndcg@10", "screened", "trusted")
    noise = gain("ndcg@10", "noise screened", "noise trusted")
    return {
        "expansion-recall": (min(recall.values()), {**recall, **found}),
        "expansion-ndcg": (min(quality.values()), quality),
        "expansion-filter": (min(filtered.values()), filtered),
        "expansion-noise": (min(noise.values()), noise),
    }


def main() -> int:
    """Measure all."""
    found = measure()
    held = [run(e, lambda e=e: found[e.id]) for e in EVIDENCE]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
