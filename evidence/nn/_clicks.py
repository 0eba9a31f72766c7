"""Clicks: a generated set with clustered ids, and a small DLRM that takes any embedding tables.

A row has one id in each of eight fields. Ids stand in clusters; a row has a topic, which makes
some clusters of every field more likely; inside a cluster ids follow a Zipf law, or are drawn
evenly for a part of the rows, so that most ids are rare. Whether a row is a click depends on the
clusters, on pairs of clusters and a little on the ids themselves.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

__all__ = ["SIZES", "Clicks", "Dlrm", "auc", "generate", "train"]

SIZES = (1_000_000, 500_000, 250_000, 125_000, 64_000, 32_000, 24_000, 8_000)
CLUSTERS, TOPICS, DIM = 50, 20, 16


@dataclass
class Clicks:
    """Rows of ids, numbered over all fields, and whether they were clicked.

    Args:
        ids: (rows, fields). label: (rows,) 0 or 1. ideal: (rows,) the logit that labels are of.
        num_ids: of all fields, whether they occur or not.
    """

    ids: np.ndarray
    label: np.ndarray
    ideal: np.ndarray
    num_ids: int


def generate(rows: int, times: int, *, part: int = 0) -> Clicks:
    """Rows of the set with so many times two million ids; another part is other rows of it."""
    even, power = 0.02, 1.6
    world = np.random.default_rng(7)
    rng = np.random.default_rng([11, part])
    liked = [world.dirichlet(np.full(CLUSTERS, 0.15), TOPICS) for _ in SIZES]
    effects = world.normal(0, 0.5, (len(SIZES), CLUSTERS))
    vectors = world.normal(0, 0.25, (len(SIZES), CLUSTERS, 4))
    own_seed = world.integers(2**31)
    topic = rng.integers(TOPICS, size=rows)
    ids, logit, total = np.empty((rows, len(SIZES)), np.int64), np.full(rows, -1.2), 0
    latent, squares = np.zeros((rows, 4)), np.zeros(rows)
    for field, size in enumerate(times * size for size in SIZES):
        edges = (liked[field].cumsum(axis=1) + np.arange(TOPICS)[:, None]).ravel()
        cluster = np.searchsorted(edges, topic + rng.random(rows)) - topic * CLUSTERS
        cluster = cluster.clip(0, CLUSTERS - 1)
        members = size // CLUSTERS
        chances = np.arange(1, members + 1) ** -power
        rank = np.searchsorted(chances.cumsum() / chances.sum(), rng.random(rows))
        rank = np.where(rng.random(rows) < even, rng.integers(members, size=rows), rank)
        number = cluster * members + np.minimum(rank, members - 1)
        shuffled = np.random.default_rng([5, field]).permutation(size)
        ids[:, field] = total + shuffled[number]
        own = np.random.default_rng([own_seed, field]).normal(0, 0.15, size)
        drawn = vectors[field, cluster]
        latent, squares = latent + drawn, squares + (drawn**2).sum(axis=1)
        logit += effects[field, cluster] + own[number]
        total += size
    logit += 0.5 * ((latent**2).sum(axis=1) - squares)
    label = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    return Clicks(ids, label, logit, total)


def auc(label: np.ndarray, score: np.ndarray) -> float:
    """Share of pairs of a click and another row that stand in the right order."""
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    clicks = label.sum()
    return float((ranks[label > 0].sum() - clicks * (clicks + 1) / 2) / clicks / (label == 0).sum())


class Dlrm(nn.Module):
    """Embeddings, their inner products, and a network of 64 and 32 units over both."""

    def __init__(self, table: nn.Module) -> None:
        super().__init__()
        fields = len(SIZES)
        self.table = table
        self.register_buffer("pairs", torch.triu_indices(fields, fields, 1), persistent=False)
        wide = fields * DIM + fields * (fields - 1) // 2
        self.top = nn.Sequential(
            nn.Linear(wide, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1)
        )

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """The logit of a click."""
        rows = self.table(ids)
        products = rows @ rows.transpose(1, 2)
        crossed = products[:, self.pairs[0], self.pairs[1]]
        return self.top(torch.cat([rows.flatten(1), crossed], dim=1))[:, 0]


@torch.no_grad()
def scores(model: nn.Module, ids: np.ndarray) -> np.ndarray:
    """Logits of rows."""
    parts = torch.from_numpy(ids).split(16384)
    return torch.cat([model(part) for part in parts]).numpy()


def train(
    table: nn.Module, clicks: Clicks, valid: Clicks, *, epochs: int, rate: float, batch: int = 1024
) -> list[float]:
    """AUC on the valid rows after each epoch; the table by SGD, the network by Adam."""
    torch.manual_seed(3)
    model = Dlrm(table)
    tables = torch.optim.SGD(table.parameters(), lr=rate)
    others = torch.optim.Adam(model.top.parameters(), lr=2e-3)
    rng, found = np.random.default_rng(1), []
    for _ in range(epochs):
        order = rng.permutation(len(clicks.label))
        for start in range(0, len(order) - batch + 1, batch):
            rows = order[start : start + batch]
            logit = model(torch.from_numpy(clicks.ids[rows]))
            target = torch.from_numpy(clicks.label[rows])
            loss = nn.functional.binary_cross_entropy_with_logits(logit, target)
            tables.zero_grad(set_to_none=True)
            others.zero_grad(set_to_none=True)
            loss.backward()
            tables.step()
            others.step()
        found.append(auc(valid.label, scores(model, valid.ids)))
    return found
