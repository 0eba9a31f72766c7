"""Ratings: who liked what, and inner products of user and item rows learned from it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from evidence.datasets import load

__all__ = ["DIM", "Ratings", "hits", "learn", "popular", "read"]

DIM, NEGATIVES = 16, 4


@dataclass
class Ratings:
    """Pairs of numbers of users and items, users first.

    Args:
        pairs: (n, 2) to learn from. held: (m, 2) of items left out of them.
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


def read(name: str, last: int = 1) -> Ratings:
    """A data set by name, so many items of each user held out.

    Beside the one that the set holds out they are the user's last to learn from, which are the
    latest where the set is in order of time. Items that occur in no pair to learn from are left
    out.
    """
    split = load(name)
    known: dict[str, list[str]] = {}
    for row in split.train:
        known.setdefault(row["user"], []).append(row["item"])
    asked = {row["user"]: [row["item"]] for row in split.valid}
    for user in asked if last > 1 else ():
        asked[user] += known[user][1 - last :]
        del known[user][1 - last :]
    users = {user: i for i, user in enumerate(known)}
    order = dict.fromkeys(item for seen in known.values() for item in seen)
    items = {item: i for i, item in enumerate(order)}
    first = len(users)
    rows, held = (
        [(users[u], first + items[i]) for u, seen in part.items() for i in seen if i in items]
        for part in (known, asked)
    )
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
    penalty: float = 0.0,
) -> None:
    """Tell the pairs from four others each, by Adam; choices are the first and last item.

    The penalty is of the squares of the rows that are read.
    """
    base = nn.Parameter(torch.tensor(-1.4))
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.Adam([*parameters, base], lr=rate)
    for _ in range(epochs):
        order = rng.permutation(len(pairs))
        for start in range(0, len(order), batch):
            user, item = torch.from_numpy(pairs[order[start : start + batch]]).T
            others = torch.from_numpy(rng.integers(*choices, (len(item), NEGATIVES)))
            shown = torch.cat([item[:, None], others], dim=1)
            taste, kinds = users(user), items(shown)
            logit = torch.einsum("bd,bkd->bk", taste, kinds) + base
            target = torch.zeros_like(logit)
            target[:, 0] = 1
            loss = nn.functional.binary_cross_entropy_with_logits(logit, target)
            if penalty:
                squares = taste.square().sum(dim=1) + kinds.square().sum(dim=2).mean(dim=1)
                loss = loss + penalty * squares.mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@torch.no_grad()
def hits(users: nn.Module, items: nn.Module, ratings: Ratings, first: int) -> np.ndarray:
    """Whether each held item is among the ten best of all that its user has not rated."""
    known = torch.zeros(ratings.num_users, ratings.num_items, dtype=torch.bool)
    known[ratings.pairs[:, 0], ratings.pairs[:, 1] - ratings.num_users] = True
    everything = items(torch.arange(first, first + ratings.num_items))
    found = []
    for part in torch.from_numpy(ratings.held).split(1024):
        user, item = part.T
        score = (users(user) @ everything.T).masked_fill(known[user], -torch.inf)
        best = score.topk(10, dim=1).indices
        found.append((best == (item - ratings.num_users)[:, None]).any(dim=1))
    return torch.cat(found).numpy()


def popular(ratings: Ratings) -> float:
    """HR@10 of the items that occur most, the same for all users."""
    counts = np.bincount(ratings.pairs[:, 1] - ratings.num_users, minlength=ratings.num_items)
    scores, ones = torch.from_numpy(counts[:, None]).float(), torch.ones(ratings.num_users, 1)
    items, users = (nn.Embedding.from_pretrained(table) for table in (scores, ones))
    return float(hits(users, items, ratings, 0).mean())
