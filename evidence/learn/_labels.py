"""Labels: texts with very many labels, as retrieval of labels: one run that several files tell of.

Labels are items. All methods see the same rows, tf-idf of words, and are asked for the labels of
the same valid rows. The wide learner scores every label; the others collect candidates, which the
wide learner then ranks, and it is counted how many they need to hold its exact five best.
"""

import time
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from evidence.datasets import load
from thrifty.learn import IRLI, SOLAR, KMeans, WideClassifier
from thrifty.learn.tile import Scratch, cut

__all__ = [
    "NAMES", "SIZE", "Job", "curve_of", "curve_of_cells", "held_by", "irli", "job", "needed",
    "precisions", "solar",
]  # fmt: skip

NAMES = ("wordnet", "git")
TRAIN, VALID, TOP = 16_000, 1_000, 5
SIZE = f"{TRAIN:,} rows of WordNet glosses and as many commits of git, hidden layer 128"
OPTIONS: dict[str, Any] = {"hidden": 128, "linear": "none", "negatives": "none", "refit": False}
PROBES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
Curve = list[tuple[float, float]]  # candidates a row, share of the wide learner's best among them


@dataclass(frozen=True)
class Job:
    """One data set: rows, labels, and the wide learner that scores all of them."""

    x: Any
    y: list[list[str]]
    valid: Any
    truth: list[set[str]]
    wide: WideClassifier
    scores: NDArray[np.float32]
    best: NDArray[np.int64]
    seconds: float


@cache
def job(name: str) -> Job:
    """Read, vectorise, and train the wide learner."""
    split = load(name)
    rng = np.random.default_rng(30)
    train, valid = (
        [rows[i] for i in np.sort(rng.choice(len(rows), count, replace=False))]
        for rows, count in ((split.train, TRAIN), (split.valid, VALID))
    )
    text = TfidfVectorizer(min_df=2, sublinear_tf=True, dtype=np.float32)
    x = text.fit_transform(_texts(split, train))
    there, y = text.transform(_texts(split, valid)), [row[split.target] for row in train]
    start = time.process_time()
    wide = WideClassifier(**OPTIONS).fit(x, y)
    seconds = time.process_time() - start
    scores = wide.decision_function(there)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    truth = [set(row[split.target]) for row in valid]
    return Job(x, y, there, truth, wide, scores, best, seconds)


@cache
def solar(name: str) -> tuple[SOLAR, float]:
    """SOLAR of 16 repetitions, and the CPU seconds of its training."""
    return _fitted(SOLAR(16, **OPTIONS), name)


@cache
def irli(name: str, rounds: int = 3, choices: int = 10) -> tuple[IRLI, float]:
    """IRLI of 4 repetitions; with no rounds, the random partition."""
    return _fitted(IRLI(4, rounds=rounds, choices=choices, **OPTIONS), name)


def precisions(told: Job, answers: Any) -> list[float]:
    """P@1, P@3 and P@5 of ranked labels."""
    pairs = list(zip(answers, told.truth, strict=True))
    return [float(np.mean([len(set(got[:k]) & own) / k for got, own in pairs])) for k in (1, 3, 5)]


def held_by(told: Job, model: Any, probes: int, least: int) -> tuple[float, float, list[float]]:
    """Candidates a row, share of the exact best held, and P@k once the wide learner ranks them."""
    ends, ids = model.candidates(told.valid, probes=probes, least=least)
    parts = [ids[a:b] for a, b in pairwise(ends)]
    held = np.mean([np.isin(best, own).mean() for best, own in zip(told.best, parts, strict=True)])
    ranked = (own[np.argsort(-row[own])[:TOP]] for row, own in zip(told.scores, parts, strict=True))
    names = [told.wide.classes_[own] for own in ranked]
    return float(np.diff(ends).mean()), float(held), precisions(told, names)


def curve_of(told: Job, model: Any, least: int) -> Curve:
    """Candidates and what they hold, from few buckets to many."""
    most = [p for p in PROBES if p <= model.hash_.size]
    return [held_by(told, model, probes, least)[:2] for probes in most]


def curve_of_cells(told: Job) -> Curve:
    """As `curve_of` for k-means cells of the wide learner's output rows, nearest cells first."""
    path, network = told.wide.network_.hidden, told.wide
    assert path is not None
    rows = np.column_stack([path.output_float32(), path.bias])
    tiles = cut(network._columns.rows(told.valid), None, 256)
    hidden = np.concatenate([path.activate(tile, Scratch())[0] for tile in tiles])
    count = 4 * int(np.ceil(np.sqrt(len(rows))))
    means = KMeans(count, max_iter=10).fit(rows)
    cells, queries = means.predict(rows), np.column_stack([hidden, np.ones(len(hidden))])
    loads = np.bincount(cells, minlength=count)
    order = np.argsort(-(queries @ means.cluster_centers_.T), axis=1)
    places = np.argsort(order, axis=1)
    reached = np.take_along_axis(places, cells[told.best], axis=1)
    return [
        (float(loads[order[:, :p]].sum(axis=1).mean()), float((reached < p).mean())) for p in PROBES
    ]


def needed(curve: Curve, share: float) -> float:
    """Candidates a row that hold this share of the best, between two measured points by a line."""
    last = (0.0, 0.0)
    for found, held in curve:
        if held >= share:
            return last[0] + (found - last[0]) * (share - last[1]) / (held - last[1])
        last = (found, held)
    return float("inf")


def _texts(split: Any, rows: list[dict[str, Any]]) -> list[str]:
    return [" ".join(str(row[name]) for name in split.columns) for row in rows]


def _fitted(model: Any, name: str) -> tuple[Any, float]:
    told = job(name)
    start = time.process_time()
    model.fit(told.x, told.y)
    return model, time.process_time() - start
