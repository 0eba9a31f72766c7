"""Evidence: near-duplicates of PEP revisions, against datasketch and against exact similarity."""

import gzip
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from evidence import Evidence, run
from evidence.datasets import data_folder
from thrifty.hashing import MinHash
from thrifty.models import dedup

EVIDENCE = (
    Evidence(
        id="dedup-f1",
        says="pairs of PEP revisions within a cluster have an F1 at least that of datasketch's "
        "MinHashLSH with verified pairs, 128 codes, threshold 0.8, triples of words; the truth is "
        "clusters of exact Jaccard similarity",
        against="MinHashLSH(0.8, num_perm=128), its candidates verified by MinHash.jaccard",
        at_least=0.0,
        cost="long",
    ),
    Evidence(
        id="dedup-exact",
        says="with exact=True the clusters of 1,621 PEP revisions have an F1 of pairs of at least "
        "0.995 against those of exact similarity, at thresholds 0.6, 0.7, 0.8 and 0.9",
        against="clusters linked by all pairs of exact Jaccard similarity",
        at_least=0.995,
        cost="long",
    ),
    Evidence(
        id="dedup-speed",
        says="near-duplicates of 1,621 PEP revisions are found at least 10 times as fast as with "
        "datasketch's MinHashLSH, in CPU seconds, from the packed file to clusters",
        against="json, re.findall, MinHash.bulk, MinHashLSH.insert and query, union-find",
        at_least=10.0,
        cost="long",
    ),
    Evidence(
        id="dedup-estimates",
        says="estimated precision and recall of the pairs are within 0.03 of the exact ones, "
        "the worse of the two at thresholds 0.6, 0.7, 0.8 and 0.9 on PEP revisions",
        against="exact Jaccard similarity of all pairs",
        at_most=0.03,
        cost="long",
    ),
    Evidence(
        id="dedup-memory",
        says="one million generated texts, half of them near-duplicates, are deduplicated with at "
        "most 64 MB more resident memory than a thousand, on a budget of 32 MB",
        against="peak resident memory of a process of its own",
        at_most=64.0,
        cost="long",
    ),
)

WORD = re.compile(r"\w+")
GENERATED = r"""
import re, sys
from thrifty.models import dedup
found = dedup(sys.argv[1], "text", memory="32 MB", threshold=0.7)
peak = int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1024
print(found.rows, found.clusters, found.duplicates, found.recall.estimate, found.seconds, peak)
"""


def peps() -> Path:
    """The file of revisions."""
    return data_folder() / "text_pep_versions" / "versions.jsonl.gz"


