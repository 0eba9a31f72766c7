"""Evidence: sentiment learnt from twenty words and a sketch of which words stand near them."""

import zipfile
from collections import Counter

import numpy as np
from sklearn.metrics import roc_auc_score

from evidence import Evidence, run
from evidence.datasets import data_folder
from thrifty.models import SeedSentiment

GOOD = "good great excellent best wonderful superb perfect brilliant outstanding enjoyable"
BAD = "bad worst boring awful terrible poor stupid waste dull ridiculous"
SEEDS_OF = {"good": GOOD.split(), "bad": BAD.split()}
WINDOW, SEEDS = 20, 5

EVIDENCE = (
    Evidence(
        id="sentiment-sketch",
        says="on 2,000 movie reviews, no label seen, scores of words from count-min counts in a "
        "tenth of the memory rank reviews with an AUC at most 0.01 below that of exact counts, "
        "mean of 5 seeds",
        against="counts of pairs in a dictionary, at 100 bytes a pair",
        at_most=0.01,
        cost="long",
    ),
    Evidence(
        id="sentiment-auc",
        says="and that AUC is at least 0.7",
        against="0.5 by chance; the count of good less bad seeds of a review beside",
        at_least=0.7,
        cost="long",
    ),
)


def reviews() -> tuple[list[str], np.ndarray]:
    """Texts, and whether each is favourable."""
    texts, labels = [], []
    path = data_folder() / "text_nltk_corpora" / "movie_reviews.zip"
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".txt"):
                texts.append(" ".join(archive.read(name).decode("latin-1").split()))
                labels.append("/pos/" in name)
    return texts, np.array(labels)


def pairs_of(texts: list[str]) -> int:
    """How many different pairs of a side and a word there are."""
    counts: Counter[tuple[str, str]] = Counter()
    for text in texts:
        words = "".join(c if c.isalnum() or c == "_" else " " for c in text.lower()).split()
        for place, word in enumerate(words):
            for name, seeds in SEEDS_OF.items():
                if word in seeds:
                    near = words[max(place - WINDOW, 0) : place + WINDOW + 1]
                    counts.update((name, other) for other in near)
    return len(counts)


def measure() -> dict[str, tuple[float, dict]]:
    """AUC of exact and of sketched scores."""
    texts, labels = reviews()
    good, bad = SEEDS_OF.values()
    wide = SeedSentiment(good, bad, window=WINDOW, width=1 << 20).add(texts)
    exact = float(roc_auc_score(labels, wide.score_texts(texts)))
    budget = 100 * pairs_of(texts) // 10
    found = []
    for seed in range(SEEDS):
        small = SeedSentiment.within(budget, good, bad, window=WINDOW, seed=seed).add(texts)
        found.append(float(roc_auc_score(labels, small.score_texts(texts))))
    plain = [sum(t.split().count(w) for w in good) - sum(t.split().count(w) for w in bad)
             for t in texts]  # fmt: skip
    beside = {"AUC exact": exact, "AUC sketched": found, "bytes": budget}
    beside["AUC of seeds alone"] = float(roc_auc_score(labels, plain))
    words = ["masterpiece", "delightful", "touching", "lame", "mess", "idiotic"]
    beside["scores"] = dict(zip(words, wide.score(words).tolist(), strict=True))
    mean = float(np.mean(found))
    return {"sentiment-sketch": (exact - mean, beside), "sentiment-auc": (mean, {})}


def main() -> int:
    """Measure both."""
    found = measure()
    held = [run(e, lambda e=e: found[e.id]) for e in EVIDENCE]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
