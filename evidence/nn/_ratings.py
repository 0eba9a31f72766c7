"""Ratings: who liked what, and inner products of user and item rows learned from it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from evidence.datasets import load

__all__ = ["DIM", "Ratings", "hit_rate", "learn", "read"]

DIM, NEGATIVES = 16, 4


@dataclass
class Ratings:
    """Pairs of numbers of users and items, users first.

    Args:
        pairs: (n, 2) to learn from. held: (users, 2) of one item left out a user.
        num_users, num_items: of both.
    """

    pairs: np.ndarray
    held: np.ndarray
    num_users: int
    num_items: int

    @property
    def num_ids(self) -> int:
        """Users and items."""
        return self.num_users + self.num_items


def read(name: str) -> Ratings:
    """A data set by name; items that occur in no pair to learn from are left out."""
    split = load(name)
    users = {user: i for i, user in enumerate(dict.fromkeys(row["user"] for row in split.train))}
    items = {item: i for i, item in enumerate(dict.fromkeys(row["item"] for row in split.train))}
    first = len(users)
    rows = [(users[row["user"]], first + items[row["item"]]) for row in split.train]
    held = [
        (users[row["user"]], first + items[row["item"]])
        for row in split.valid
        if row["item"] in items
    ]
    return Ratings(np.array(rows), np.array(held), first, len(items))


def learn(
    users: nn.Module,
    items: nn.Module,
    pairs: np.ndarray,
    choices: tuple[int, int],
    parameters: Iterable[nn.Parameter],
    *,
    epochs: int,
    seed: int,
    batch: int = 1024,
    rate: float = 5e-3,
) -> None:
    """Tell the pairs from four others each, by Adam; choices are the first and last item."""
    base = nn.Parameter(torch.tensor(-1.4))
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.Adam([*parameters, base], lr=rate)
    for _ in range(epochs):
        order = rng.permutation(len(pairs))
        for start in range(0, len(order), batch):
            user, item = torch.from_numpy(pairs[order[start : start + batch]]).T
            others = torch.from_numpy(rng.integers(*choices, (len(item), NEGATIVES)))
            shown = torch.cat([item[:, None], others], dim=1)
            logit = (users(user)[:, None, :] * items(shown)).sum(dim=2) + base
            target = torch.zeros_like(logit)
            target[:, 0] = 1
            loss = nn.functional.binary_cross_entropy_with_logits(logit, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@torch.no_grad()
def hit_rate(users: nn.Module, items: nn.Module, ratings: Ratings, first: int) -> float:
    """Share of users whose held item is among the ten best of all they have not rated (HR@10)."""
    known = torch.zeros(ratings.num_users, ratings.num_items, dtype=torch.bool)
    known[ratings.pairs[:, 0], ratings.pairs[:, 1] - ratings.num_users] = True
    everything = items(torch.arange(first, first + ratings.num_items))
    user, item = torch.from_numpy(ratings.held).T
    score = (users(user) @ everything.T).masked_fill(known[user], -torch.inf)
    best = score.topk(10, dim=1).indices
    return float((best == (item - ratings.num_users)[:, None]).any(dim=1).float().mean())
