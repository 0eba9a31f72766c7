"""Evidence: documents found by a network that learned them, and nothing but them."""

import time

import numpy as np

from evidence import Evidence, run
from evidence.models._retrieval import judged, made
from thrifty.models import Fusion
from thrifty.models.rankings import judge
from thrifty.models.search_vectors import joined_texts
from thrifty.models.wide_retriever import WideRetriever

DEPTH = 100

EVIDENCE = (
    Evidence(
        id="wide-retriever-ndcg",
        says="on Cranfield a wide network that was trained on pieces of the 1,400 documents alone "
        "reaches at least 0.75 of the nDCG@10 of BM25+",
        against="BM25+ of a text index of the same documents",
        at_least=0.75,
        cost="long",
    ),
    Evidence(
        id="wide-retriever-fused",
        says="and fused with it by reciprocal ranks it raises the nDCG@10 of BM25+",
        against="BM25+ of a text index of the same documents",
        at_least=0,
        cost="long",
    ),
)


def measure() -> dict[str, tuple[float, dict]]:
    """Both."""
    queries, qrels = judged("cranfield")
    with made("cranfield") as index:
        text = index.text
        names = text.ids(np.arange(len(index)))
        texts = joined_texts(text.documents(np.arange(len(index))), index.layout)
        words = text.search(list(queries.values()), DEPTH)
    begun = time.perf_counter()
    retriever = WideRetriever().fit(texts)
    seconds = time.perf_counter() - begun
    found = retriever.search(list(queries.values()), DEPTH)

    def quality(rows: list[np.ndarray]) -> dict[str, float]:
        run_of = zip(queries, rows, strict=True)
        return judge({q: [names[i] for i in row if i >= 0] for q, row in run_of}, qrels).facts()

    fuse, pairs = Fusion("ranks", 1.0), zip(words.rows, words.scores, *found, strict=True)
    both = [fuse((a[a >= 0], s[a >= 0]), (b, t)).rows[:DEPTH] for a, s, b, t in pairs]
    plain, wide, fused = quality(list(words.rows)), quality(list(found.rows)), quality(both)
    facts = {"BM25+": plain, "wide": wide, "fused": fused, "seconds to train": seconds}
    facts["bytes"] = retriever.network.nbytes
    return {
        "wide-retriever-ndcg": (wide["ndcg@10"] / plain["ndcg@10"], facts),
        "wide-retriever-fused": (fused["ndcg@10"] - plain["ndcg@10"], {}),
    }


def main() -> int:
    """Measure both."""
    found = measure()
    held = [run(e, lambda e=e: found[e.id]) for e in EVIDENCE]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
