"""Digits: a small network of MNIST for evidence, its layers as arrays, and its accuracy."""

import gzip
import warnings
from collections.abc import Callable
from functools import cache

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from evidence.datasets import data_folder

__all__ = ["accuracy", "network", "read"]

Layers = tuple[list[np.ndarray], list[np.ndarray]]


@cache
def read() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images (n, 784) float32 of 0..1 and labels: 20,000 to learn from, 10,000 to judge by."""
    folder = data_folder() / "img_mnist"
    arrays = []
    for part, n in (("train", 20_000), ("t10k", 10_000)):
        with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as file:
            images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
        with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz") as file:
            labels = np.frombuffer(file.read(), np.uint8, offset=8)
        arrays += [images[:n].astype(np.float32) / 255, labels[:n]]
    return arrays[0], arrays[1], arrays[2], arrays[3]


@cache
def network(hidden: int = 128) -> Layers:
    """Weights (outputs, inputs) and biases of two hidden ReLU layers, trained for 12 epochs."""
    x, y, _, _ = read()
    model = MLPClassifier((hidden, hidden), max_iter=12, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, y)
    weights = [np.ascontiguousarray(w.T, np.float32) for w in model.coefs_]
    return weights, [b.astype(np.float32) for b in model.intercepts_]


def accuracy(
    weights: list[np.ndarray],
    biases: list[np.ndarray],
    between: Callable[[np.ndarray], np.ndarray] = lambda x: x,
) -> float:
    """Share of the 10,000 digits told right; `between` is applied to what each ReLU gives."""
    _, _, x, y = read()
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        x = x @ w.T + b
        x = between(np.maximum(x, 0)) if i < len(weights) - 1 else x
    return float((x.argmax(axis=1) == y).mean())
