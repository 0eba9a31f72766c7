"""Evidence: angles between words of novels, from 32 bytes a word."""

import gzip
import re
from collections import Counter

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from evidence import Evidence, run
from evidence.datasets import data_folder
from evidence.timing import best
from thrifty.sketch import WordSketch

EVIDENCE = (
    Evidence(
        id="wordsketch-angles",
        says="angles between the 300 commonest words of ten novels, of 256 bits a word, are off "
        "by at most pi / (2 * sqrt(256)) = 0.098 radians (root mean square)",
        against="the cosine of exact co-occurrence counts, window 5",
        at_most=0.098,
        cost="long",
    ),
    Evidence(
        id="wordsketch-rate",
        says="novels are read at 5 MB of text a second or more, 256 bits for 20,000 words, one "
        "core",
        against="the wish to sketch 100 MB of text in 20 seconds",
        at_least=5.0,
        cost="long",
    ),
)


def novels(number: int) -> list[str]:
    """Texts of the first novels, a chapter-sized piece a row."""
    pieces = []
    for path in sorted((data_folder() / "text_novels").glob("*.txt.gz"))[:number]:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            words = re.findall(r"\w+", file.read().lower())
        pieces += [" ".join(words[i : i + 5000]) for i in range(0, len(words), 5000)]
    return pieces


def exact_angles(texts: list[str], words: list[str], window: int) -> np.ndarray:
    """Angles between the co-occurrence counts of words, all others being contexts."""
    names: dict[str, int] = {}
    rows, columns = [], []
    for text in texts:
        ids = np.array([names.setdefault(word, len(names)) for word in text.split()])
        for step in range(1, window + 1):
            rows += [ids[step:], ids[:-step]]
            columns += [ids[:-step], ids[step:]]
    rows, columns = np.concatenate(rows), np.concatenate(columns)
    shape = (len(names), len(names))
    counts = sp.coo_array((np.ones(rows.size), (rows, columns)), shape=shape).tocsr()
    some = counts[[names[word] for word in words]]
    lengths = np.sqrt((some.multiply(some)).sum(axis=1))
    cosines = (some @ some.T).toarray() / lengths[:, None] / lengths
    return np.arccos(np.clip(cosines, -1, 1))


def measure_angles() -> tuple[float, dict[str, object]]:
    """Root mean squared error over all pairs; beside it neighbours of a word."""
    texts = novels(10)
    common = Counter(word for text in texts for word in text.split())
    words = [word for word, _ in common.most_common(300)]
    sketch = WordSketch(words, bits=256, window=5, seed=1).add(texts)
    codes = sketch.signatures()
    far = np.bitwise_count(codes[:, None] ^ codes[None]).sum(axis=2) * np.pi / 256
    above = np.triu_indices(len(words), 1)
    errors = (far - exact_angles(texts, words, 5))[above]
    near = ", ".join(word for word, _ in sketch.nearest("mother", 5)) if "mother" in words else ""
    beside = {
        "bias": float(errors.mean()),
        "nearest to mother": near,
        "words": sum(common.values()),
    }
    return float(np.sqrt((errors**2).mean())), beside


def measure_rate() -> tuple[float, dict[str, float]]:
    """MB of text a second."""
    texts = novels(10)
    common = Counter(word for text in texts for word in text.split())
    sketch = WordSketch([word for word, _ in common.most_common(20_000)], seed=1)
    column = pa.array(texts)
    sketch.add(column[:2])
    seconds = best(lambda: sketch.add(column), 3)
    return sum(map(len, texts)) / 1e6 / seconds, {"bytes while it adds": sketch.nbytes}


def main() -> int:
    """Measure both."""
    held = [run(EVIDENCE[0], measure_angles), run(EVIDENCE[1], measure_rate)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
