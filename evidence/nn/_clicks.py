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
        cluster: (rows, fields) of the ids, numbered over all fields.
        num_ids: of all fields, whether they occur or not.
    """

    ids: np.ndarray
    cluster: np.ndarray
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
    clusters = np.empty_like(ids)
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
        clusters[:, field] = field * CLUSTERS + cluster
        own = np.random.default_rng([own_seed, field]).normal(0, 0.15, size)
        drawn = vectors[field, cluster]
        latent, squares = latent + drawn, squares + (drawn**2).sum(axis=1)
        logit += effects[field, cluster] + own[number]
        total += size
    logit += 0.5 * ((latent**2).sum(axis=1) - squares)
    label = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    return Clicks(ids, clusters, label, logit, total)


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
    table: nn.Module,
    clicks: Clicks,
    valid: Clicks,
    *,
    epochs: int,
    optimizer: str,
    rate: float,
    batch: int = 1024,
) -> tuple[list[float], np.ndarray]:
    """AUC on the valid rows after each half epoch, and the scores of the best.

    The network is stepped by Adam; all rates fall in a line to 0.
    """
    torch.manual_seed(3)
    model = Dlrm(table)
    kinds = {"SGD": torch.optim.SGD, "Adagrad": torch.optim.Adagrad}
    steppers = [
        kinds[optimizer](table.parameters(), lr=rate),
        torch.optim.Adam(model.top.parameters(), lr=2e-3),
    ]
    each = len(clicks.label) // batch
    total, rng = epochs * each, np.random.default_rng(1)
    falls = [torch.optim.lr_scheduler.LinearLR(s, 1.0, 1e-3, total) for s in steppers]
    found, best = [], np.zeros(0)
    for step in range(total):
        if step % each == 0:
            order = rng.permutation(len(clicks.label))
        start = step % each * batch
        _step(model, clicks, order[start : start + batch], steppers)
        for fall in falls:
            fall.step()
        if (step + 1) % each in (0, each // 2):
            answers = scores(model, valid.ids)
            found.append(auc(valid.label, answers))
            best = answers if found[-1] == max(found) else best
    return found, best


def _step(
    model: nn.Module, clicks: Clicks, rows: np.ndarray, steppers: list[torch.optim.Optimizer]
) -> None:
    logit = model(torch.from_numpy(clicks.ids[rows]))
    target = torch.from_numpy(clicks.label[rows])
    loss = nn.functional.binary_cross_entropy_with_logits(logit, target)
    for one in steppers:
        one.zero_grad(set_to_none=True)
    loss.backward()
    for one in steppers:
        one.step()
