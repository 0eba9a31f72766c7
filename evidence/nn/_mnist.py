"""MNIST for evidence: images, small networks trained on them, and what they answer."""

import gzip

import numpy as np
import torch
from torch import Tensor, nn

from evidence.datasets import data_folder

__all__ = ["accuracy", "agreement", "answers", "cnn", "mlp", "mnist", "train"]

Part = tuple[Tensor, Tensor]
BATCH = 128


def mnist() -> tuple[Part, Part]:
    """Train and test part: images (n, 1, 28, 28) in 0..1 and digits (n,)."""
    return _part("train"), _part("t10k")


def _part(name: str) -> Part:
    folder = data_folder() / "img_mnist"
    with gzip.open(folder / f"{name}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(folder / f"{name}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return torch.from_numpy(images / np.float32(255)), torch.from_numpy(labels.astype(np.int64))


def mlp(hidden: int = 512) -> nn.Sequential:
    """784 - hidden - 10."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def cnn(width: int = 16) -> nn.Sequential:
    """Two convolutions with batch norm, a hidden layer, and the answer."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1), nn.BatchNorm2d(2 * width), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(2 * width * 49, 8 * width), nn.ReLU(), nn.Linear(8 * width, 10),
    )  # fmt: skip


def train(
    model: nn.Module, part: Part, epochs: int, *, seed: int = 0, lr: float = 1e-3, after=None
) -> nn.Module:
    """Adam with a rate that falls to zero in a straight line; `after()` follows each step."""
    x, y = part
    rng = torch.Generator().manual_seed(seed)
    steps = epochs * (len(y) // BATCH)
    optimizer = torch.optim.Adam(model.parameters(), lr)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.01, steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(y), generator=rng)[: steps // epochs * BATCH].split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
            if after is not None:
                after()
    return model.eval()


@torch.no_grad()
def answers(model: nn.Module, x: Tensor) -> Tensor:
    """The class each image is given."""
    model.eval()
    return torch.cat([model(rows).argmax(1) for rows in x.split(1000)])


def accuracy(model: nn.Module, part: Part) -> float:
    """The share of right answers, in percent."""
    return 100 * float((answers(model, part[0]) == part[1]).double().mean())


def agreement(one: nn.Module, two: nn.Module, x: Tensor) -> float:
    """The share of images that both give the same class, in percent."""
    return 100 * float((answers(one, x) == answers(two, x)).double().mean())
