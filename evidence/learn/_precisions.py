"""Small networks trained in many number formats on many small tables: errors and memory."""

import csv
import gzip
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn import datasets

from evidence.datasets import data_folder
from thrifty.codec import FloatFormat, quantize

__all__ = ["CONFIGS", "matrix"]

Table = tuple[np.ndarray, np.ndarray]
WEIGHTS = ((2, 1), (2, 2), (3, 0), (3, 1), (4, 2), (5, 5))  # exponent and mantissa bits
STATES = ((4, 1), (4, 2), (4, 3), (5, 3), (5, 6))
CONFIGS = [(a, b) for a in WEIGHTS for b in STATES]
HIDDEN, BATCH, STEPS, MOST, SEEDS = 16, 32, 120, 1000, 2
TARGETS = {  # last column, and from which value on it is the positive class
    "banknote_authentication": None, "phoneme": None, "sonar": None, "german": None,
    "pima-indians-diabetes": None, "abalone": "median", "winequality-red": "median",
    "winequality-white": "median",
}  # fmt: skip


def tables() -> Iterator[tuple[str, Table]]:
    """Names, numbers (n, d) and classes (n,)."""
    for name in ("iris", "wine", "breast_cancer", "digits"):
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        yield name, (x, y)
    for name, how in TARGETS.items():
        with gzip.open(data_folder() / "table_uci" / f"{name}.csv.gz", "rt") as file:
            yield name, _columns([row for row in csv.reader(file) if row], how)
    for name in ("concrete", "energy", "power-plant", "yacht"):
        yield name, _numbers(name)
    yield "moons", datasets.make_moons(600, noise=0.25, random_state=0)
    yield "circles", datasets.make_circles(600, noise=0.15, factor=0.5, random_state=0)
    for seed, (d, classes) in enumerate([(10, 2), (20, 3), (40, 5), (6, 4)]):
        yield (
            f"generated {seed}",
            datasets.make_classification(
                800, d, n_informative=min(d - 1, 5), n_classes=classes, n_redundant=0,
                flip_y=0.05, random_state=seed,
            ),
        )  # fmt: skip


def _columns(rows: list[list[str]], how: str | None) -> Table:
    width = max(len(row) for row in rows)
    columns = list(zip(*(row for row in rows if len(row) == width), strict=True))
    x = np.stack([_codes(column) for column in columns[:-1]], axis=1)
    y = _codes(columns[-1])
    return x, (y > np.median(y)).astype(int) if how else np.unique(y, return_inverse=True)[1]


def _codes(column: tuple[str, ...]) -> np.ndarray:
    try:
        return np.array(column, np.float64)
    except ValueError:
        return np.unique(column, return_inverse=True)[1].astype(np.float64)


def _numbers(name: str) -> Table:
    folder = data_folder() / "table_uci"
    with gzip.open(folder / f"{name}.txt.gz", "rt") as file:
        table = np.loadtxt(io.StringIO(file.read()))
    return table[:, :-1], (table[:, -1] > np.median(table[:, -1])).astype(int)


def _parts(table: Table, seed: int) -> tuple[Table, Table]:
    x, y = table
    order = np.random.default_rng(seed).permutation(len(y))[:MOST]
    x = (x[order] - x.mean(0)) / (x.std(0) + 1e-9)
    cut = int(0.6 * len(order))
    x = np.clip(x, -4, 4).astype(np.float32)
    return (x[:cut], y[order][:cut]), (x[cut:], y[order][cut:])


def matrix() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names of tables, their errors and bytes (tables, configs).

    Kept in $THRIFTY_TRAINED or the folder of temporary files, table by table.
    """
    folder = Path(os.environ.get("THRIFTY_TRAINED") or tempfile.gettempdir()) / "thrifty-precisions"
    folder.mkdir(parents=True, exist_ok=True)
    names, errors, memory = [], [], []
    for name, table in tables():
        path = folder / f"{name} {STEPS} {SEEDS} {WEIGHTS} {STATES}.npy"
        if not path.exists():
            np.save(path, [errors_of(table, config) for config in CONFIGS])
        names.append(name)
        errors.append(np.load(path))
        memory.append([memory_of(table, config) for config in CONFIGS])
    return names, np.array(errors), np.array(memory)


def memory_of(table: Table, config: tuple) -> float:
    """Bytes while training: weights, activations and gradients of a batch; weights and momentum."""
    (ea, ma), (eb, mb) = config
    d, c = table[0].shape[1], int(table[1].max()) + 1
    weights = (d + 1) * HIDDEN + (HIDDEN + 1) * c
    return ((1 + ea + ma) * (weights + BATCH * (d + HIDDEN + c)) + (1 + eb + mb) * 2 * weights) / 8


def errors_of(table: Table, config: tuple) -> float:
    """The share of wrong answers on the test part, mean over networks.

    The networks train by SGD with momentum, side by side; their state is in format B, what is
    computed from it in format A.
    """
    a, b = (FloatFormat(e, m, specials="none") for e, m in config)
    parts = [_parts(table, seed) for seed in range(SEEDS)]
    d, c = table[0].shape[1], int(table[1].max()) + 1
    rng = np.random.default_rng(5)
    cut, size = (d + 1) * HIDDEN, len(parts[0][0][1])
    state = rng.standard_normal((SEEDS, cut + (HIDDEN + 1) * c)).astype(np.float32)
    state[:, :cut] *= (d + 1) ** -0.5
    state[:, cut:] *= HIDDEN**-0.5
    moved, every = np.zeros_like(state), np.arange(SEEDS)[:, None]
    x, tx = (_with_one(np.stack([part[i][0] for part in parts]), a) for i in (0, 1))
    y, ty = (np.stack([part[i][1] for part in parts]) for i in (0, 1))
    for _ in range(STEPS):
        rows = rng.integers(0, size, (SEEDS, BATCH))
        slope = _slope(quantize(state, a), x[every, rows], y[every, rows], cut, c, a)
        moved = quantize(np.float32(0.9) * moved + slope, b)
        state = quantize(state - np.float32(0.05) * moved, b)
    logits = _forward(quantize(state, a), tx, cut, c, a)[1]
    return float((logits.argmax(-1) != ty).mean())


def _with_one(x: np.ndarray, form: FloatFormat) -> np.ndarray:
    found = np.ones((*x.shape[:-1], x.shape[-1] + 1), np.float32)
    found[..., :-1] = x
    return quantize(found, form)


def _forward(w, x, cut, c, form):
    first = w[:, :cut].reshape(len(w), -1, HIDDEN)
    h = _with_one(np.maximum(x @ first, 0), form)
    return h, h @ w[:, cut:].reshape(len(w), HIDDEN + 1, c)


def _slope(w, x, y, cut, c, form):
    h, logits = _forward(w, x, cut, c, form)
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    np.put_along_axis(p, y[..., None], np.take_along_axis(p, y[..., None], -1) - 1, -1)
    g = quantize(p, form)  # not the mean yet: it would fall below the least number
    last = w[:, cut:].reshape(len(w), HIDDEN + 1, c)[:, :-1]
    back = quantize((g @ last.transpose(0, 2, 1)) * (h[..., :-1] > 0), form)
    found = [(z.transpose(0, 2, 1) @ u).reshape(len(w), -1) for z, u in ((x, back), (h, g))]
    return quantize(np.concatenate(found, axis=1), form) / np.float32(y.shape[1])
