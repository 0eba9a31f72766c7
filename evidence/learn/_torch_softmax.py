"""Torch softmax: the same network in torch, with every output or a sample of them.

Run by a Python that has torch: `python -m evidence.learn._torch_softmax '{"kind": "dense", ...}'`.
Prints one JSON line: a curve of rows seen, CPU seconds (judging not counted) and held-out P@1.
"""

import json
import math
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from evidence.learn._synthetic import World

__all__ = ["Dense", "Sampled", "curve"]

BATCH = 256


class Dense(nn.Module):
    """Every output; Adam (fused) for the output layer, SparseAdam for the input rows."""

    def __init__(self, world: World, hidden: int, rate: float) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(world.columns, hidden, mode="sum", sparse=True)
        nn.init.normal_(self.bag.weight, std=0.05)
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.make_output(world.classes, hidden)
        sparse = [p for name, p in self.named_parameters() if name in self.sparse]
        rest = [p for name, p in self.named_parameters() if name not in self.sparse]
        self.optimizers = [
            torch.optim.SparseAdam(sparse, lr=rate),
            torch.optim.Adam(rest, lr=rate, fused=True),
        ]

    sparse: tuple[str, ...] = ("bag.weight",)

    def make_output(self, classes: int, hidden: int) -> None:
        self.rows = nn.Parameter(torch.zeros(classes, hidden))
        self.shift = nn.Parameter(torch.zeros(classes))

    def hide(self, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        indptr, codes, values = batch
        return torch.relu(self.bag(codes, indptr[:-1], per_sample_weights=values) + self.bias)

    def loss(self, hidden: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(hidden @ self.rows.T + self.shift, labels)

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden @ self.rows.T + self.shift

    def step(self, batch: tuple[torch.Tensor, ...], labels: torch.Tensor) -> None:
        loss = self.loss(self.hide(batch), labels)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()


class Sampled(Dense):
    """The labels of the batch and negatives shared by it; SparseAdam for all rows.

    Args:
        draw: "uniform" without correction, or "log-uniform" by class frequency (classes come
            ordered by it), logits corrected by the expected count.
        negatives: how many are drawn a batch.
    """

    sparse: tuple[str, ...] = ("bag.weight", "rows.weight", "shift.weight")

    def __init__(self, world: World, hidden: int, rate: float, draw: str, negatives: int) -> None:
        super().__init__(world, hidden, rate)
        self.draw, self.negatives, self.classes = draw, negatives, world.classes
        self.chance = torch.Generator().manual_seed(0)

    def make_output(self, classes: int, hidden: int) -> None:
        self.rows = nn.Embedding(classes, hidden, sparse=True)
        self.shift = nn.Embedding(classes, 1, sparse=True)
        nn.init.zeros_(self.rows.weight)
        nn.init.zeros_(self.shift.weight)

    def loss(self, hidden: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        drawn = torch.rand(self.negatives, generator=self.chance, dtype=torch.float64)
        if self.draw == "uniform":
            negatives = (drawn * self.classes).long()
        else:
            negatives = (torch.exp(drawn * math.log(self.classes + 1)) - 1).long()
        active, places = torch.unique(
            torch.cat([labels, negatives.clamp(max=self.classes - 1)]), return_inverse=True
        )
        scores = hidden @ self.rows(active).T + self.shift(active)[:, 0]
        if self.draw != "uniform":
            share = torch.log1p(1 / (active + 1.0)) / math.log(self.classes + 1)
            scores = scores - torch.log(-torch.expm1(self.negatives * torch.log1p(-share)))
        return functional.cross_entropy(scores, places[: len(labels)])

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden @ self.rows.weight.T + self.shift.weight[:, 0]


def batches(rows, labels):
    """CSR rows as batches for an embedding bag."""
    indptr, ids = rows.indptr.astype(np.int64), labels[1].astype(np.int64)
    for start in range(0, rows.shape[0], BATCH):
        bounds = indptr[start : start + BATCH + 1]
        part = slice(bounds[0], bounds[-1])
        arrays = bounds - bounds[0], rows.indices[part].astype(np.int64), rows.data[part]
        yield tuple(map(torch.from_numpy, arrays)), torch.from_numpy(ids[start : start + BATCH])


@torch.no_grad()
def precision(model: Dense, held) -> float:
    """P@1 over every output on held-out rows."""
    right = [(model.scores(model.hide(b)).argmax(dim=1) == labels) for b, labels in batches(*held)]
    return float(torch.cat(right).float().mean())


def curve(job: dict) -> list[tuple[int, float, float]]:
    """Rows, CPU seconds and P@1 at each of job["at"] rows, until job["seconds"] are over."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    world = World(**job["world"])
    train, held = world.rows(job["rows"], 0), world.rows(job["held"], 1)
    shape = world, job["hidden"], job["rate"]
    model = (
        Dense(*shape) if job["kind"] == "dense" else Sampled(*shape, job["kind"], job["negatives"])
    )
    points, seen, used, at = [], 0, 0.0, list(job["at"])
    while at and used < job["seconds"]:
        for batch, labels in batches(*train):
            start = time.process_time()
            model.step(batch, labels)
            used += time.process_time() - start
            seen += len(labels)
            if (at and seen >= at[0]) or used >= job["seconds"]:
                points.append((seen, used, precision(model, held)))
                at = [count for count in at if count > seen]
            if not at or used >= job["seconds"]:
                break
    return points


if __name__ == "__main__":
    print(json.dumps(curve(json.loads(sys.argv[1]))))
