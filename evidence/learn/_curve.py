"""Curve: held-out P@1 of a wide network against the CPU seconds it was trained for."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib.util import find_spec
from itertools import count, islice
from typing import Any

import numpy as np

from evidence.learn._synthetic import Labels, Rows, World
from thrifty.learn import Settings, Wide
from thrifty.learn.hidden_path import HiddenPath
from thrifty.learn.tile import cut
from thrifty.learn.worker import Job, Worker

__all__ = [
    "TILE",
    "best_of",
    "endless",
    "learner",
    "our_curve",
    "path_of",
    "seconds_to",
    "torch_curve",
    "torch_python",
    "warm",
]

Curve = list[tuple[int, float, float]]  # rows seen, CPU seconds, held-out P@1
TILE = 256


def learner(world: World, labels: Labels, **settings: Any) -> Wide:
    """A network of one hidden layer of 128 units over this world, tile 256."""
    chosen: dict[str, Any] = {
        "task": "one",
        "linear": "none",
        "tile": TILE,
        "negatives": "uniform",
        **settings,
    }
    sizes = {"num_columns": world.columns, "num_outputs": world.classes}
    counts = np.bincount(labels[1], minlength=world.classes)
    wide = Wide(Settings(**sizes, **chosen), class_counts=counts, rows=len(labels[1]))
    path_of(wide).refresh()
    return wide


def path_of(wide: Wide) -> HiddenPath:
    """The hidden path, which every network here has."""
    if wide.hidden is None:
        raise TypeError("wide must have a hidden path")
    return wide.hidden


def precision(wide: Wide, held: Rows) -> float:
    """P@1 over every output on held-out rows."""
    rows, (_, labels) = held
    return float((wide.top_k(rows, 1)[0][:, 0] == labels).mean())


def our_curve(wide: Wide, train: Rows, held: Rows, at: list[int]) -> Curve:
    """Train with the network's own rate to each number of rows; time for judging is not counted.

    Args:
        wide: a fresh network. train, held: rows and labels. at: rows, ascending.
    """
    warm(wide)
    rate, worker, points, used = wide.settings.learning_rate, Worker(wide), [], 0.0
    jobs, seen = endless(train, rate or 0.0), 0
    with ThreadPoolExecutor(wide.settings.threads) as pool:
        for rows in at:
            start = time.process_time()
            tiles = -(-(rows - seen) // TILE)
            worker.run(pool, islice(jobs, tiles))
            used += time.process_time() - start
            seen += tiles * TILE
            points.append((seen, used, precision(wide, held)))
    return points


def endless(train: Rows, rate: float) -> Iterator[Job]:
    """Jobs for a worker: the rows again and again, in tiles."""
    epochs = (tile for _ in count() for tile in cut(*train, TILE))
    return ((tile, rate, (number,)) for number, tile in enumerate(epochs))


def warm(like: Wide) -> None:
    """Compile every kernel on a small network of the same kind."""
    world = World(columns=1000, classes=400)
    rows, labels = world.rows(2 * TILE, 0)
    settings = {"negatives": like.settings.negatives, "num_negatives": 64}
    small = learner(world, labels, learning_rate=0.1, **settings)
    with ThreadPoolExecutor(1) as pool:
        Worker(small).run(pool, ((tile, 0.1, (0,)) for tile in cut(rows, labels, TILE)))
    path_of(small).refresh()
    precision(small, (rows, labels))


def torch_curve(**job: Any) -> Curve:
    """The curve of `_torch_softmax`, in a process of its own."""
    job["world"] = asdict(job["world"])
    command = [torch_python(), "-m", "evidence.learn._torch_softmax", json.dumps(job)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        command, env={**os.environ, **one}, capture_output=True, text=True, check=True
    )
    return [tuple(point) for point in json.loads(done.stdout.splitlines()[-1])]


def torch_python() -> str:
    """The Python that has torch: THRIFTY_TORCH_PYTHON, or this one; empty where there is none."""
    here = sys.executable if find_spec("torch") else ""
    return os.environ.get("THRIFTY_TORCH_PYTHON", here)


def best_of(curves: dict[str, Curve]) -> str:
    """Name of the curve whose last point is the best."""
    return max(curves, key=lambda name: curves[name][-1][2])


def seconds_to(curve: Curve, target: float) -> float:
    """CPU seconds to a P@1, linear between points; NaN where the curve never gets there."""
    before = (0, 0.0, 0.0)
    for point in curve:
        if point[2] >= target:
            share = (target - before[2]) / max(point[2] - before[2], 1e-9)
            return before[1] + share * (point[1] - before[1])
        before = point
    return float("nan")
