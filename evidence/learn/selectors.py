"""Evidence: what each selector of negatives is worth in equal CPU time.

The synthetic task (classes in groups of eight that share most of their columns) at 30,000 and
670,091 classes, judged by P@1, and WordNet glosses (11,890 labels, 8 a row), judged by ndcg@5; all
judged over every output on 2,000 held-out rows. Hidden 128, 512 negatives, tile 256, one thread,
the same rate for all; refreshing the index is counted, judging is not.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from evidence import Evidence, run
from evidence.datasets import load
from evidence.learn._curve import endless, learner, warm
from evidence.learn._synthetic import AMAZON, THIRTY, Rows, World
from thrifty.hashing import TextFeatures
from thrifty.learn import Wide
from thrifty.learn.quality import choose_mix
from thrifty.learn.worker import Worker

BLIND, SEEING = ("uniform", "log-frequency"), ("lsh-hidden", "lsh-label", "lss")
HELD, STEP = 2_000, 16  # held-out rows; tiles between looks at the clock

EVIDENCE = (
    Evidence(
        id="selectors-30k",
        says="at 30,000 classes, after 8 CPU seconds, the best of the three selectors that look "
        "at the rows has at least the P@1 of the best of the two that do not",
        against="uniform and log-frequency negatives; P@1 of the best of three less that",
        at_least=0.0,
        cost="long",
    ),
    Evidence(
        id="selectors-670k",
        says="at 670,091 classes, after 16 CPU seconds, the best of the three selectors that look "
        "at the rows has at least the P@1 of the best of the two that do not",
        against="uniform and log-frequency negatives; P@1 of the best of three less that",
        at_least=0.0,
        cost="long",
    ),
    Evidence(
        id="selectors-wordnet",
        says="on WordNet glosses, after 8 CPU seconds, the best of the three selectors that look "
        "at the rows has at least the ndcg@5 of the best of the two that do not",
        against="uniform and log-frequency negatives; ndcg@5 of the best of three less that",
        at_least=0.0,
        cost="long",
    ),
)


@dataclass(frozen=True)
class Task:
    """Rows to learn from, rows to judge by, and the CPU seconds after which it is judged."""

    world: World
    train: Rows
    held: Rows
    seconds: tuple[float, ...]
    settings: dict[str, Any]


def synthetic(world: World, rows: int, seconds: tuple[float, ...]) -> Task:
    """The generated task of one label a row."""
    parts = world.rows(rows, 0), world.rows(HELD, 1)
    return Task(world, *parts, seconds, {"learning_rate": 0.1})


def wordnet() -> Task:
    """Glosses as hashed words and pairs, weighted by how rare they are."""
    split = load("wordnet")
    names = {
        label: i
        for i, label in enumerate(
            dict.fromkeys(label for row in split.train for label in row["labels"])
        )
    }
    columns = 1 << 17
    family = TextFeatures((1, 2))

    def rows(part: list) -> csr_array:
        text = pa.array([" ".join(row[name] for name in split.columns) for row in part])
        indptr, codes, counts = family(text)
        parts = np.log1p(counts).astype(np.float32), codes % columns, indptr.astype(np.int32)
        return csr_array(parts, shape=(len(part), columns))

    def labels(part: list) -> tuple[np.ndarray, np.ndarray]:
        known = [sorted(names[x] for x in row["labels"] if x in names) for row in part]
        offsets = np.concatenate([[0], np.cumsum([len(ids) for ids in known])])
        return offsets.astype(np.int64), np.concatenate(known).astype(np.int32)

    held = split.valid[:HELD]
    matrices = rows(split.train), rows(held)
    spread = np.bincount(matrices[0].indices, minlength=columns)
    for matrix in matrices:
        matrix.data *= np.log(len(split.train) / (1.0 + spread[matrix.indices])).astype(np.float32)
        lengths = np.sqrt(np.add.reduceat(matrix.data**2, matrix.indptr[:-1]))
        matrix.data /= np.repeat(lengths, np.diff(matrix.indptr))
    world = World(columns=columns, classes=len(names))
    parts = (matrices[0], labels(split.train)), (matrices[1], labels(held))
    settings = {"task": "many", "learning_rate": 0.1}
    return Task(world, *parts, (4.0, 8.0), settings)


def judged(wide: Wide, held: Rows) -> float:
    """P@1 of one label, ndcg@5 of many."""
    if wide.settings.task == "many":
        return choose_mix(wide, *held)[0]
    return float((wide.top_k(held[0], 1)[0][:, 0] == held[1][1]).mean())


def qualities(task: Task, negatives: str) -> list[tuple[float, int, float]]:
    """CPU seconds, rows and quality at each of the task's seconds."""
    wide = learner(task.world, task.train[1], negatives=negatives, **task.settings)
    warm(wide)
    worker, jobs = Worker(wide), endless(task.train, wide.settings.learning_rate or 0.0)
    points, used, tiles = [], 0.0, 0
    with ThreadPoolExecutor(1) as pool:
        for seconds in task.seconds:
            while used < seconds:
                start = time.process_time()
                worker.run(pool, islice(jobs, STEP))
                used += time.process_time() - start
                tiles += STEP
            points.append((used, 256 * tiles, judged(wide, task.held)))
    return points


def compare(task: Task) -> tuple[float, dict[str, Any]]:
    """Best quality of the selectors that look at the rows, less that of those that do not."""
    found = {name: qualities(task, name) for name in (*BLIND, *SEEING)}
    last = {name: points[-1][2] for name, points in found.items()}
    gain = max(last[name] for name in SEEING) - max(last[name] for name in BLIND)
    error = float(np.sqrt(max(last.values()) * (1 - max(last.values())) / HELD))
    beside = {"best": max(last, key=lambda name: last[name]), "standard error": error}
    return gain, beside | {"CPU seconds, rows, quality": found}


def main() -> int:
    """Measure all three."""
    measures = (
        lambda: compare(synthetic(THIRTY, 200_000, (4.0, 8.0))),
        lambda: compare(synthetic(AMAZON, 400_000, (8.0, 16.0))),
        lambda: compare(wordnet()),
    )
    with threadpool_limits(1):
        held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
