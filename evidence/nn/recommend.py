"""Evidence: embedding tables of MovieLens and Last.fm in an eighth of their bytes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from evidence import Evidence, run
from evidence.nn._ratings import DIM, Ratings, hit_rate, learn, read
from evidence.nn.clicks import Folded, Quotient, Table
from thrifty.nn import BlockMap, SimilarityMap, similar_codes

NAMES = {"movielens": "MovieLens (610 users)", "lastfm": "Last.fm (1,880 users)"}
EVIDENCE = tuple(
    Evidence(
        id=f"recommend-{name}",
        says=f"on {said}, users and items in one ROBE array of an eighth of the tables' bytes: "
        "HR@10 over all items not seen, as a share of that of full tables",
        against="full tables of 16 floats a row, the same model and Adam at the same rate, each at "
        "its best of 6 epochs, one seed",
        at_least=0.9,
        cost="long",
    )
    for name, said in NAMES.items()
)
RATIO, EPOCHS = 8, 6


class Full(nn.Module):
    """A row for each id, starting as the arrays do."""

    def __init__(self, rows: int, seed: int) -> None:
        super().__init__()
        draws = torch.Generator().manual_seed(seed)
        self.table = nn.Embedding.from_pretrained(
            0.1 * torch.randn(rows, DIM, generator=draws), freeze=False
        )

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of ids."""
        return self.table(ids)


def tables(ratings: Ratings, seed: int) -> dict[str, Callable[[], nn.Module]]:
    """Ways to hold the rows of all users and items; LMA's array is smaller by its codes."""
    ids, size = ratings.num_ids, ratings.num_ids * DIM // RATIO
    rng = np.random.default_rng(seed)
    sample = ratings.pairs[rng.permutation(len(ratings.pairs))[:50_000]]
    codes = similar_codes(sample, ids, 2, seed=seed)
    return {
        "full": lambda: Full(ids, seed),
        "robe": lambda: Table(ids, BlockMap(size, signed=False, seed=seed)),
        "lma": lambda: Table(
            ids, SimilarityMap(size - codes.nbytes // 4, codes, block=8, signed=False)
        ),
        "hashing trick": lambda: Folded(size // DIM),
        "quotient-remainder": lambda: Quotient(ids, size // DIM),
    }


def rate(table: nn.Module, ratings: Ratings, seed: int) -> float:
    """The best HR@10 over the epochs."""
    for parameter in table.parameters():
        parameter.requires_grad_(True)
    for module in table.modules():
        if isinstance(module, nn.Embedding):
            module.sparse = False
    choices, best = (ratings.num_users, ratings.num_ids), 0.0
    for epoch in range(0, EPOCHS, 3):
        learn(
            table, table, ratings.pairs, choices, table.parameters(), epochs=3,
            seed=100 * seed + epoch, batch=4096, rate=1e-2,
        )  # fmt: skip
        best = max(best, hit_rate(table, table, ratings, ratings.num_users))
    return best


def measure(name: str) -> tuple[float, dict[str, Any]]:
    """HR@10 of ROBE over that of full tables, and what the others have."""
    torch.set_num_threads(1)
    ratings, found = read(name), {}
    for seed in (0,):
        for way, make in tables(ratings, seed).items():
            torch.manual_seed(seed)
            found.setdefault(f"hr@10 {way}", []).append(rate(make(), ratings, seed))
            print(name, way, found[f"hr@10 {way}"], flush=True)
    means = {way: float(np.mean(values)) for way, values in found.items()}
    facts = {"ids": ratings.num_ids, "bytes": 4 * ratings.num_ids * DIM // RATIO}
    return means["hr@10 robe"] / means["hr@10 full"], means | facts


def main() -> int:
    """Measure both sets."""
    held = [run(e, lambda n=n: measure(n)) for e, n in zip(EVIDENCE, NAMES, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