def texts() -> list[str]:
    """Its texts."""
    with gzip.open(peps(), "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def exact() -> np.ndarray:
    """Jaccard similarity of all pairs."""
    indptr, hashes = MinHash(words=3).shingles(texts())
    _, items = np.unique(hashes, return_inverse=True)
    rows = sp.csr_array((np.ones(items.size, np.int32), items, indptr))
    both, sizes = (rows @ rows.T).toarray(), np.diff(indptr)
    return both / (sizes[:, None] + sizes - both)


def linked(pairs: np.ndarray) -> np.ndarray:
    """Cluster of each row, given a matrix of pairs."""
    return sp.csgraph.connected_components(sp.csr_array(pairs), directed=False)[1]


def f1(found: np.ndarray, truth: np.ndarray) -> float:
    """F1 of pairs in the same cluster."""
    a, b = (np.triu(x[:, None] == x[None], 1) for x in (found, truth))
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


def by_datasketch() -> np.ndarray:
    """Clusters by datasketch: candidates of each row, verified."""
    from datasketch import MinHash as Peer
    from datasketch import MinHashLSH

    sets = []
    for text in texts():
        words = WORD.findall(text.lower())
        sets.append({" ".join(words[i : i + 3]).encode() for i in range(max(1, len(words) - 2))})
    signed = Peer.bulk(sets, num_perm=128)
    index = MinHashLSH(threshold=0.8, num_perm=128)
    for i, codes in enumerate(signed):
        index.insert(i, codes)
    pairs = np.zeros((len(sets), len(sets)), bool)
    for i, codes in enumerate(signed):
        for j in index.query(codes):
            pairs[i, j] = codes.jaccard(signed[j]) >= 0.8
    return linked(pairs)


def measure_f1() -> tuple[float, dict[str, float]]:
    """Our F1 less theirs; beside it F1 against the documents themselves."""
    with gzip.open(peps(), "rt", encoding="utf-8") as lines:
        documents = np.unique([json.loads(line)["doc"] for line in lines], return_inverse=True)[1]
    truth = linked(exact() >= 0.8)
    ours, theirs = dedup(peps(), "text", threshold=0.8).root, by_datasketch()
    beside = {
        "F1 thrifty": f1(ours, truth),
        "F1 datasketch": f1(theirs, truth),
        "F1 of documents, thrifty": f1(ours, documents),
        "F1 of documents, datasketch": f1(theirs, documents),
    }
    return beside["F1 thrifty"] - beside["F1 datasketch"], beside


def measure_exact() -> tuple[float, dict[str, float]]:
    """Least F1 over four thresholds."""
    similarity, beside = exact(), {}
    for threshold in (0.6, 0.7, 0.8, 0.9):
        found = dedup(peps(), "text", threshold=threshold, exact=True)
        beside[f"F1 at {threshold}"] = f1(found.root, linked(similarity >= threshold))
    return min(beside.values()), beside


def cpu(call: Any) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def measure_speed() -> tuple[float, dict[str, float]]:
    """CPU time of the peer over ours, best of three, after a run each."""
    dedup(peps(), "text")
    ours = min(cpu(lambda: dedup(peps(), "text")) for _ in range(5))
    theirs = min(cpu(by_datasketch) for _ in range(2))
    return theirs / ours, {"seconds datasketch": theirs, "seconds thrifty": ours}


def measure_estimates() -> tuple[float, dict[str, float]]:
    """Largest distance of an estimate from what an exact comparison says."""
    similarity, family = exact(), MinHash(128, words=3)
    codes = family(texts())
    signed = np.array([family.similarity(codes, row) for row in codes])
    worst, beside = 0.0, {}
    for threshold in (0.6, 0.7, 0.8, 0.9):
        found = dedup(peps(), "text", threshold=threshold, family=family)
        keys = found.bands.keys(codes)
        met = sum((keys[:, j][:, None] == keys[:, j]).astype(int) for j in range(keys.shape[1]))
        taken = np.triu((signed >= threshold - 1e-9) & (met > 0), 1)
        right = np.triu(similarity >= threshold, 1)
        both = float((taken & right).sum())
        for name, share in (("precision", both / taken.sum()), ("recall", both / right.sum())):
            estimate = getattr(found, name).estimate
            worst = max(worst, abs(estimate - share))
            beside[f"{name} at {threshold}, estimated"] = estimate
            beside[f"{name} at {threshold}, exact"] = share
    return worst, beside


def generated(path: Path, rows: int) -> None:
    """Texts of 40 words; every second one is the one before with two words changed."""
    rng = np.random.default_rng(7)
    with open(path, "w", encoding="ascii") as file:
        for _ in range(rows // 2):
            words = [f"w{n}" for n in rng.integers(0, 100_000, 40)]
            for _ in range(2):
                file.write(json.dumps({"text": " ".join(words)}) + "\n")
                words[int(rng.integers(40))] = "changed"


def measure_memory() -> tuple[float, dict[str, Any]]:
    """Peak of a million rows above that of a thousand, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        peaks, lines = [], []
        for rows in (1_000, 1_000_000):
            path = Path(folder) / f"{rows}.jsonl"
            generated(path, rows)
            command = [sys.executable, "-c", GENERATED, str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            lines.append(done.stdout.split())
            peaks.append(float(lines[-1][-1]))
    names = ("rows", "clusters", "duplicates", "recall", "seconds of the job", "peak MB")
    return peaks[1] - peaks[0], dict(zip(names, map(float, lines[1]), strict=True))


def main() -> int:
    """Measure all five."""
    measures = (
        measure_f1, measure_exact, measure_speed, measure_estimates, measure_memory,
    )  # fmt: skip
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
